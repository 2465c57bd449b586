import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from benchmark.evaluations import EVALUATIONS, Question, knn
from benchmark.evaluations._features import UnusableFeatures
from benchmark.evaluations.knn import NearestNeighbours, votes
from benchmark.specs.recipes import Embedding

EMBEDDING = Embedding(resize=16, crop=16, stored=16)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_case_by_hand():
    """Cosines 1, 0.9 and 0.9: one image of class 1 against two of class 0. exp(1/T) against 2 exp(0.9/T)."""
    train = np.array([[1, 0], [0.9, math.sqrt(0.19)], [0.9, -math.sqrt(0.19)], [-1, 0]], np.float32)
    labels, test = np.array([1, 0, 0, 1]), np.array([[2, 0]], np.float32)
    # The votes are equal at T = 0.1 / ln 2 = 0.144.
    for temperature, elected in ((0.13, 1), (0.16, 0)):
        assert votes(train, labels, test, (3,), temperature)[3].tolist() == [elected]
    assert votes(train, labels, test, (1,), 10.0)[1].tolist() == [1]


def test_equal_votes_go_to_the_lower_class():
    train = np.array([[1, 1], [1, -1]], np.float32)
    assert votes(train, np.array([1, 0]), np.array([[1, 0]], np.float32), (2,), 0.07)[2].tolist() == [0]


@pytest.mark.parametrize("k", [1, 20, 200])
def test_the_classes_are_scikit_learns(clusters, k):
    (x, y), (test, _) = clusters(60, 1, spread=2.0), clusters(41, 2, spread=2.0)
    reference = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / 0.07))
    expected = reference.fit(x.astype(np.float64), y).predict(test.astype(np.float64))
    assert np.array_equal(votes(x, y, test, (k,), 0.07)[k], expected)


def test_the_last_partial_block_is_as_right_as_the_others(clusters, monkeypatch):
    """The released code writes the last batch to the wrong columns; here 205 rows in blocks of 100 leave five."""
    (x, y), (test, _) = clusters(41, 1, spread=2.0), clusters(41, 2, spread=2.0)
    whole = votes(x, y, test, (20,), 0.07)[20]
    monkeypatch.setattr(knn, "BLOCK", 100)
    monkeypatch.setattr("baselines.core.neighbours.SEARCH_ROWS", 100)
    assert len(test) % 100 == 5 and np.array_equal(votes(x, y, test, (20,), 0.07)[20], whole)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 5), st.integers(0, 10**6))
def test_any_sizes_give_the_votes_of_a_plain_loop(n, k, block, seed):
    random = np.random.default_rng(seed)
    x, test = random.normal(size=(n, 3)).astype(np.float32), random.normal(size=(7, 3)).astype(np.float32)
    y = random.integers(0, 4, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knn, "BLOCK", block)
        predicted = votes(x, y, test, (k,), 0.5)[k]
    cosines = unit(test.astype(np.float64)) @ unit(x.astype(np.float64)).T
    for row, winner in zip(cosines, predicted, strict=True):
        near = np.argsort(-row)[:k]
        sums = np.bincount(y[near], np.exp(row[near] / 0.5), minlength=4)
        assert sums[winner] >= sums.max() * (1 - 1e-5)


def evaluate(feature_task, tmp_path, train, test, metric="top1", **fields):
    spec = NearestNeighbours(embedding=EMBEDDING, metric=metric, **fields)
    return knn.run(feature_task(knn, spec, train=train, test=test), tmp_path)


def test_separable_features_and_shuffled_labels(clusters, feature_task, tmp_path):
    (x, y), (test, labels) = clusters(60, 1), clusters(60, 2)
    result = evaluate(feature_task, tmp_path, (x, y), (test, labels))
    assert min(result.metrics["knn_20"], result.metrics["knn_200"]) >= 95
    low, high = result.metrics["intervals"]["knn_20"]
    assert low < result.metrics["knn_20"] <= high and result.metrics["n"] == 300
    shuffled = np.random.default_rng(3).permutation(y)
    chance = evaluate(feature_task, tmp_path, (x, shuffled), (test, np.random.default_rng(4).permutation(labels)))
    assert abs(chance.metrics["knn_20"] - 20) <= 3 * math.sqrt(20 * 80 / 300)


def test_every_item_is_kept_for_every_number_of_neighbours(clusters, feature_task, tmp_path):
    train, test = clusters(20, 1, spread=2.0), clusters(20, 2, spread=2.0)
    result = evaluate(feature_task, tmp_path, train, test, "mean_per_class", neighbours=(1, 20))
    with np.load(tmp_path / "outcomes.npz") as arrays:
        assert set(arrays) == {"labels", "predicted_knn_1", "predicted_knn_20"}
        for k in (1, 20):
            right = arrays[f"predicted_knn_{k}"] == arrays["labels"]
            means = [right[arrays["labels"] == label].mean() for label in range(5)]
            assert result.metrics[f"knn_{k}"] == pytest.approx(100 * np.mean(means))


def test_fewer_training_images_than_neighbours_all_vote_and_the_record_says_so(clusters, feature_task, tmp_path):
    result = evaluate(feature_task, tmp_path, clusters(4, 1), clusters(5, 2))
    assert result.info["note"] == "all 20 training images vote where more neighbours are asked for"


@pytest.mark.parametrize(("value", "what"), [(np.nan, "not finite"), (np.inf, "not finite"), (0.0, "all zero")])
def test_features_without_a_direction_are_an_error_with_the_image(clusters, feature_task, tmp_path, value, what):
    (x, y), test = clusters(4, 1), clusters(5, 2)
    x[7] = value
    with pytest.raises(UnusableFeatures, match=rf"image 7\.png of targets/x/train are {what}"):
        evaluate(feature_task, tmp_path, (x, y), test)
    assert not list(tmp_path.iterdir())


def test_released_counts_top1_and_clean_the_targets_metric():
    readings = {
        protocol: EVALUATIONS.get("knn").spec(Question(EMBEDDING, None, "mean_per_class", protocol=protocol)).metric
        for protocol in ("released", "clean")
    }
    assert readings == {"released": "top1", "clean": "mean_per_class"}
