from __future__ import annotations

import numpy as np

from baselines.core.resampling import gumbel_top_k


def test_first_draws_follow_the_weights() -> None:
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    draws = np.array([gumbel_top_k(np.log(weights), 2, seed)[0] for seed in range(4000)])
    first = np.bincount(draws[:, 0], minlength=4) / 4000
    # Standard deviations below 0.008; the seeds are fixed, so this cannot fail by chance.
    np.testing.assert_allclose(first, weights / 10, atol=0.03)
    # After 3 went first, the others share what is left as 1 : 2 : 3.
    second = np.bincount(draws[draws[:, 0] == 3, 1], minlength=4)
    np.testing.assert_allclose(second / second.sum(), [1 / 6, 1 / 3, 1 / 2, 0], atol=0.04)


def test_order_is_that_of_the_scores_and_a_smaller_draw_is_the_beginning_of_a_larger() -> None:
    weights = np.linspace(-3, 3, 200)
    before = weights.copy()
    positions, scores = gumbel_top_k(weights, 80, 5)
    assert positions.dtype == np.int64
    assert len(set(positions.tolist())) == 80
    assert (np.diff(scores) < 0).all()
    assert gumbel_top_k(weights, 30, 5)[0].tolist() == positions[:30].tolist()
    assert gumbel_top_k(weights, 80, 6)[0].tolist() != positions.tolist()
    assert (weights == before).all()


def test_a_row_without_weight_is_drawn_only_when_nothing_else_is_left() -> None:
    positions, scores = gumbel_top_k(np.array([-np.inf, 0.0, 0.0]), 3, 1)
    assert positions[2] == 0
    assert scores[2] == -np.inf
