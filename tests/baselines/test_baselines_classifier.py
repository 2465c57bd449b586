from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from baselines import BudgetError
from baselines.classifier import ClassifierScore, _train
from baselines.core.rows import sample_positions


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cone(n: int, dim: int, seed: int, lean: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)) + lean


def test_scores_are_scikit_learns_log_odds() -> None:
    target, pool = cone(80, 6, 0, 2.0), cone(700, 6, 1)
    picks = ClassifierScore(sample=200, c=3.0).select(target, pool, budget="50%", seed=5)
    trained = sample_positions(700, 200, 5)
    rows = unit(np.concatenate([target, pool[trained]]))
    model = LogisticRegression(C=3.0, class_weight="balanced").fit(rows, [1] * 80 + [0] * 200)
    expected = model.decision_function(unit(pool))
    assert picks.indices.tolist() == np.argsort(-expected, kind="stable")[:350].tolist()
    np.testing.assert_allclose(picks.scores, -np.sort(-expected)[:350], rtol=1e-5)
    assert picks.info == {"trained_on": 200, "converged": True}
    assert set(picks.indices.tolist()) & set(trained.tolist())  # what was trained on is scored too


def test_what_looks_like_the_target_comes_first_and_equal_rows_tie_by_position() -> None:
    rng = np.random.default_rng(7)
    near = np.array([4.0, 0.0, 0.0]) + 0.3 * rng.standard_normal((60, 3))
    far = np.array([0.0, 4.0, 0.0]) + 0.3 * rng.standard_normal((100, 3))
    pool = np.concatenate([far, near[:20], near[:20]])
    picks = ClassifierScore().select(near[20:], pool, budget=40)
    assert sorted(picks.indices.tolist()) == list(range(100, 140))
    assert (picks.indices[1::2] - picks.indices[::2] == 20).all()


def test_the_place_in_a_block_moves_no_score() -> None:
    target, pool = cone(60, 33, 4, 0.5), cone(300, 33, 5)
    log_odds, _ = _train(unit(target), unit(pool), 1.0)
    assert [log_odds(row[None])[0] for row in pool] == log_odds(pool).tolist()
    np.testing.assert_array_equal(log_odds(pool[::-1])[::-1], log_odds(4 * pool))


def test_the_sample_is_the_seeds_and_at_most_the_pool() -> None:
    target, pool = cone(30, 4, 2, 2.0), cone(300, 4, 3)
    draws = [ClassifierScore(sample=40).select(target, pool, budget=300, seed=seed).indices for seed in (1, 1, 2)]
    assert draws[0].tolist() == draws[1].tolist() != draws[2].tolist()
    whole = [ClassifierScore().select(target, pool, budget=300, seed=seed) for seed in (1, 2)]
    assert whole[0].indices.tolist() == whole[1].indices.tolist()
    assert whole[0].info["trained_on"] == 300


@pytest.mark.parametrize(
    "fields",
    [{"sample": 0}, {"sample": 1.5}, {"c": 0}, {"c": float("nan")}, {"c": float("inf")}, {"c": "1"}, {"c": True}],
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        ClassifierScore(**fields)


def test_no_stopping_rule() -> None:
    with pytest.raises(BudgetError, match="budget None: classifier has no stopping rule"):
        ClassifierScore().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
