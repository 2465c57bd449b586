"""Features that an evaluation must find easy, and a task that has them in place of an encoder."""

from types import SimpleNamespace

import numpy as np
import pytest

CLASSES, WIDTH = 5, 16


def make_clusters(per_class, seed, spread=0.3):
    """Features float32 [n, WIDTH] around one centre for each class, and their labels int64 [n]."""
    centres = np.random.default_rng(0).normal(size=(CLASSES, WIDTH))
    labels = np.tile(np.arange(CLASSES), per_class)
    noise = np.random.default_rng(seed).normal(size=(len(labels), WIDTH))
    return (centres[labels] + spread * noise).astype(np.float32), labels


@pytest.fixture(scope="session")
def clusters():
    return make_clusters


@pytest.fixture
def feature_task(monkeypatch):
    """`feature_task(module, spec, train=(features, labels), test=...)`: a task whose splits have these features and
    labels, for the module of an evaluation."""

    def task(module, spec, **splits):
        def source(images, progress=None):
            ids = tuple(f"{number}.png" for number in range(len(splits[images.split][1])))
            labels = tuple(int(label) for label in splits[images.split][1])
            return SimpleNamespace(manifest=SimpleNamespace(ids=ids, labels=labels, label=images.label))

        def images(split):
            return SimpleNamespace(split=split, label=f"targets/x/{split}")

        def features_of(_task, name, embedding):
            assert embedding == spec.embedding
            return splits[name][0]

        monkeypatch.setattr("benchmark.evaluations._measures.features_of", features_of)
        return SimpleNamespace(
            stage=SimpleNamespace(spec=spec),
            images=images,
            data=SimpleNamespace(verified_source=source),
            progress=lambda *_: None,
            device="cpu",
            workers=0,
        )

    return task
