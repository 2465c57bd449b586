"""Cosines between all rows of two tables, tile by tile: what the coreset metrics are computed from.

There are two precisions. "exact": unit rows are rounded to multiples of 2**-26 and their cosines are exact
(`baselines.core.exact`), so that comparing two of them depends on the features alone. "fast": unit rows are multiplied
in float32, in half of the time; a cosine is good to about 1e-6, and its last digits may depend on threads and
processor. Sums are float64. Whatever the sizes, the memory is that of two blocks of `BLOCK_ROWS` rows and of the tile
between them: under 0.5 GB at d = 2048.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import exact_cosines, grid_rows
from baselines.core.scoring import unit_rows
from baselines.core.selection import Features, check_rows, check_shape

Floats = NDArray[np.floating]
Precision = Literal["exact", "fast"]
"""Cosines in float64 that are exact on rounded rows, or in float32."""
_DTYPES: dict[Precision, type[np.floating]] = {"exact": np.float64, "fast": np.float32}

BLOCK_ROWS = 4096
"""Rows read and multiplied at once. Fixed, because the last digits of a matrix product may depend on it."""
STRIP_NUMBERS = 2**16
"""Cosines worked on at once: the three arrays of a sum fit in the cache of a core."""
_NORMALISED_ROWS = 256  # rows brought to length 1 at once: their copies in float64 stay small


@dataclass(frozen=True)
class Within:
    """Pairs of different rows of one table: each row's k largest cosines, ascending [n, k], and the mean kernel."""

    nearest: Floats
    kernel: float

    @property
    def farthest(self) -> Floats:
        """Cosine of every row to its k-th nearest other row [n]."""
        return self.nearest[:, 0]


@dataclass(frozen=True)
class Between:
    """Pairs of a target row and a pick: the largest cosine of each [n] and [m], the mean kernel, and the picks inside
    every target row's ball [n]."""

    nearest_pick: Floats
    nearest_target: Floats
    kernel: float
    inside: NDArray[np.int64]


def pairs_within(table: Features, name: str, k: int, *, precision: Precision) -> Within:
    """All pairs of different rows of `table` [n, d], which messages call `name`: n^2 d operations, each pair once.

    Raises ValueError unless 1 <= k < n, FeatureError for features that have no cosine.
    """
    n, _ = check_shape(table, name)
    if k < 1 or n <= k:
        raise ValueError(f"{name} has {n} rows: k = {k} nearest other rows need k >= 1 and more than k rows")
    nearest: Floats = np.full((n, k), -np.inf, dtype=_DTYPES[precision])
    kernel = 0.0
    for rows, block in _unit_blocks(table, name, precision):
        for columns, others in _unit_blocks(table, name, precision, rows.start):
            cosines = _tile(block, others)
            total = _kernel_sum(cosines)
            if rows == columns:
                kernel += total - _kernel_sum(np.diagonal(cosines))
                np.fill_diagonal(cosines, -np.inf)
            else:  # one tile stands for its mirror image too
                kernel += 2 * total
                nearest[columns] = _largest(nearest[columns], cosines.T)
            nearest[rows] = _largest(nearest[rows], cosines)
    return Within(nearest, kernel / (n * (n - 1)))


def pairs_between(target: Features, picks: Features, balls: Floats | None = None) -> Between:
    """All pairs of `target` [n, d] and `picks` [m, d], exact: 2 n m d operations.

    balls: the exact cosine [n] of the rim of every target row's ball; a pick on the rim is outside, and without balls
        nothing is inside.

    Raises FeatureError for features that have no cosine or tables of different width.
    """
    n, dim = check_shape(target, "target")
    m, _ = check_shape(picks, "picks", dim=dim)
    to_pick, to_target = np.full(n, -np.inf), np.full(m, -np.inf)
    inside, kernel = np.zeros(n, dtype=np.int64), 0.0
    for rows, block in _unit_blocks(target, "target", "exact"):
        for columns, others in _unit_blocks(picks, "picks", "exact"):
            cosines = _tile(block, others)
            kernel += _kernel_sum(cosines)
            to_pick[rows] = np.maximum(to_pick[rows], cosines.max(axis=1))
            to_target[columns] = np.maximum(to_target[columns], cosines.max(axis=0))
            if balls is not None:
                inside[rows] += np.count_nonzero(cosines > balls[rows, None], axis=1)
    return Between(to_pick, to_target, kernel / (n * m), inside)


def _kernel_sum(cosines: Floats) -> float:
    total = 0.0
    for strip in _strips(np.atleast_2d(cosines)):
        shifted = strip + 1
        cubes = shifted * shifted
        cubes *= shifted
        total += float(cubes.sum(dtype=np.float64))
    return total


def _strips(cosines: Floats) -> Iterator[Floats]:
    """The rows of a tile, few at a time: what is computed from them stays in the cache."""
    step = max(1, STRIP_NUMBERS // cosines.shape[1])
    for start in range(0, len(cosines), step):
        yield cosines[start : start + step]


def _largest(known: Floats, cosines: Floats) -> Floats:
    """The k largest of `known` [r, k] and `cosines` [r, c] in every row, ascending."""
    k = known.shape[1]
    if k == 1:  # as in the pass over all picks, where it is worth not copying the tile
        best: Floats = np.maximum(known, cosines.max(axis=1, keepdims=True))
        return best
    strips = [np.partition(strip, max(0, strip.shape[1] - k), axis=1)[:, -k:] for strip in _strips(cosines)]
    joined = np.concatenate([known, np.concatenate(strips)], axis=1)
    return np.sort(joined, axis=1)[:, -k:]


def _tile(block: Floats, others: Floats) -> Floats:
    """Cosines of all pairs of rows of `_unit_blocks`, in the precision of the blocks."""
    return exact_cosines(block, others) if block.dtype == np.float64 else block @ others.T


def _unit_blocks(table: Features, name: str, precision: Precision, start: int = 0) -> Iterator[tuple[slice, Floats]]:
    """Yield (rows, these rows at length 1 as `_tile` multiplies them) from row `start` on."""
    normalised = grid_rows if precision == "exact" else unit_rows
    for first in range(start, len(table), BLOCK_ROWS):
        rows = slice(first, min(first + BLOCK_ROWS, len(table)))
        block = np.asarray(table[rows])
        check_rows(block, name, first)
        unit = np.empty(block.shape, dtype=_DTYPES[precision])
        for start_of_part in range(0, len(block), _NORMALISED_ROWS):
            part = slice(start_of_part, start_of_part + _NORMALISED_ROWS)
            unit[part] = normalised(block[part])
        yield rows, unit
