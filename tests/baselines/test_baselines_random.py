from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines import BudgetError, Random


@given(st.integers(1, 60), st.data())
def test_picks_are_distinct_rows_of_the_pool(n: int, data: st.DataObject) -> None:
    budget = data.draw(st.integers(1, n))
    seed = data.draw(st.integers(0, 2**40))
    picks = Random().select(None, np.ones((n, 2)), budget=budget, seed=seed)
    assert picks.indices.dtype == np.int64
    assert len(set(picks.indices.tolist()) & set(range(n))) == budget
    assert picks.scores.tolist() == [0.0] * budget
    assert picks.stopped_by == "budget"
    assert json.loads(json.dumps(picks.info)) == {"seed": seed}


def test_seed_decides_and_smaller_budgets_are_beginnings() -> None:
    pool = np.ones((1000, 1))
    large = Random().select(None, pool, budget="20%", seed=3).indices
    assert Random().select(None, pool, budget=50, seed=3).indices.tolist() == large[:50].tolist()
    assert Random().select(None, pool, budget=50, seed=4).indices.tolist() != large[:50].tolist()


def test_every_row_is_as_likely_as_every_other() -> None:
    counts = np.zeros(10)
    for seed in range(3000):
        counts[Random().select(None, np.ones((10, 1)), budget=3, seed=seed).indices] += 1
    # 900 expected, standard deviation 25; the seeds are fixed, so this cannot fail by chance.
    assert np.abs(counts - 900).max() < 100


def test_no_stopping_rule_and_bad_budgets() -> None:
    with pytest.raises(BudgetError, match="budget None: random has no stopping rule"):
        Random().select(None, np.ones((4, 2)), budget=None)
    with pytest.raises(BudgetError, match="the pool has 4"):
        Random().select(None, np.ones((4, 2)), budget=5)
