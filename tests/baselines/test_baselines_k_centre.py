from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, k_centre
from baselines.core.exact import grid_rows
from baselines.core.scoring import exact_scores
from baselines.k_centre import KCentre


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def radius(target: np.ndarray, pool: np.ndarray, rows: list[int]) -> float:
    unit, picked = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (target.astype(float), pool[rows].astype(float))
    )
    return float(np.linalg.norm(unit[:, None] - picked[None], axis=2).min(axis=1).max())


def slowly(target: np.ndarray, pool: np.ndarray, budget: int) -> tuple[list[int], int]:
    """Picks and layers, every nearest row by a full search at every step."""
    near = exact_scores(pool, grid_rows(target)).T
    cosines = grid_rows(target) @ grid_rows(pool).T
    picks: list[int] = []
    layers = 0
    while len(picks) < budget:
        layers += 1
        free = [u for u in range(len(pool)) if u not in picks]
        best = [min(free, key=lambda u, x=x: (-near[x, u], u)) for x in range(len(target))]
        order: list[int] = []
        waiting = list(range(len(target)))
        while waiting:
            if order:
                image = min(waiting, key=lambda x: (max(cosines[x, u] for u in order), x))
            else:
                image = min(waiting, key=lambda x: (near[x, best[x]], x))
            waiting.remove(image)
            if best[image] not in order:
                order.append(best[image])
        picks += order
    return picks[:budget], layers


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(2, 4), st.sampled_from(["f2", "f4", "f8"]), st.data())
def test_picks_are_those_of_full_searches(n: int, n_target: int, dim: int, dtype: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    target = rng.integers(1, 5, (n_target, dim)).astype(dtype)
    pool = rng.integers(1, 5, (n, dim)).astype(dtype)[rng.integers(0, n, n)]  # repeated rows
    budget = data.draw(st.integers(1, n))
    picks = KCentre().select(target, pool, budget=budget)
    indices, layers = slowly(target, pool, budget)
    assert picks.indices.tolist() == indices
    assert picks.info["layers"] == layers
    assert picks.info["radius"] ** 2 == pytest.approx(radius(target, pool, indices) ** 2, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(st.integers(3, 10), st.integers(1, 8), st.integers(1, 3), st.integers(0, 2**31))
def test_the_radius_is_at_most_three_times_the_best(n: int, n_target: int, budget: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, pool = rng.standard_normal((n_target, 3)), rng.standard_normal((n, 3))
    picks = KCentre().select(target, pool, budget=budget)
    best = min(radius(target, pool, list(rows)) for rows in itertools.combinations(range(n), budget))
    assert best - 1e-3 <= picks.info["radius"] <= 3 * best + 1e-3
    if picks.info["layers"] > 1:
        assert picks.info["radius"] == pytest.approx(radius(target, pool, list(range(n))), abs=1e-3)


def test_a_small_case_by_hand() -> None:
    target, pool = at(0, 4, 90, 200), at(1, 5, 80, 171, 230, 101)
    picks = KCentre().select(target, pool, budget=6)
    # Hardest: 200 degrees, 29 from its nearest row, 3. From there the farthest image is the one at 0 degrees, served by
    # row 0; then 90 by row 2, 10 away; then 4 by row 1. Anew: of rows 4 and 5 the last image needs row 4, 30 away, but
    # the first one row 5, 101 away.
    assert picks.indices.tolist() == [3, 0, 2, 1, 5, 4]
    assert picks.info["layers"] == 2
    assert picks.info["radius"] == pytest.approx(2 * np.sin(np.radians(14.5)), abs=1e-6)
    np.testing.assert_allclose(picks.scores, np.cos(np.radians([29, 1, 10, 1, 101, 30])), rtol=1e-6)


def test_threads_and_candidates_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    target, pool = rng.standard_normal((40, 20)) + 1, (rng.standard_normal((1200, 20)) + 0.5).astype(np.float16)
    whole = KCentre().select(target, pool, budget="25%")
    assert (whole.indices.tolist(), whole.info["layers"]) == slowly(target, pool, 300)
    every = k_centre._Nearest
    monkeypatch.setattr(k_centre, "_Nearest", lambda points, rows, m, taken: every(points, rows, 3, taken))
    for threads in (1, 2):
        with threadpool_limits(threads):
            short = KCentre().select(target, pool, budget="25%", seed=3)
        assert short.indices.tobytes() == whole.indices.tobytes()
        assert short.scores.tobytes() == whole.scores.tobytes()
        assert short.info["passes"] > whole.info["passes"]


def test_bad_input() -> None:
    pool, target = np.ones((5, 2)), np.ones((2, 2))
    with pytest.raises(BudgetError, match="budget None: k-centre has no stopping rule"):
        KCentre().select(target, pool, budget=None)
    with pytest.raises(BudgetError, match="the pool has 5"):
        KCentre().select(target, pool, budget=6)
    with pytest.raises(FeatureError, match="pool has 2 columns, expected 3"):
        KCentre().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="target is empty"):
        KCentre().select(target[:0], pool, budget=1)
    for table, name in ((pool.copy(), "pool"), (np.ones((4, 2)), "target")):
        inputs: dict[str, Any] = {"pool": pool, "target": target, name: table}
        table[3] = 0
        with pytest.raises(FeatureError, match=f"{name} row 3 is all zero"):
            KCentre().select(**inputs, budget=1)
        table[3, 1] = np.nan
        with pytest.raises(FeatureError, match=f"{name} row 3 has NaN"):
            KCentre().select(**inputs, budget=1)
