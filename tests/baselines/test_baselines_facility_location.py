from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, facility_location
from baselines.core.exact import grid_rows
from baselines.core.rows import Rows
from baselines.facility_location import FacilityLocation
from baselines.nearest import NearestRetrieval


def gained(target: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """1 + cosine [n, N] on the sampler's grid."""
    return 1 + np.minimum(np.rint(grid_rows(target) @ grid_rows(pool).T * 2**23) / 2**23, 1)


def value(weights: np.ndarray, rows: list[int]) -> float:
    return float(weights[:, rows].max(axis=1).sum()) if rows else 0.0


def plain_greedy(weights: np.ndarray, budget: int) -> tuple[list[int], list[float], list[int]]:
    """Every gain from the definition at every pick; picks, gains, and the number of picks before every layer."""
    free, layer, picks, gains, layers = list(range(weights.shape[1])), [], [], [], [0]
    while len(picks) < budget:
        now = value(weights, layer)
        gain, row = max((value(weights, [*layer, u]) - now, -u) for u in free)
        if gain <= 0 and layer:
            layers.append(len(picks))
            layer = []
            continue
        layer.append(-row)
        free.remove(-row)
        picks.append(-row)
        gains.append(gain / len(weights))
    return picks, gains, layers


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 7), st.integers(2, 4), st.sampled_from(["f2", "f4", "f8"]),
    st.sampled_from([1, 5, 30, 2**25]), st.data(),
)  # fmt: skip
def test_picks_are_those_of_the_plain_greedy_algorithm(
    n: int, n_target: int, dim: int, dtype: str, front: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    target = rng.integers(-3, 4, (n_target, dim)).astype(dtype)
    pool = rng.integers(-3, 4, (n, dim)).astype(dtype)[rng.integers(0, n, n)]  # repeated rows
    for rows in (target, pool):
        rows[~rows.any(axis=1), 0] = 1
    budget = data.draw(st.integers(1, n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facility_location, "FRONT_NUMBERS", front)
        picks = FacilityLocation().select(target, pool, budget=budget)
    indices, gains, layers = plain_greedy(gained(target, pool), budget)
    assert picks.indices.tolist() == indices
    assert picks.scores.tolist() == np.array(gains).astype(np.float32).tolist()
    assert (picks.info["layers"], picks.info["first_layer"]) == (len(layers), [*layers, budget][1])


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 9), st.integers(1, 6), st.integers(1, 3), st.integers(0, 2**31))
def test_the_guarantee_against_brute_force(n: int, n_target: int, budget: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, pool = rng.standard_normal((n_target, 3)), rng.standard_normal((n, 3))
    weights = gained(target, pool)
    picks = FacilityLocation().select(target, pool, budget=budget).indices.tolist()
    best = max(value(weights, list(rows)) for rows in itertools.combinations(range(n), budget))
    assert value(weights, picks) >= (1 - 1 / math.e) * best


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_a_small_case_by_hand() -> None:
    target = at(0, 10, 90)
    # Row 2 serves the middle of all, then each group has its own nearest row; rows 3 and 4 serve nobody better.
    pool = at(-60, 5, 40, 45, 180, 90)
    picks = FacilityLocation().select(target, pool, budget=4)
    cosines = np.cos(np.radians([[5, 5, 85], [40, 30, 50]]))
    assert picks.indices[0] == 2
    assert picks.scores[0] == pytest.approx((1 + cosines[1]).sum() / 3, rel=1e-6)
    assert picks.indices[1:3].tolist() == [1, 5]
    later = np.array([(cosines[0] - cosines[1])[:2].sum(), 1 - cosines[1, 2]]) / 3
    assert picks.scores[1:3] == pytest.approx(later, rel=1e-5)
    assert picks.info["first_layer"] == 3
    assert picks.indices[3] == 3  # the best single row of those left


def test_layer_one_reaches_the_largest_value_and_then_ends() -> None:
    rng = np.random.default_rng(0)
    target, pool = rng.standard_normal((30, 6)), rng.standard_normal((500, 6))
    weights = gained(target, pool)
    picks = FacilityLocation().select(target, pool, budget=120)
    first = picks.info["first_layer"]
    assert value(weights, picks.indices[: first - 1].tolist()) < value(weights, list(range(500)))
    assert value(weights, picks.indices[:first].tolist()) == value(weights, list(range(500)))
    assert picks.info["layers"] >= 4


def test_fronts_and_threads_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    target, pool = rng.standard_normal((60, 20)) + 1, (rng.standard_normal((1500, 20)) + 0.5).astype(np.float16)
    whole = FacilityLocation().select(target, pool, budget="10%")
    assert whole.indices.tolist() == plain_greedy(gained(target, pool), 150)[0]
    assert whole.info["visited"] == 1500 * whole.info["layers"]
    for front in (60 * 40, 60 * 333):
        monkeypatch.setattr(facility_location, "FRONT_NUMBERS", front)
        monkeypatch.setattr(facility_location, "_BLOCK_ROWS", 37)
        for threads in (1, 2):
            with threadpool_limits(threads):
                lazy = FacilityLocation().select(target, pool, budget="10%", seed=9)
            assert lazy.indices.tobytes() == whole.indices.tobytes()
            assert lazy.scores.tobytes() == whole.scores.tobytes()
    # Lazy: with gains of all rows at every pick it would be 1500 visits each.
    assert lazy.info["visited"] < 1500 * 150 / 3


def test_the_shortlist_keeps_positions_and_the_largest_value() -> None:
    rng = np.random.default_rng(2)
    target, pool = rng.standard_normal((20, 5)), rng.standard_normal((800, 5))
    short = FacilityLocation(shortlist=3).select(target, pool, budget=40)
    rows = NearestRetrieval().select(target, pool, budget=120).indices
    inside = FacilityLocation().select(target, pool[np.sort(rows)], budget=40)
    assert short.indices.tolist() == np.sort(rows)[inside.indices].tolist()
    weights = gained(target, pool)
    assert value(weights, short.indices.tolist()) == value(weights, list(range(800)))
    every = FacilityLocation().select(target, pool, budget=40)
    assert FacilityLocation(shortlist=20).select(target, pool, budget=40).indices.tolist() == every.indices.tolist()


def test_views_read_their_rows_only() -> None:
    table = np.arange(40.0).reshape(20, 2)
    view = Rows(table, np.array([1, 5, 6, 19]))
    assert len(view) == 4
    assert view[1:3].tolist() == [[10.0, 11.0], [12.0, 13.0]]
    assert view[4:9].shape == (0, 2)


def test_bad_input() -> None:
    pool, target = np.ones((5, 2)), np.ones((2, 2))
    with pytest.raises(ValueError, match=r"^shortlist must be an int of at least 1, got 0"):
        FacilityLocation(shortlist=0)
    with pytest.raises(BudgetError, match="budget None: facility-location has no stopping rule"):
        FacilityLocation().select(target, pool, budget=None)
    with pytest.raises(BudgetError, match="the pool has 5"):
        FacilityLocation().select(target, pool, budget=6)
    with pytest.raises(FeatureError, match="pool has 2 columns, expected 3"):
        FacilityLocation().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="target is empty"):
        FacilityLocation().select(target[:0], pool, budget=1)
    for table, name in ((pool.copy(), "pool"), (np.ones((4, 2)), "target")):
        inputs: dict[str, Any] = {"pool": pool, "target": target, name: table}
        table[3] = 0
        with pytest.raises(FeatureError, match=f"{name} row 3 is all zero"):
            FacilityLocation().select(**inputs, budget=1)
        table[3, 1] = np.nan
        with pytest.raises(FeatureError, match=f"{name} row 3 has NaN"):
            FacilityLocation().select(**inputs, budget=1)
