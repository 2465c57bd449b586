from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, herding
from baselines.core.exact import grid_rows
from baselines.herding import Herding


def slowly(target: np.ndarray, pool: np.ndarray, budget: int) -> tuple[list[int], list[float]]:
    """Every score at every pick, in integers: nothing is rounded."""
    x, u = (np.rint(grid_rows(rows) * 2**26).astype(object) for rows in (target, pool))
    picks: list[int] = []
    scores = []
    total, picked = x.sum(axis=0), 0 * x[0]
    for t in range(budget):
        direction = (t + 1) * total - len(x) * picked
        score, position = max((int(u[i] @ direction), -i) for i in range(len(u)) if i not in picks)
        picks.append(-position)
        scores.append(score / 2**52 / len(x) / (t + 1))
        picked = picked + u[-position]
    return picks, scores


def mmd(target: np.ndarray, rows: np.ndarray) -> float:
    unit, picked = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (target, rows))
    return float(np.linalg.norm(unit.mean(axis=0) - picked.mean(axis=0)))


@pytest.mark.parametrize("offset", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("front", [(1, 1), (3, 3), (256, 4096)])
def test_picks_are_those_of_the_plain_algorithm(
    offset: float, front: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(herding, "FRONT_ROWS", front)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        target = rng.standard_normal((20, 6)) + offset
        pool = (rng.standard_normal((150, 6)) + offset * (seed % 2)).astype(np.float32)
        picks = Herding(passes=None).select(target, pool, budget=60)
        indices, scores = slowly(target, pool, 60)
        assert picks.indices.tolist() == indices
        np.testing.assert_allclose(picks.scores, scores, atol=1e-6)
        assert picks.info["unproved"] == 0
        assert picks.info["mmd"] == pytest.approx(mmd(target, pool[indices]), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 30), st.integers(1, 4), st.data())
def test_repeated_rows_are_picked_in_their_order(n: int, n_target: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    target = rng.integers(1, 5, (n_target, 3)).astype(np.float32)
    distinct = rng.integers(1, 5, (n, 3))
    of = rng.integers(0, n, n)
    picks = Herding().select(target, distinct[of].astype(np.float16), budget=data.draw(st.integers(1, n)))
    _, same = np.unique(distinct, axis=0, return_inverse=True)
    for one in set(same[of].tolist()):
        where = np.flatnonzero(same[of][picks.indices] == one)
        chosen = picks.indices[where]
        assert chosen.tolist() == np.flatnonzero(same[of] == one)[: chosen.size].tolist()


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_a_small_case_by_hand() -> None:
    # mu points to 45 degrees. After row 1 (50 degrees) the direction is that of 33 degrees.
    picks = Herding().select(at(0, 90), at(0, 50, 38, 90, 200), budget=3)
    assert picks.indices[0] == 1
    mu = at(0, 90).mean(axis=0)
    assert picks.scores[0] == pytest.approx(mu @ at(50)[0], abs=1e-6)
    second = 2 * mu - at(50)[0]
    assert picks.indices[1] == int(np.argmax(at(0, 50, 38, 90, 200) @ second)) == 2
    assert picks.scores[1] == pytest.approx(second @ at(38)[0] / 2, abs=1e-6)


@pytest.mark.parametrize("front", [(1, 1), (256, 4096)])
def test_a_direction_that_vanishes_is_a_tie(front: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "FRONT_ROWS", front)
    # mu = (1/2, 0): after row 2, (1, 0), the direction 2 mu - row is exactly zero.
    target = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    picks = Herding().select(target, np.array([[0.0, 1.0], [-1.0, 0.0], [1.0, 0.0], [1.0, 0.5]]), budget=2)
    assert picks.indices.tolist() == [2, 0]
    assert picks.scores.tolist() == [0.5, 0.0]
    assert picks.info["unproved"] == 0


def test_the_mean_comes_closer_than_by_the_nearest_rows() -> None:
    rng = np.random.default_rng(3)
    target, pool = rng.standard_normal((300, 16)) + 0.5, rng.standard_normal((4000, 16)) + 0.3
    picks = Herding().select(target, pool, budget=200)
    along = np.argsort(-grid_rows(pool) @ grid_rows(target).mean(axis=0))[:200]
    assert picks.info["mmd"] < 0.02 < 0.2 < mmd(target, pool[along])


def test_fewer_passes_are_counted_and_threads_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "FRONT_ROWS", (64, 64))
    rng = np.random.default_rng(4)
    target, pool = rng.standard_normal((50, 24)) + 0.4, (rng.standard_normal((3000, 24))).astype(np.float16)
    exact = Herding(passes=None).select(target, pool, budget=100)
    assert exact.indices.tolist() == slowly(target, pool, 100)[0]
    few = Herding(passes=10).select(target, pool, budget=100)
    assert few.info["passes"] <= 10 < exact.info["passes"] <= 100
    assert few.info["unproved"] > 0
    for threads in (1, 2):
        with threadpool_limits(threads):
            again = Herding(passes=10).select(target, pool, budget=100, seed=8)
        assert again.indices.tobytes() == few.indices.tobytes()
        assert again.scores.tobytes() == few.scores.tobytes()
    assert Herding(passes=100).select(target, pool, budget=100).indices.tolist() == exact.indices.tolist()


def test_a_direction_that_stays_shares_passes() -> None:
    rng = np.random.default_rng(5)
    # All the pool is on the other side of the target: the picks can never average to its mean.
    target, pool = rng.standard_normal((50, 8)) + 3, rng.standard_normal((20_000, 8)) - 0.5
    picks = Herding(passes=None).select(target, pool, budget=1000)
    assert picks.info["passes"] < 200
    assert picks.info["unproved"] == 0


def test_bad_input() -> None:
    pool, target = np.ones((5, 2)), np.ones((2, 2))
    with pytest.raises(ValueError, match=r"^passes must be an int of at least 1, got 0"):
        Herding(passes=0)
    with pytest.raises(ValueError, match="the target's mean is the zero vector"):
        Herding().select(np.array([[1.0, 2.0], [-1.0, -2.0]]), pool, budget=1)
    with pytest.raises(BudgetError, match="budget None: herding has no stopping rule"):
        Herding().select(target, pool, budget=None)
    with pytest.raises(BudgetError, match="the pool has 5"):
        Herding().select(target, pool, budget=6)
    with pytest.raises(FeatureError, match="pool has 2 columns, expected 3"):
        Herding().select(np.ones((2, 3)), pool, budget=1)
    with pytest.raises(FeatureError, match="target is empty"):
        Herding().select(target[:0], pool, budget=1)
    for table, name in ((pool.copy(), "pool"), (np.ones((4, 2)), "target")):
        inputs: dict[str, Any] = {"pool": pool, "target": target, name: table}
        table[3] = 0
        with pytest.raises(FeatureError, match=f"{name} row 3 is all zero"):
            Herding().select(**inputs, budget=1)
        table[3, 1] = np.nan
        with pytest.raises(FeatureError, match=f"{name} row 3 has NaN"):
            Herding().select(**inputs, budget=1)
