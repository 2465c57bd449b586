from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, Random, Selection, SimCore, semdedup
from baselines.core.pool_clusters import PoolClusters, cluster_pool
from baselines.nearest import NearestRetrieval
from baselines.semdedup import SemDeDup, near_duplicates


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def distance(degrees: float) -> float:
    return float(1 - np.cos(np.radians(degrees)))


def clusters_of(rows: np.ndarray, centres: np.ndarray, labels: list[int]) -> PoolClusters:
    cosines = np.einsum("ij,ij->i", rows, centres[labels]).astype(np.float32)
    return PoolClusters(centres, np.array(labels, dtype=np.int32), cosines)


def test_the_row_farther_from_the_centre_stays() -> None:
    rows = at(1, 3, 9, 10, 60, 0.5, -0.5, -40)
    one = clusters_of(rows, at(0), [0] * 8)
    gone = near_duplicates(rows, one, distance(4))
    # Farthest first: 60, -40, 10, 9 (goes with 10), 3, 1 (goes with 3), then 0.5 and -0.5 (go with 3).
    assert np.flatnonzero(gone).tolist() == [0, 2, 5, 6]
    assert not near_duplicates(rows, one, distance(0.4)).any()


def test_a_row_that_goes_still_removes_others() -> None:
    rows = at(12, 9, 6, 3)
    assert near_duplicates(rows, clusters_of(rows, at(0), [0] * 4), distance(4)).tolist() == [False, True, True, True]


def test_rows_of_different_clusters_are_not_compared() -> None:
    rows = at(1, 2, 3)
    labels = [0, 1, 0]
    gone = near_duplicates(rows, clusters_of(rows, at(0, 4), labels), distance(2.5))
    assert gone.tolist() == [True, False, False]


def test_of_identical_rows_the_first_stays() -> None:
    rows = np.repeat(np.random.default_rng(0).standard_normal((5, 9)).astype(np.float16), 3, axis=0)[::-1]
    gone = near_duplicates(rows, cluster_pool(rows, 1), 1e-6)
    assert gone.tolist() == [False, True, True] * 5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 4), st.floats(0.01, 0.5), st.sampled_from([1, 4, 1024]), st.integers(0, 99))
def test_against_all_pairs(n: int, k: int, eps: float, block: int, seed: int) -> None:
    pool = np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)
    clustered = cluster_pool(pool, k, seed=seed)
    unit = pool / np.linalg.norm(pool.astype(float), axis=1, keepdims=True)
    order = sorted(range(n), key=lambda u: (clustered.cosines[u], u))
    expected = [
        any(clustered.labels[v] == clustered.labels[u] and unit[u] @ unit[v] > 1 - eps for v in order[: order.index(u)])
        for u in range(n)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semdedup, "_BLOCK_ROWS", block)
        assert near_duplicates(pool, clustered, eps).tolist() == expected


def blobs(n: int, seed: int = 0) -> np.ndarray:
    """Each of n rows three times, the copies slightly off."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((n, 12)), 3, axis=0)
    return (rows + 0.01 * rng.standard_normal(rows.shape)).astype(np.float32)


@pytest.mark.parametrize("sampler", [Random(), SimCore(k=5), NearestRetrieval()])
def test_any_sampler_sees_the_rows_that_stay(sampler: Any) -> None:
    pool, target = blobs(200), blobs(10, seed=1)
    picks = SemDeDup(sampler, eps=0.01).select(target, pool, budget=100, seed=2)
    kept = np.flatnonzero(~near_duplicates(pool, cluster_pool(pool, None, seed=2), 0.01))
    inner = sampler.select(target, pool[kept], budget=100, seed=2)
    assert picks.indices.tolist() == kept[inner.indices].tolist()
    assert picks.scores.tolist() == inner.scores.tolist()
    assert picks.info == {**inner.info, "removed": 600 - kept.size, "eps": 0.01, "pool_clusters": 24}
    assert 0.9 * 400 <= 600 - kept.size <= 400
    assert (
        np.unique(picks.indices // 3).size > 90 > np.unique(sampler.select(target, pool, budget=100).indices // 3).size
    )


def test_shares_are_of_the_whole_pool_and_none_is_passed_on() -> None:
    seen = []

    class Spy:
        def select(self, target: Any, pool: Any, *, budget: Any, seed: int = 0) -> Selection:
            seen.append((len(pool), budget, seed))
            return Random().select(target, pool, budget=budget or 1, seed=seed)

    pool, target = blobs(100), blobs(5)
    SemDeDup(Spy(), eps=0.01).select(target, pool, budget="10%", seed=4)
    SemDeDup(Spy(), eps=0.01).select(target, pool, budget=None)
    assert [call[1:] for call in seen] == [(30, 4), (None, 0)]
    assert all(100 <= call[0] < 130 for call in seen)
    assert SemDeDup().select(target, pool, budget=None).stopped_by == "threshold"


def test_threads_move_nothing() -> None:
    pool, target = blobs(300).astype(np.float16), blobs(20, seed=1)
    picks = SemDeDup(eps=0.02).select(target, pool, budget=150)
    for threads in (1, 2):
        with threadpool_limits(threads):
            again = SemDeDup(eps=0.02).select(target, pool, budget=150)
        assert again.indices.tobytes() == picks.indices.tobytes()
        assert again.info["removed"] == picks.info["removed"] > 0


@pytest.mark.parametrize("fields", [{"eps": 0.0}, {"eps": 2.0}, {"eps": float("nan")}, {"clusters": 0}])
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        SemDeDup(**fields)


def test_bad_input() -> None:
    pool, target = blobs(10), blobs(2)
    with pytest.raises(BudgetError, match="is 25 images but 10 of 30 stay without near-duplicates: lower eps"):
        SemDeDup(eps=0.02, clusters=1).select(target, pool, budget=25)
    with pytest.raises(BudgetError, match="the pool has 30"):
        SemDeDup().select(target, pool, budget=31)
    with pytest.raises(BudgetError, match="budget None: random has no stopping rule"):
        SemDeDup(Random()).select(target, pool, budget=None)
    with pytest.raises(FeatureError, match="pool has 12 columns, expected 3"):
        SemDeDup().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="pool is empty"):
        SemDeDup().select(target, pool[:0], budget=1)
    with pytest.raises(FeatureError, match="target row 0 is all zero"):
        SemDeDup().select(0 * target, pool, budget=1)
    pool[3, 1] = np.nan
    with pytest.raises(FeatureError, match="pool row 3 has NaN"):
        SemDeDup().select(target, pool, budget=1)
