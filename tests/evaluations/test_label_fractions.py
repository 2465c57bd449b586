import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluations import label_fractions
from benchmark.evaluations._label_fractions import TooFewLabels, labelled
from benchmark.evaluations._logistic_regression import clean_probe
from benchmark.evaluations.label_fractions import LabelFractions
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.specs.recipes import Embedding

EMBEDDING = Embedding(resize=16, crop=16, stored=16)
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=6)


def test_the_sizes_are_those_of_the_published_label_lists():
    """CUB has 30 images in 194 and 29 in 6 classes of train: half are 3,000, a fifth 1,200 of 5,994."""
    labels = np.repeat(np.arange(200), [30] * 194 + [29] * 6)
    sizes = [len(labelled(labels, percent, "stratified", 0)) for percent in (100, 50, 20)]
    assert sizes == [5994, 3000, 1200]


@settings(deadline=None)
@given(SIZES, st.integers(0, 99), st.permutations([100, 50, 20, 10, 15]))
def test_every_class_has_its_rounded_up_share_and_shares_are_nested(sizes, seed, percents):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    draws = {percent: labelled(labels, percent, "stratified", seed) for percent in percents}
    for percent, rows in draws.items():
        assert np.bincount(labels[rows]).tolist() == [math.ceil(percent * size / 100) for size in sizes]
        assert (np.diff(rows) > 0).all()
    ascending = [set(draws[percent].tolist()) for percent in sorted(draws)]
    assert all(small <= large for small, large in itertools.pairwise(ascending))


def test_the_released_draw_is_that_of_the_released_code():
    """`util/semisup_dataset.py`: random.seed(0), random.sample(range(n), int(p * n)); it may lose a class."""
    labels = np.repeat(np.arange(3), 40)
    for percent, p in ((2.5, 0.025), (10, 0.1), (50, 0.5), (100, 1.0)):
        random.seed(0)
        expected = sorted(random.sample(range(len(labels)), int(p * len(labels))))
        assert labelled(labels, percent, "released", 0).tolist() == expected
    assert len(set(labels[labelled(labels, 1.7, "released", 0)])) < 3
    with pytest.raises(TooFewLabels, match=r"0.5 % of 120 labels are none"):
        labelled(labels, 0.5, "released", 0)


def test_another_seed_draws_other_labels():
    labels = np.repeat(np.arange(3), 40)
    for draw in ("stratified", "released"):
        first, again, other = (labelled(labels, 50, draw, seed) for seed in (0, 0, 1))
        assert np.array_equal(first, again) and not np.array_equal(first, other)


def spec(percents=(100, 50, 20), metric="top1"):
    return LabelFractions(probe=CleanProbe(embedding=EMBEDDING, metric=metric), percents=percents, label_seed=0)


def evaluate(feature_task, tmp_path, train, test, **fields):
    requested = spec(**fields)
    task = feature_task(label_fractions, requested.probe, train=train, test=test)
    task.stage.spec = requested
    return label_fractions.run(task, tmp_path)


def test_separable_features_and_shuffled_labels(clusters, feature_task, tmp_path):
    (x, y), (test, labels) = clusters(30, 1), clusters(60, 2)
    result = evaluate(feature_task, tmp_path, (x, y), (test, labels))
    assert min(result.metrics[f"labels_{percent}"] for percent in (100, 50, 20)) >= 95
    assert result.info["labels"] == {"100": 150, "50": 75, "20": 30}
    chance = evaluate(
        feature_task,
        tmp_path,
        (x, np.random.default_rng(3).permutation(y)),
        (test, np.random.default_rng(4).permutation(labels)),
    )
    for percent in (100, 50, 20):
        assert abs(chance.metrics[f"labels_{percent}"] - 20) <= 3 * math.sqrt(20 * 80 / 300)


def test_all_labels_give_the_clean_probe_and_fewer_give_the_probe_of_their_draw(clusters, feature_task, tmp_path):
    (x, y), (test, labels) = clusters(20, 1, spread=2.0), clusters(20, 2, spread=2.0)
    result = evaluate(feature_task, tmp_path, (x, y), (test, labels), metric="mean_per_class")
    with np.load(tmp_path / "outcomes.npz") as arrays:
        for percent in (100, 50, 20):
            rows = labelled(y, percent, "stratified", 0)
            expected = clean_probe(x[rows], y[rows], test, labels, spec(metric="mean_per_class").probe)
            assert np.array_equal(arrays[f"predicted_labels_{percent}"], expected.predicted)
            assert result.metrics[f"labels_{percent}"] == expected.accuracy


def test_a_share_without_two_images_of_any_class_is_refused_before_anything_is_fitted(clusters, feature_task, tmp_path):
    with pytest.raises(TooFewLabels, match="20 % of the labels leave no class with two"):
        evaluate(feature_task, tmp_path, clusters(5, 1), clusters(5, 2))
    assert not list(tmp_path.iterdir())


def test_all_labels_are_the_probe_of_a_table(small_encoder):
    """The number on all labels is that of `linear-clean` and of `linear-released`, and smaller shares lie beside it."""
    for protocol in ("clean", "released"):
        fractions = small_encoder.plan("label-fractions", protocol)
        assert bool(fractions.derived) == (protocol == "clean")
        probe = small_encoder.evaluate(f"linear-{protocol}", protocol)
        record = small_encoder.run(fractions)
        assert record.metrics["labels_100"] == probe.metrics["accuracy"]
        train = small_encoder.planner.catalogue.images("targets", "dtd", "train").count
        assert record.info["labels"]["100"] == train > record.info["labels"]["50"] > record.info["labels"]["20"]


def test_the_seed_of_a_row_draws_its_labels(small_encoder):
    assert [small_encoder.plan("label-fractions", seed=seed).spec.label_seed for seed in (0, 3)] == [0, 3]
