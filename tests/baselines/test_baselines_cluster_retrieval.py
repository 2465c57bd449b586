from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baselines import BudgetError, FeatureError
from baselines.cluster_retrieval import ClusterRetrieval


def around(axes: list[int], counts: list[int], seed: int = 0) -> np.ndarray:
    """`counts` rows around each of the first axes of a 6-d space, in a random order."""
    rng = np.random.default_rng(seed)
    axis = rng.permutation(np.repeat(axes, counts))
    return np.eye(6)[axis] + 0.02 * rng.standard_normal((axis.size, 6))


def axis_of(rows: np.ndarray) -> np.ndarray:
    return np.argmax(rows, axis=1)


POOL = around([0, 1, 2, 3], [100, 30, 200, 70])


def picked(sampler: ClusterRetrieval, target: np.ndarray, budget: Any, seed: int = 0) -> tuple[list[int], dict]:
    selection = sampler.select(target, POOL, budget=budget, seed=seed)
    return np.bincount(axis_of(POOL[selection.indices]), minlength=4).tolist(), selection.info


def test_associated_clusters_give_the_same_number() -> None:
    target = around([0, 1, 2], [50, 4, 3], seed=1)
    counts, info = picked(ClusterRetrieval(clusters=4), target, 40)
    assert counts == [20, 20, 0, 0]
    assert info == {"clusters": 4, "associated": 2, "beyond": 0}
    assert picked(ClusterRetrieval(clusters=4), target, 100)[0] == [70, 30, 0, 0]
    assert picked(ClusterRetrieval(clusters=4, min_images=2), target, 60)[0] == [20, 20, 20, 0]


def test_proportional_follows_the_target() -> None:
    target = around([0, 1, 2], [60, 20, 3], seed=1)
    assert picked(ClusterRetrieval(clusters=4, share="proportional"), target, 40)[0] == [30, 10, 0, 0]
    # cluster 1 has 30 images: the rest comes from cluster 0
    assert picked(ClusterRetrieval(clusters=4, share="proportional"), target, 125)[0] == [95, 30, 0, 0]


def test_when_the_associated_clusters_are_empty_others_give() -> None:
    target = around([0, 1, 2], [50, 4, 3], seed=1)
    target[:, 3] += 0.1  # axis 3 is the nearest of the others
    counts, info = picked(ClusterRetrieval(clusters=4), target, 180)
    assert counts == [100, 30, 50, 0]
    assert info["beyond"] == 50
    assert picked(ClusterRetrieval(clusters=4), target, 340)[0] == [100, 30, 200, 10]
    assert picked(ClusterRetrieval(clusters=4), target, "100%")[0] == [100, 30, 200, 70]


def test_clusters_without_target_images_come_nearest_first() -> None:
    target = around([0], [50], seed=1)
    target[:, 2] += 0.3
    target[:, 1] += 0.1
    assert picked(ClusterRetrieval(clusters=4), target, 150)[0] == [100, 0, 50, 0]
    assert picked(ClusterRetrieval(clusters=4), target, 310)[0] == [100, 10, 200, 0]


def test_the_seed_decides() -> None:
    target = around([0], [50], seed=1)
    one, two, other = (ClusterRetrieval(clusters=4).select(target, POOL, budget=50, seed=seed) for seed in (1, 1, 2))
    assert one.indices.tolist() == two.indices.tolist() != other.indices.tolist()
    assert one.scores.min() > 0.98


@pytest.mark.parametrize(
    "fields", [{"clusters": 0}, {"clusters": True}, {"min_images": -1}, {"min_images": 1.0}, {"share": "equal"}]
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        ClusterRetrieval(**fields)


def test_bad_input() -> None:
    sampler, target = ClusterRetrieval(clusters=2), np.ones((2, 6))
    with pytest.raises(BudgetError, match="budget None: cluster-retrieval has no stopping rule"):
        sampler.select(target, POOL, budget=None)
    with pytest.raises(BudgetError, match="the pool has 400"):
        sampler.select(target, POOL, budget=401)
    with pytest.raises(FeatureError, match="pool has 6 columns, expected 3"):
        sampler.select(np.ones((2, 3)), POOL, budget=1)
    with pytest.raises(FeatureError, match="pool is empty"):
        sampler.select(target, POOL[:0], budget=1)
    with pytest.raises(FeatureError, match="target row 1 is all zero"):
        sampler.select(np.eye(6)[:2] * [[1], [0]], POOL, budget=1)
    bad = POOL.copy()
    bad[311, 2] = np.nan
    with pytest.raises(FeatureError, match="pool row 311 has NaN"):
        sampler.select(target, bad, budget=1)
