from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from baselines.core.transport import Neighbourhoods


def neighbourhoods(costs: np.ndarray, rho: np.ndarray, k: int) -> Neighbourhoods:
    positions = np.argsort(costs, axis=1, kind="stable")[:, :k]
    filled = np.cumsum(1 / rho[positions], axis=1)
    return Neighbourhoods(positions, np.take_along_axis(costs, positions, axis=1), filled)


def test_by_hand() -> None:
    # One target row; neighbours at 0, 1, 3 and 4, the second and third half of a pair of copies each.
    near = Neighbourhoods(np.array([[2, 0, 3, 1]]), np.array([[0.0, 1.0, 3.0, 4.0]]), np.array([[1.0, 1.5, 2.0, 3.0]]))
    # Full up to the first: 1 * (1 - 0). Up to the second: 1 * 3 + 0.5 * 2. Up to the third: 4 + 0.5 * 3 + 0.5 * 1.
    assert [near.marginal_cost(level) for level in (0.9, 1.0, 1.4, 1.5, 2.0)] == [0, 1, 1, 4, 6]
    assert [near.level(bound) for bound in (0.5, 1.0, 1.1, 4.0, 5.0, 6.0, 99.0)] == [1, 1, 1.5, 1.5, 2, 2, 2]
    np.testing.assert_allclose(near.shares(1.5, 5), [1 / 3, 0, 2 / 3, 0, 0])
    np.testing.assert_allclose(near.shares(2.0, 5), [1 / 4, 0, 1 / 2, 1 / 4, 0])
    np.testing.assert_allclose(near.shares(10.0, 5), [0.05, 0.8, 0.1, 0.05, 0])  # the last takes what is left
    assert [near.level_of_rows(m, 5) for m in (1, 2, 3, 4)] == [1, 1.5, 2, 3]


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 3), n_pool=st.integers(8, 14), alpha=st.floats(0.2, 0.9), seed=st.integers(0, 2**31))
def test_no_plan_is_better(n: int, n_pool: int, alpha: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs, rho = rng.random((n, n_pool)), 1 + 2 * rng.random(n_pool)
    scale, spread = 0.05, float(np.sum(1 / rho))
    near = neighbourhoods(costs, rho, n_pool)
    level = near.level((1 - alpha) / alpha * scale * n)
    assume(level < spread / 2)  # the range in which the closed form is the optimum: see the module
    # gamma and then t, the maximum: minimise a sum gamma d + (1 - alpha) t with n rho |gamma - even| <= t.
    even = np.tile(1 / (n * spread * rho), n)
    bend = np.diag(np.tile(n * rho, n))
    edge = -np.ones((n * n_pool, 1))
    solution = linprog(
        np.append(alpha / scale * costs.ravel(), 1 - alpha),
        A_ub=np.block([[bend, edge], [-bend, edge]]),
        b_ub=np.concatenate([bend @ even, -bend @ even]),
        A_eq=np.hstack([np.kron(np.eye(n), np.ones(n_pool)), np.zeros((n, 1))]),
        b_eq=np.full(n, 1 / n),
    )
    gamma = solution.x[:-1].reshape(n, n_pool)
    np.testing.assert_allclose(near.shares(level, n_pool), gamma.sum(axis=0), atol=1e-7)


def raised_step_by_step(near: Neighbourhoods, bound: float) -> float:
    """The level found one neighbour at a time: the lowest that fills next, until its cost reaches the bound."""
    n, k = near.positions.shape
    heap = [(near.filled[j, 0], j, 0) for j in range(n)]
    heapq.heapify(heap)
    cost = np.zeros(n)
    level = 0.0
    while heap:
        level, j, i = heapq.heappop(heap)
        weights = np.diff(near.filled[j, : i + 1], prepend=0)
        cost[j] = weights @ (near.distances[j, i + 1] - near.distances[j, : i + 1])
        if cost.sum() >= bound:
            break
        if i + 2 < k:
            heapq.heappush(heap, (near.filled[j, i + 1], j, i + 1))
    return float(level)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 6),
    k=st.integers(2, 12),
    bound=st.floats(0.01, 30),
    m=st.integers(1, 12),
    seed=st.integers(0, 2**31),
)
def test_levels_are_those_found_one_by_one(n: int, k: int, bound: float, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = neighbourhoods(rng.random((n, 15)), 1 + 3 * rng.random(15), k)
    level = near.level(bound)
    assert level == raised_step_by_step(near, bound)
    assert near.shares(level, 15).sum() == pytest.approx(1)
    m = min(m, np.unique(near.positions).size)
    enough = near.level_of_rows(m, 15)
    assert np.count_nonzero(near.shares(enough, 15)) >= m
    lower = near.filled[near.filled < enough]
    if lower.size:
        assert np.count_nonzero(near.shares(float(lower.max()), 15)) < m or near.filled.shape[1] == 1
