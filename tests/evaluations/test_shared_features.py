"""Features of a split are taken once for each encoder, and the keys of evaluations do not depend on it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.specs.artefacts import FEATURES

NAMES = ("knn", "retrieval", "geometry", "linear-clean")


def test_evaluations_of_one_encoder_share_one_stage_for_each_split(small_encoder):
    stages = {stage.key: stage for name in NAMES for _, stage in small_encoder.plan(name).derived}
    assert {stage.input("images").split for stage in stages.values()} == {"train", "test"} and len(stages) == 2
    assert {stage.kind.name for stage in stages.values()} == {"embed"}


@pytest.mark.parametrize("name", ["knn", "linear-clean"])
def test_shared_features_give_the_key_and_the_numbers_of_own_ones(small_encoder, name):
    shared = small_encoder.plan(name)
    not_shared = replace(shared, derived=())
    assert shared.derived and shared.key == not_shared.key
    kept = small_encoder.run(shared).metrics
    small_encoder.forget(shared)
    assert small_encoder.run(not_shared).metrics == kept


def test_an_encoder_does_not_run_again_where_its_features_are_there(small_encoder, monkeypatch):
    stage = small_encoder.plan("retrieval")
    small_encoder.run(stage)
    small_encoder.forget(stage)
    monkeypatch.setattr("benchmark.training.features.embed", None)
    assert small_encoder.run(stage).metrics["n"] > 0


def test_features_of_another_reading_are_not_taken(small_encoder):
    stage = small_encoder.plan("retrieval")
    other = stage.spec.model_copy(update={"embedding": stage.spec.embedding.model_copy(update={"resize": 32})})
    misled = replace(stage, spec=other)
    metrics = small_encoder.run(misled).metrics
    small_encoder.forget(misled)
    assert metrics == small_encoder.run(replace(misled, derived=())).metrics
    assert metrics["map"] != small_encoder.run(stage).metrics["map"]


def test_lcr_is_read_with_and_without_its_map(make_encoder):
    encoder = make_encoder("lcr")
    mapped, plain = (encoder.plan(name) for name in ("retrieval", "retrieval-plain"))
    assert encoder.run(mapped).metrics != encoder.run(plain).metrics
    features = [
        np.load(encoder.store.file(dict(stage.derived)["test features"], FEATURES)) for stage in (mapped, plain)
    ]
    lengths = [np.linalg.norm(rows, axis=1) for rows in features]
    assert lengths[0] == pytest.approx(1, abs=1e-5) and not np.allclose(lengths[1], 1)
