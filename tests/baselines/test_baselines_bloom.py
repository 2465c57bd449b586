from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from baselines import BudgetError
from baselines.bloom import BloomCoreset
from baselines.core.bloom_filter import BloomFilter, codes
from baselines.core.round_robin import round_robin
from baselines.core.scoring import unit_rows


def rows(n: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def passing(sampler: BloomCoreset, target: np.ndarray, pool: np.ndarray) -> np.ndarray:
    filled = BloomFilter(sampler.slots(len(target)), sampler.hashes)
    for code in codes(target):
        filled.add(code)
    return np.flatnonzero([code in filled for code in codes(pool)])


def test_picks_are_the_turns_among_what_passes() -> None:
    target, pool = rows(50, 64, 0), rows(4000, 64, 1)
    sampler = BloomCoreset()
    passed = passing(sampler, target, pool)
    picks = sampler.select(target, pool, budget=100)
    turns = round_robin(unit_rows(target), pool[passed], 100)
    assert picks.indices.tolist() == passed[turns.positions].tolist()
    assert picks.scores.tolist() == turns.scores.tolist()
    assert picks.info["passed"] == passed.size
    assert picks.info["passed"] == pytest.approx(4000 * picks.info["false_positive_rate"], rel=0.25)
    assert (picks.info["matched"], picks.info["filled"], picks.info["rounds"]) == (0, 0, turns.rounds)


def test_members_pass_whatever_their_length() -> None:
    target = rows(20, 64, 2)
    pool = np.concatenate([rows(30, 64, 3), 7 * target[::-1]])
    picks = BloomCoreset(sizing="textbook").select(target, pool, budget=20)
    assert sorted(picks.indices.tolist()) == list(range(30, 50))
    np.testing.assert_allclose(picks.scores, 1, atol=1e-6)
    assert (picks.info["matched"], picks.info["passed"], picks.info["rounds"]) == (20, 20, 1)


def test_what_the_filter_holds_back_fills_the_rest_of_the_budget() -> None:
    target, pool = rows(30, 64, 4), rows(500, 64, 5)
    sampler = BloomCoreset()
    passed = passing(sampler, target, pool)
    picks = sampler.select(target, pool, budget=200)
    assert 0 < passed.size < 200
    assert sorted(picks.indices[: passed.size].tolist()) == passed.tolist()
    held_back = np.setdiff1d(np.arange(500), passed)
    turns = round_robin(unit_rows(target), pool[held_back], 200 - passed.size)
    assert picks.indices[passed.size :].tolist() == held_back[turns.positions].tolist()
    assert picks.info["filled"] == 200 - passed.size


def test_the_textbooks_filter_lets_nothing_pass() -> None:
    picks = BloomCoreset(sizing="textbook").select(rows(200, 128, 6), rows(3000, 128, 7), budget=30)
    assert (picks.info["passed"], picks.info["filled"]) == (0, 30)
    assert picks.info["false_positive_rate"] < 1e-4


def test_without_negative_numbers_everything_passes() -> None:
    picks = BloomCoreset().select(np.abs(rows(20, 16, 8)), np.abs(rows(300, 16, 9)), budget="10%")
    assert (picks.info["passed"], picks.info["matched"]) == (300, 300)


@pytest.mark.parametrize(
    "fields",
    [
        *({"hashes": 0}, {"hashes": 2.0}, {"items_per_row": 0}, {"items_per_row": float("nan")}),
        *({"error_rate": 0}, {"error_rate": 1}, {"sizing": "optimal"}),
    ],
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        BloomCoreset(**fields)


def test_no_stopping_rule() -> None:
    with pytest.raises(BudgetError, match="budget None: bloom has no stopping rule"):
        BloomCoreset().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
