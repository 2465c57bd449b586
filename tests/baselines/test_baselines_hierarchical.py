from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, hierarchical
from baselines.hierarchical import HierarchicalKMeans


def concepts(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around orthogonal axes, and the axis of each."""
    rng = np.random.default_rng(seed)
    axis = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return np.eye(8)[axis] + 0.05 * rng.standard_normal((axis.size, 8)), axis


TARGET = np.ones((3, 8))


def test_one_level_is_balanced_over_its_clusters() -> None:
    pool, axis = concepts([20, 200, 600])
    picks = HierarchicalKMeans(clusters=(3,)).select(TARGET, pool, budget=140)
    assert sorted(np.bincount(axis[picks.indices]).tolist()) == [20, 60, 60]
    assert picks.info == {"clusters": [3]}
    assert picks.scores.min() > 0.9


def test_two_levels_balance_concepts_not_clusters() -> None:
    # Nearly all clusters of level 1 lie in the common concepts, in proportion to their images; level 2 finds the four.
    pool, axis = concepts([120, 200, 800, 2000])
    flat = HierarchicalKMeans(clusters=(60,)).select(TARGET, pool, budget=400)
    tree = HierarchicalKMeans(clusters=(60, 4)).select(TARGET, pool, budget=400)
    shares = [np.bincount(axis[picks.indices], minlength=4) / 400 for picks in (flat, tree)]
    assert tree.info == {"clusters": [60, 4]}
    np.testing.assert_array_equal(shares[1], [0.25] * 4)
    assert shares[0].max() > 0.4


def test_the_budget_goes_down_the_tree() -> None:
    rng = np.random.default_rng(0)
    sizes, parents = np.array([5, 50, 40, 3, 100]), [np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1])]
    shares = hierarchical._down_the_tree(sizes, parents, 80, rng)
    # Top: 55 and 143 images, 40 each. Left: 5 and 35. Right: 20 from 43 and 20 from 100; of the 43, 3 and 17.
    assert shares.tolist() == [5, 35, 17, 3, 20]
    assert hierarchical._down_the_tree(sizes, parents, 198, rng).tolist() == sizes.tolist()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.data())
def test_any_budget_is_met(sizes: list[int], data: st.DataObject) -> None:
    parent = np.array([data.draw(st.integers(0, 3)) for _ in sizes])
    images = data.draw(st.integers(0, sum(sizes)))
    shares = hierarchical._down_the_tree(np.array(sizes), [parent], images, np.random.default_rng(0))
    assert shares.sum() == images
    assert np.all((shares >= 0) & (shares <= sizes))


def test_the_closest_points_of_every_cluster() -> None:
    labels, squares = np.array([1, 0, 1, 3, 1, 0, 1]), np.array([0.5, 0.1, 0.2, 9.0, 0.2, 0.1, 0.1])
    assert sorted(hierarchical._closest(labels, squares, 2).tolist()) == [1, 2, 3, 5, 6]
    assert sorted(hierarchical._closest(labels, squares, 9).tolist()) == list(range(7))


def test_resampling_spreads_centres_over_the_support() -> None:
    # In one dimension, 900 points in [0, 1] and 100 in [1, 10]: k-means puts its centres where the points are.
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.random(900), 1 + 9 * rng.random(100)])[:, None]
    plain, _ = hierarchical._resampled(points, 20, 0, 0)
    spread, labels = hierarchical._resampled(points, 20, 10, 0)
    assert (spread < 1).sum() < (plain < 1).sum()
    assert np.array_equal(labels, np.argmin(np.abs(points - spread.T), axis=1))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 3), st.data())
def test_pools_of_any_size(n: int, seed: int, data: st.DataObject) -> None:
    pool = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float16)
    budget = data.draw(st.integers(1, n))
    picks = HierarchicalKMeans().select(TARGET, pool, budget=budget, seed=seed)
    assert picks.indices.size == budget
    assert set(picks.indices.tolist()) <= set(range(n))


def test_the_target_plays_no_part_and_the_seed_does() -> None:
    pool, _ = concepts([50, 100, 300])
    one, two, other = (
        HierarchicalKMeans().select(target, pool, budget="20%", seed=seed).indices.tolist()
        for target, seed in ((TARGET, 1), (pool[:7], 1), (TARGET, 2))
    )
    assert one == two != other
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert HierarchicalKMeans().select(TARGET, pool, budget="20%", seed=1).indices.tolist() == one


@pytest.mark.parametrize(
    "fields", [{"clusters": ()}, {"clusters": [5, 2]}, {"clusters": (5, 0)}, {"clusters": (5, 5)}, {"resamples": -1}]
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        HierarchicalKMeans(**fields)


def test_bad_input() -> None:
    pool, _ = concepts([5, 5])
    with pytest.raises(BudgetError, match="budget None: hierarchical has no stopping rule"):
        HierarchicalKMeans().select(TARGET, pool, budget=None)
    with pytest.raises(BudgetError, match="the pool has 10"):
        HierarchicalKMeans().select(TARGET, pool, budget=11)
    with pytest.raises(FeatureError, match="pool has 8 columns, expected 3"):
        HierarchicalKMeans().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="pool is empty"):
        HierarchicalKMeans().select(TARGET, pool[:0], budget=1)
    with pytest.raises(FeatureError, match="target row 0 is all zero"):
        HierarchicalKMeans().select(0 * TARGET, pool, budget=1)
    pool[3, 1] = np.nan
    with pytest.raises(FeatureError, match="pool row 3 has NaN"):
        HierarchicalKMeans().select(TARGET, pool, budget=1)
