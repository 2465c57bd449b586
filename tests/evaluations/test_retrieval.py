import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from benchmark.evaluations import EVALUATIONS, Question, retrieval
from benchmark.evaluations._features import UnusableFeatures
from benchmark.evaluations.retrieval import Retrieval, answers
from benchmark.methods import METHODS
from benchmark.planning.profiles import find_profile
from benchmark.specs.recipes import Embedding

EMBEDDING = Embedding(resize=16, crop=16, stored=16)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def on_circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_case_by_hand():
    """Angles 0, 10, 25, 45 and 70 of classes 0, 1, 0, 1, 2.

    0 sees 1 0 1 2: its one relevant image is second. 10 (class 1) sees 0 0 1 2: third. 25 (class 0) sees 1 at 15, 1 at
    20, 0 at 25: third. 45 (class 1) sees 0 at 20, 2 at 25, 1 at 35: third. 70 has no other image of its class.
    """
    got = answers(on_circle(0, 10, 25, 45, 70), np.array([0, 1, 0, 1, 2]))
    assert got.rank1[:4].tolist() == [0, 0, 0, 0] and got.rank5[:4].tolist() == [100] * 4
    assert got.precision[:4] == pytest.approx([50, 100 / 3, 100 / 3, 100 / 3])
    assert all(math.isnan(values[4]) for values in (got.rank1, got.rank5, got.precision))


def test_average_precision_of_two_relevant_images_by_hand():
    """The query at 0 degrees finds its class at places 1 and 3 of 4: (1/1 + 2/3) / 2."""
    got = answers(on_circle(0, 5, 15, 30, 60), np.array([0, 0, 1, 0, 1]))
    assert got.precision[0] == pytest.approx(100 * (1 + 2 / 3) / 2) and got.rank1[0] == 100


def test_the_scores_are_scikit_learns_average_precision(clusters):
    x, y = clusters(30, 1, spread=2.0)
    cosines = unit(x.astype(np.float64)) @ unit(x.astype(np.float64)).T
    expected = [
        average_precision_score(np.delete(y == label, place), np.delete(cosines[place], place))
        for place, label in enumerate(y)
    ]
    assert answers(x, y).precision == pytest.approx(100 * np.array(expected), abs=1e-4)


def test_ranks_are_those_of_sorted_cosines(clusters):
    x, y = clusters(30, 1, spread=3.0)
    cosines = unit(x.astype(np.float64)) @ unit(x.astype(np.float64)).T
    np.fill_diagonal(cosines, -2)
    first = y[np.argsort(-cosines, axis=1)[:, :5]] == y[:, None]
    got = answers(x, y)
    assert np.array_equal(got.rank1, 100.0 * first[:, 0]) and np.array_equal(got.rank5, 100.0 * first.any(axis=1))
    assert 0 < got.rank1.mean() < got.rank5.mean() < 100


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 30), st.integers(1, 60), st.integers(0, 10**6))
def test_blocks_of_any_size_give_the_same_answers_within_bounds(n, scores, seed):
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(n, 4)).astype(np.float32), random.integers(0, 4, n)
    whole = answers(x, y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "SCORES", scores)
        cut = answers(x, y)
    for one, other in zip(vars(whole).values(), vars(cut).values(), strict=True):
        assert np.allclose(one, other, atol=1e-3, equal_nan=True)
    single = np.bincount(y)[y] == 1
    assert np.array_equal(np.isnan(whole.precision), single)
    assert (whole.precision[~single] > 0).all() and (whole.precision[~single] <= 100 + 1e-9).all()
    assert (whole.rank5[~single] >= whole.rank1[~single]).all()


def test_the_query_is_not_its_own_answer():
    """Copies of other classes: were the query in its gallery, every rank would be 100."""
    x = np.repeat(on_circle(0, 90), 2, axis=0)
    assert answers(x, np.array([0, 1, 1, 0])).rank1.tolist() == [0, 0, 0, 0]


def evaluate(feature_task, tmp_path, test):
    return retrieval.run(feature_task(retrieval, Retrieval(embedding=EMBEDDING), test=test), tmp_path)


def test_separable_features_and_shuffled_labels(clusters, feature_task, tmp_path):
    x, y = clusters(60, 1)
    result = evaluate(feature_task, tmp_path, (x, y))
    assert min(result.metrics[name] for name in ("rank1", "rank5", "map")) >= 95
    chance = evaluate(feature_task, tmp_path, (x, np.random.default_rng(3).permutation(y)))
    share = 59 / 299
    assert abs(chance.metrics["rank1"] / 100 - share) <= 3 * math.sqrt(share * (1 - share) / 300)
    assert chance.metrics["map"] == pytest.approx(100 * share, abs=3)


def test_queries_without_relevant_images_are_left_out_and_counted(feature_task, tmp_path):
    result = evaluate(feature_task, tmp_path, (on_circle(0, 10, 25, 45, 70), np.array([0, 1, 0, 1, 2])))
    assert result.info["queries"] == 5 and result.info["skipped"] == 1 and result.metrics["n"] == 4
    assert result.metrics["map"] == pytest.approx((50 + 100) / 4)
    low, high = result.metrics["intervals"]["map"]
    assert low < result.metrics["map"] < high
    with np.load(tmp_path / "outcomes.npz") as arrays:
        assert np.isnan(arrays["outcome_map"]).tolist() == [False] * 4 + [True]


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_a_target_without_two_images_of_a_class_is_refused(feature_task, tmp_path, labels):
    with pytest.raises(UnusableFeatures, match="targets/x/test has no class with two images"):
        evaluate(feature_task, tmp_path, (on_circle(*range(len(labels))), np.array(labels)))
    assert not list(tmp_path.iterdir())


def test_the_plain_features_are_another_stage_for_lcr_only():
    for method, differs in (("lcr", True), ("simclr", False)):
        setup = find_profile("smoke").setup(method)
        assert METHODS.get(method)
        question = Question(setup.probing, setup.recipe, "top1")
        specs = [EVALUATIONS.get(name).spec(question) for name in ("retrieval", "retrieval-plain")]
        assert (specs[0] != specs[1]) == differs
