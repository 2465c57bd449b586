"""Cosines between all rows of two tables, tile by tile: what the coreset metrics are computed from.

Rows are normalised in float64 and multiplied in float32, and summed in float64: values are good to about 1e-6, and
the last digits may depend on the number of threads. Whatever the sizes, the memory is that of two blocks of
`BLOCK_ROWS` rows and of the tile between them: under 0.5 GB at d = 2048.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import unit_rows
from baselines.core.selection import Features, check_rows, check_shape

Float32 = NDArray[np.float32]

BLOCK_ROWS = 4096
"""Rows read and multiplied at once. Fixed, because the last digits of a matrix product may depend on it."""
STRIP_NUMBERS = 2**16
"""Cosines worked on at once: the three arrays of a sum fit in the cache of a core."""
RIM = 1e-6
"""A row this close to the rim of a ball counts as outside it, whatever the rounding of float32 makes of it."""


@dataclass(frozen=True)
class Within:
    """Pairs of different rows of one table: each row's k largest cosines, ascending [n, k], and the mean kernel."""

    nearest: Float32
    kernel: float

    @property
    def farthest(self) -> Float32:
        """Cosine of every row to its k-th nearest other row [n]."""
        return self.nearest[:, 0]


@dataclass(frozen=True)
class Between:
    """Pairs of a target row and a pick: the largest cosine of each [n] and [m], the mean kernel, and the picks inside
    every target row's ball [n]."""

    nearest_pick: Float32
    nearest_target: Float32
    kernel: float
    inside: NDArray[np.int64]


def pairs_within(table: Features, name: str, k: int) -> Within:
    """All pairs of different rows of `table` [n, d], which messages call `name`: n^2 d operations, each pair once.

    Raises ValueError unless 1 <= k < n, FeatureError for features that have no cosine.
    """
    n, _ = check_shape(table, name)
    if k < 1 or n <= k:
        raise ValueError(f"{name} has {n} rows: k = {k} nearest other rows need k >= 1 and more than k rows")
    nearest, kernel = np.full((n, k), -np.inf, dtype=np.float32), 0.0
    for rows, block in _unit_blocks(table, name):
        for columns, others in _unit_blocks(table, name, rows.start):
            cosines = block @ others.T
            total = _kernel_sum(cosines)
            if rows == columns:
                kernel += total - _kernel_sum(np.diagonal(cosines))
                np.fill_diagonal(cosines, -np.inf)
            else:  # one tile stands for its mirror image too
                kernel += 2 * total
                nearest[columns] = _largest(nearest[columns], cosines.T)
            nearest[rows] = _largest(nearest[rows], cosines)
    return Within(nearest, kernel / (n * (n - 1)))


def pairs_between(target: Features, picks: Features, balls: Float32 | None = None) -> Between:
    """All pairs of `target` [n, d] and `picks` [m, d]: 2 n m d operations.

    balls: smallest cosine [n] that is still on the rim of every target row's ball; without it nothing is inside.

    Raises FeatureError for features that have no cosine or tables of different width.
    """
    n, dim = check_shape(target, "target")
    m, _ = check_shape(picks, "picks", dim=dim)
    to_pick, to_target = np.full(n, -np.inf, dtype=np.float32), np.full(m, -np.inf, dtype=np.float32)
    inside, kernel = np.zeros(n, dtype=np.int64), 0.0
    for rows, block in _unit_blocks(target, "target"):
        for columns, others in _unit_blocks(picks, "picks"):
            cosines = block @ others.T
            kernel += _kernel_sum(cosines)
            to_pick[rows] = np.maximum(to_pick[rows], cosines.max(axis=1))
            to_target[columns] = np.maximum(to_target[columns], cosines.max(axis=0))
            if balls is not None:
                inside[rows] += np.count_nonzero(cosines > balls[rows, None] + RIM, axis=1)
    return Between(to_pick, to_target, kernel / (n * m), inside)


def _kernel_sum(cosines: Float32) -> float:
    total = 0.0
    for strip in _strips(np.atleast_2d(cosines)):
        shifted = strip + np.float32(1)
        cubes = shifted * shifted
        cubes *= shifted
        total += float(cubes.sum(dtype=np.float64))
    return total


def _strips(cosines: Float32) -> Iterator[Float32]:
    """The rows of a tile, few at a time: what is computed from them stays in the cache."""
    step = max(1, STRIP_NUMBERS // cosines.shape[1])
    for start in range(0, len(cosines), step):
        yield cosines[start : start + step]


def _largest(known: Float32, cosines: Float32) -> Float32:
    """The k largest of `known` [r, k] and `cosines` [r, c] in every row, ascending."""
    k = known.shape[1]
    if k == 1:  # as in the pass over all picks, where it is worth not copying the tile
        best: Float32 = np.maximum(known, cosines.max(axis=1, keepdims=True))
        return best
    joined = np.concatenate([known, cosines], axis=1)
    return np.sort(np.partition(joined, joined.shape[1] - k, axis=1)[:, -k:], axis=1)


def _unit_blocks(table: Features, name: str, start: int = 0) -> Iterator[tuple[slice, Float32]]:
    """Yield (rows, these rows at length 1 in float32) from row `start` on."""
    for first in range(start, len(table), BLOCK_ROWS):
        rows = slice(first, min(first + BLOCK_ROWS, len(table)))
        block = np.asarray(table[rows])
        check_rows(block, name, first)
        yield rows, unit_rows(block).astype(np.float32)
