from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from baselines import BudgetError
from baselines.core.scoring import unit_rows
from baselines.tsds import TSDS


def cone(n: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)) + 0.5


def test_one_target_row_by_hand() -> None:
    # Unit rows at distances 0, 1 and sqrt(2); twenty more far away, which the tenth of the pool leaves out.
    pool = np.array([[0.0, 1.0], [0.5, np.sqrt(0.75)], [1.0, 0.0], *[[-1.0, 0.001 * i] for i in range(20)]])
    sampler = TSDS(alpha=0.5, scale=0.5, bandwidth=0)
    # The neighbours are 2 and 1; a level of 1 costs 1 * (1 - 0) >= (1 - alpha) / alpha * scale.
    picks = sampler.select(np.array([[3.0, 0.0]]), pool, budget=1)
    assert picks.indices.tolist() == [2]
    assert picks.info == {"alpha": 0.5, "rows": 1, "neighbours": 2}
    # Two rows are asked for: level 2, marginal cost 1, optimal for alpha = scale / (scale + 1).
    wider = sampler.select(np.array([[3.0, 0.0]]), pool, budget=2)
    assert sorted(wider.indices.tolist()) == [1, 2]
    assert wider.info["rows"] == 2
    assert wider.info["alpha"] == pytest.approx(1 / 3, rel=1e-6)
    # Three rows: the neighbours are doubled.
    assert sampler.select(np.array([[3.0, 0.0]]), pool, budget=3).info["neighbours"] == 4


def drawn_shares(sampler: TSDS, target: np.ndarray, pool: np.ndarray, draws: int) -> np.ndarray:
    first = [sampler.select(target, pool, budget=1, seed=seed).indices[0] for seed in range(draws)]
    return np.bincount(first, minlength=len(pool)) / draws


def test_first_draws_follow_the_plan_and_copies_share_the_mass_of_one() -> None:
    target = np.array([[1.0, 0.0, 0.0]])
    angles = np.linspace(0.2, 2.5, 40)
    pool = np.stack([np.cos(angles), np.sin(angles), np.zeros(40)], axis=1)
    pool[:3] = pool[0]
    sampler = TSDS(alpha=0.5, scale=1.0, bandwidth=0.05, neighbours=40)
    shares = drawn_shares(sampler, target, pool, 600)
    # Four neighbours: three copies of density 3 and one row of density 1; the level of all four is 2.
    distances = cdist(target, pool)[0, :4]
    assert sampler.select(target, pool, budget=4).info["neighbours"] == 4
    assert distances[3] - distances[0] < 1  # so that the first three together cost less than the regulariser
    # The level stays at the last that fills a neighbour before the fourth, 1: all mass on the three copies.
    np.testing.assert_allclose(shares[:4], [1 / 3, 1 / 3, 1 / 3, 0], atol=0.06)


def test_closeness_and_diversity() -> None:
    target, pool = cone(10, 8, 0), cone(600, 8, 1)
    nearest = cdist(unit_rows(pool), unit_rows(target)).min(axis=1)
    near, wide = (TSDS(alpha=alpha, bandwidth=0).select(target, pool, budget=60) for alpha in (0.99, 0.05))
    assert near.info["rows"] < wide.info["rows"]
    assert nearest[near.indices].mean() < nearest[wide.indices].mean() < nearest.mean()


def test_seed_decides_the_draw_and_smaller_budgets_are_beginnings() -> None:
    target, pool = cone(30, 6, 2), cone(900, 6, 3)
    sampler = TSDS(alpha=0.1)
    large = sampler.select(target, pool, budget=90, seed=1)
    assert large.info["alpha"] == 0.1  # the plan has enough rows as it is
    assert sampler.select(target, pool, budget="5%", seed=1).indices.tolist() == large.indices[:45].tolist()
    assert sampler.select(target, pool, budget=90, seed=2).indices.tolist() != large.indices.tolist()


@pytest.mark.parametrize(
    "fields",
    [
        *({"alpha": 0}, {"alpha": 1.0}, {"alpha": "0.5"}, {"scale": 0}, {"scale": float("inf")}),
        *({"bandwidth": -1}, {"bandwidth": float("nan")}, {"neighbours": 0}, {"density_neighbours": 2.0}),
    ],
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        TSDS(**fields)


def test_no_stopping_rule() -> None:
    with pytest.raises(BudgetError, match="budget None: tsds has no stopping rule"):
        TSDS().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
