"""What samplers that give every row one score share: the best rows of the pool, read once, block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import Budget, BudgetError, Features, Selection, check_rows, parse_budget, row_blocks

BLOCK_ROWS = 4096
"""Rows scored at once. Fixed, because the last digits of a matrix product may depend on it."""

Score = Callable[[NDArray[np.float64]], NDArray[np.floating]]


def images_of(budget: Budget, n_pool: int, sampler: str) -> int:
    """Number of images that `budget` means, for a sampler without a stopping rule.

    Raises BudgetError for a budget that `parse_budget` refuses and for None.
    """
    images = parse_budget(budget, n_pool)
    if images is None:
        raise BudgetError(f'budget None: {sampler} has no stopping rule, give an int or a share such as "5%"')
    return images


def best_rows(pool: Features, score: Score, m: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions int64 [m] and scores float64 [m] of the m best rows of `pool` [N, d]: highest score first, ties by
    smaller position.

    `score` maps rows float64 [b, d], checked for NaN, infinity and zeros, to their scores [b].
    Memory is that of one block and about 2 m rows. Raises FeatureError as `check_rows` does, ValueError for a score
    that is not finite.
    """
    positions, scores = np.empty(0, dtype=np.int64), np.empty(0)
    for first, block in row_blocks(pool, len(pool), BLOCK_ROWS):
        check_rows(block, "pool", first)
        block_scores = _finite(score(np.asarray(block, dtype=np.float64)), first)
        positions = np.concatenate([positions, np.arange(first, first + len(block))])
        scores = np.concatenate([scores, block_scores])
        if scores.size > 2 * m + BLOCK_ROWS:
            positions, scores = _best(positions, scores, m)
    return _best(positions, scores, m)


def selection(
    pool: Features, score: Score, budget: Budget, sampler: str, info: dict[str, Any] | None = None
) -> Selection:
    """The `budget` best rows of `pool` by `score`, as the selection of the sampler called `sampler`."""
    positions, scores = best_rows(pool, score, images_of(budget, len(pool), sampler))
    return Selection(positions, scores.astype(np.float32), "budget", info or {})


def _finite(scores: NDArray[np.floating], first: int) -> NDArray[np.float64]:
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise ValueError(f"pool row {first + bad[0]} has score {scores[bad[0]]}: it cannot be ordered")
    return np.asarray(scores, dtype=np.float64)


def _best(
    positions: NDArray[np.int64], scores: NDArray[np.float64], m: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    order = np.lexsort((positions, -scores))[:m]
    return positions[order], scores[order]
