from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, SimCore
from baselines.core import round_robin
from baselines.core.scoring import exact_scores, unit_rows
from baselines.nearest import NearestRetrieval


def slowly(target: np.ndarray, pool: np.ndarray, budget: int) -> tuple[list[int], list[float], int]:
    """k = 1, 2, ... with full sorts until the union is large enough."""
    sim = exact_scores(pool, unit_rows(target))
    orders = [sorted(range(len(pool)), key=lambda u, t=t: (-sim[u, t], u)) for t in range(len(target))]
    picks: dict[int, float] = {}
    k = 0
    while len(picks) < budget:
        fresh: dict[int, float] = {}
        for t, order in enumerate(orders):
            if order[k] not in picks:
                fresh[order[k]] = max(fresh.get(order[k], -2), float(sim[order[k], t]))
        picks.update(sorted(fresh.items(), key=lambda item: (-item[1], item[0])))
        k += 1
    return list(picks)[:budget], list(picks.values())[:budget], k


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 5), st.sampled_from(["f2", "f4", "f8"]), st.data())
def test_picks_are_those_of_full_sorts(
    sliced: Callable[[np.ndarray], Any], n: int, n_target: int, dim: int, dtype: str, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    target = rng.integers(1, 4, (n_target, dim)).astype(dtype)
    pool = rng.integers(1, 4, (n, dim)).astype(dtype)[rng.integers(0, n, n)]  # repeated rows
    budget = data.draw(st.integers(1, n))
    picks = NearestRetrieval().select(target, sliced(pool), budget=budget)
    indices, scores, k = slowly(target, pool, budget)
    assert picks.indices.tolist() == indices
    assert picks.scores.tolist() == np.array(scores, dtype=np.float32).tolist()
    assert (picks.info["k"], picks.stopped_by) == (k, "budget")


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_common_neighbours_count_once_and_are_lost() -> None:
    target, pool = at(0, 2, 90), at(0.5, 1.8, 10, 12, 89, 85)
    picks = NearestRetrieval().select(target, pool, budget=4)
    # Rank 1: rows 1, 0 and 4, the closest first. Rank 2: the first two images bring each other's row again, so only 5.
    assert picks.indices.tolist() == [1, 0, 4, 5]
    assert picks.info["k"] == 2
    np.testing.assert_allclose(picks.scores, np.cos(np.radians([0.2, 0.5, 1, 5])), rtol=1e-6)
    # SimCore with every image a centroid moves on to row 2 instead.
    assert SimCore.paper(k=3).select(target, pool, budget=4).indices.tolist() == [0, 1, 4, 2, 5]


def test_parts_of_the_target_and_threads_move_nothing(
    sliced: Callable[[np.ndarray], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    target, pool = rng.standard_normal((40, 24)) + 1, (rng.standard_normal((900, 24)) + 1).astype("f4")
    whole = NearestRetrieval().select(target, pool, budget="30%")
    assert whole.indices.tolist() == slowly(target, pool, 270)[0]
    monkeypatch.setattr(round_robin, "QUERIES", 7)
    for threads in (1, 2):
        with threadpool_limits(threads):
            parted = NearestRetrieval().select(target, sliced(pool), budget="30%", seed=5)
        assert parted.indices.tobytes() == whole.indices.tobytes()
        assert parted.scores.tobytes() == whole.scores.tobytes()


def test_more_neighbours_are_searched_when_images_share_them() -> None:
    rng = np.random.default_rng(1)
    target = np.array([1.0, 2.0]) + 1e-3 * rng.random((200, 2))
    pool = rng.random((2000, 2)) + 0.1
    picks = NearestRetrieval().select(target, pool, budget=900)
    assert picks.indices.tolist() == slowly(target, pool, 900)[0]
    # The first pass keeps 36 neighbours of each image.
    assert picks.info["k"] > 36 == 4 * -(-900 // 200) + 16


def test_bad_input() -> None:
    pool, target = np.ones((5, 2)), np.ones((2, 2))
    with pytest.raises(BudgetError, match="budget None: nearest has no stopping rule"):
        NearestRetrieval().select(target, pool, budget=None)
    with pytest.raises(BudgetError, match="the pool has 5"):
        NearestRetrieval().select(target, pool, budget=6)
    with pytest.raises(FeatureError, match="pool has 2 columns, expected 3"):
        NearestRetrieval().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="target is empty"):
        NearestRetrieval().select(np.ones((0, 2)), pool, budget=1)
    with pytest.raises(FeatureError, match="target row 1 is all zero"):
        NearestRetrieval().select(np.array([[1.0, 2.0], [0.0, 0.0]]), pool, budget=1)
    pool[3] = np.inf
    with pytest.raises(FeatureError, match="pool row 3 has NaN or infinity"):
        NearestRetrieval().select(target, pool, budget=1)
