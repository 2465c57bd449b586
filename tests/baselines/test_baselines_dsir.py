from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baselines import BudgetError
from baselines.dsir import DSIR


def corners(counts: list[int], seed: int) -> np.ndarray:
    """So many rows around each of three corners that no clustering can miss."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [10 * corner + 0.01 * rng.standard_normal((count, 3)) for corner, count in zip(np.eye(3), counts, strict=True)]
    )


def shares(indices: np.ndarray, counts: list[int]) -> np.ndarray:
    return np.bincount(np.repeat([0, 1, 2], counts)[indices], minlength=3) / len(indices)


def test_picks_follow_the_targets_histogram() -> None:
    target, counts = corners([60, 40, 0], 0), [2000, 4000, 6000]
    pool = corners(counts, 1)
    selections = [DSIR(clusters=3, smoothing=1e-6).select(target, pool, budget=300, seed=seed) for seed in range(20)]
    mean = np.mean([shares(picks.indices, counts) for picks in selections], axis=0)
    # Standard deviation 0.006 and a little for the rows already gone; fixed seeds cannot fail by chance.
    np.testing.assert_allclose(mean, [0.6, 0.4, 0.0], atol=0.02)
    assert all(picks.info["kl_after"] < 0.05 < picks.info["kl_before"] for picks in selections)


def test_scores_are_log_weights_plus_the_noise_of_the_seed() -> None:
    target, counts = corners([6, 3, 0], 2), [10, 20, 30]
    picks = DSIR(clusters=3, smoothing=1.0).select(target, corners(counts, 3), budget=60, seed=9)
    weights = np.array([7 / 12, 4 / 12, 1 / 12]) / (np.array(counts) / 60)
    noise = np.random.Generator(np.random.PCG64(9)).gumbel(size=60)
    expected = np.log(np.repeat(weights, counts)) + noise
    assert picks.indices.tolist() == np.argsort(-expected).tolist()
    np.testing.assert_allclose(picks.scores, -np.sort(-expected), rtol=1e-5)
    goal, before = np.array([7, 4, 1]) / 12, np.array([11, 21, 31]) / 63
    assert picks.info["clusters"] == 3
    assert picks.info["kl_before"] == pytest.approx(np.sum(goal * np.log(goal / before)))
    assert picks.info["kl_after"] == pytest.approx(picks.info["kl_before"])  # the whole pool was picked


def test_seed_decides_and_smaller_budgets_are_beginnings() -> None:
    target, pool = corners([20, 5, 5], 4), corners([100, 100, 100], 5)
    large = DSIR(clusters=8).select(target, pool, budget=200, seed=3).indices
    assert DSIR(clusters=8).select(target, pool, budget="20%", seed=3).indices.tolist() == large[:60].tolist()
    assert DSIR(clusters=8).select(target, pool, budget=200, seed=4).indices.tolist() != large.tolist()


def test_a_cluster_of_target_rows_only_asks_for_nothing() -> None:
    target, pool = corners([5, 5, 5], 6), corners([0, 30, 30], 7)
    picks = DSIR(clusters=3).select(target, pool, budget=60)
    assert sorted(picks.indices.tolist()) == list(range(60))


def test_a_sample_of_the_pool_makes_the_clusters() -> None:
    target, pool = corners([5, 5, 0], 8), corners([300, 300, 300], 9)
    assert DSIR(clusters=500, sample=40).select(target, pool, budget=10).info["clusters"] == 50


@pytest.mark.parametrize("fields", [{"clusters": 0}, {"sample": 1.5}, {"smoothing": 0}, {"smoothing": float("inf")}])
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        DSIR(**fields)


def test_no_stopping_rule() -> None:
    with pytest.raises(BudgetError, match="budget None: dsir has no stopping rule"):
        DSIR().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
