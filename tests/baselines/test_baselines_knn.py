from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

import baselines.knn
from baselines import BudgetError
from baselines.core.exact import grid_rows
from baselines.knn import KNNDistance, _distances


def unit(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def test_by_hand() -> None:
    target = np.array([[1.0, 0.0], [0.0, 2.0], [5.0, 0.0]])
    pool = np.array([[0.0, 1.0], [3.0, 0.0], [4.0, 3.0], [-1.0, 0.0]])
    nearest = KNNDistance(k=1).select(target, pool, budget=4)
    assert nearest.indices.tolist() == [0, 1, 2, 3]  # rows 0 and 1 tie at distance 0
    np.testing.assert_allclose(nearest.scores, [0, 0, -np.sqrt(0.4), -np.sqrt(2)], rtol=1e-6)
    second = KNNDistance(k=2).select(target, pool, budget=3)
    assert second.indices.tolist() == [1, 2, 0]
    np.testing.assert_allclose(second.scores, [0, -np.sqrt(0.4), -np.sqrt(2)], rtol=1e-6)
    assert second.info == {"k": 2}


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), n_target=st.integers(1, 12), k=st.integers(1, 15), seed=st.integers(0, 2**31))
def test_distances_are_scikit_learns(n: int, n_target: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, pool = rng.standard_normal((n_target, 5)), rng.standard_normal((n, 5))
    picks = KNNDistance(k=k).select(target, pool, budget=n)
    neighbours = min(k, n_target)
    nearest = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(unit(target)).kneighbors(unit(pool))
    expected = nearest[0][:, neighbours - 1]
    np.testing.assert_allclose(-picks.scores, np.sort(expected), atol=1e-6)
    np.testing.assert_allclose(expected[picks.indices], np.sort(expected), atol=1e-7)
    assert picks.info == {"k": neighbours}


def test_equal_rows_tie_by_position_and_few_cosines_at_once_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    target, base = rng.standard_normal((30, 6)), rng.standard_normal((20, 6))
    pool = np.concatenate([base, 4 * base])  # a power of two times a row is the same direction, to the last digit
    picks = KNNDistance(k=3).select(target, pool, budget=40).indices
    assert (picks[1::2] - picks[::2] == 20).all()
    monkeypatch.setattr(baselines.knn, "_SCORES", 7 * 30)
    assert KNNDistance(k=3).select(target, pool, budget=40).indices.tolist() == picks.tolist()


def test_no_order_of_additions_moves_a_distance() -> None:
    rng = np.random.default_rng(4)
    target, pool = (grid_rows(rng.standard_normal((rows, 33))) for rows in (50, 70))
    shuffled = rng.permutation(33)  # a BLAS of another machine adds up in another order
    distances = _distances(pool, target, 5)
    assert _distances(pool[:, shuffled], target[:, shuffled], 5).tolist() == distances.tolist()
    assert _distances(target, target, 1).tolist() == [0.0] * 50


def test_bad_fields_and_no_stopping_rule() -> None:
    for k in (0, -1, 2.0, True, None):
        with pytest.raises(ValueError, match=r"^k must be an int of at least 1"):
            KNNDistance(k=k)  # type: ignore[arg-type]
    with pytest.raises(BudgetError, match="budget None: knn has no stopping rule"):
        KNNDistance().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
