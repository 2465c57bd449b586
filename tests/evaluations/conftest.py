"""Features that an evaluation must find easy, and a task that has them in place of an encoder."""

import shutil
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.execution.store import Store, open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.images.data import Data
from benchmark.planning.names import find_protocol
from benchmark.planning.planner import Planner
from benchmark.planning.profiles import find_profile
from benchmark.specs.artefacts import OUTCOMES
from benchmark.specs.cells import ordered
from benchmark.specs.stages import Stage

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

        monkeypatch.setattr("benchmark.evaluations._features.features_of", features_of)
        return SimpleNamespace(
            stage=SimpleNamespace(spec=spec),
            images=images,
            data=SimpleNamespace(verified_source=source),
            progress=lambda *_: None,
            device="cpu",
            workers=0,
        )

    return task


@dataclass(frozen=True)
class TrainedEncoder:
    """An encoder of the smoke profile, trained for a few steps, with its planner and its store."""

    planner: Planner
    stage: Stage
    store: Store
    target: str

    def plan(self, evaluation, protocol="clean", seed=0):
        """The stage of an evaluation of the encoder, and the stages below it."""
        planner = replace(self.planner, protocol=find_protocol(protocol))
        return planner.evaluate(self.stage, self.target, seed, name=evaluation)

    def evaluate(self, *args, **fields):
        """Run an evaluation in this process, with what it needs; its record."""
        return self.run(self.plan(*args, **fields))

    def run(self, stage):
        """Run a stage in this process, with what it needs; its record."""
        for one in ordered([stage]):
            if not self.store.has(one):
                run_stage(Task(one, self.store, self.planner.catalogue, "cpu"))
        return self.store.record(stage)

    def forget(self, stage):
        """Take the result of a stage out of the store."""
        shutil.rmtree(self.store.folder(stage.kind.name, stage.key))

    def arrays(self, stage):
        """What an evaluation kept of every image, by name."""
        with np.load(self.store.file(stage, OUTCOMES)) as arrays:
            return dict(arrays)


@pytest.fixture(scope="session")
def make_encoder(tmp_path_factory):
    """`make_encoder(method)`: an encoder that a method trained on X for two steps."""

    def make(method="simclr", target="dtd"):
        root = tmp_path_factory.mktemp(f"{method}-encoder") / "runs"
        data = Data(None, True, root)
        data.read([("targets", target, split) for split in ("train", "test")])
        profile = find_profile("smoke")
        planner = Planner(profile, find_protocol("clean"), data, 2, profile.setup(method))
        return TrainedEncoder(planner, planner.retrieval(target, 0), open_store(root), target)

    return make


@pytest.fixture(scope="session")
def small_encoder(make_encoder):
    return make_encoder()
