"""The candidates of every centroid, best first, without sorting the pool for each of them.

A ranking answers one question: which of the rows that are still free are certainly the best m of each
centroid? Order is descending score, ties by smaller position. One question costs one pass over the data and
keeps about 2 m candidates per centroid, whatever the size of the pool.

From features the pass multiplies blocks in float32, which depends on block size, threads and processor. Two
steps take that out of the result. Candidates that survive are scored again in float64 in a fixed order
(`exact_scores`), and of these only the certified ones are given out: those whose float64 score is above the
best float32 score left behind by more than the two may differ. So what is given out is exactly the beginning
of the all-float64 ranking.

What remains: the float64 score is itself rounded. Two rows whose true scores are closer than
`Ranking.rounding` may be in the other order in another float64 implementation (bit-identical rows are always
a tie here).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import error_32, error_64, norms, scaled_columns, tree_sum
from baselines.core.selection import Features, check_rows, check_shape, row_blocks

Mask = NDArray[np.bool_]

BLOCK_ROWS = 8192
BLOCK_NUMBERS = 2**24
"""float32 numbers in a block of rows and its scores together, 64 MiB: many columns make blocks shorter."""
SAFE_SQUARES = (2.0**-40, 2.0**100)
"""Squared norms in this range keep all float32 steps clear of overflow and make underflow negligible."""

_RESCORE_NUMBERS = 2**17  # float64 numbers worked on at once when scoring again: 1 MiB stays in cache


class Candidates(NamedTuple):
    """Positions int64 [m] and scores float64 [m] of one centroid's best free rows, best first."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float64]


class Ranking(Protocol):
    """A source of candidates for `k` centroids among `n` rows."""

    @property
    def n(self) -> int:
        """Number of rows."""
        ...

    @property
    def k(self) -> int:
        """Number of centroids."""
        ...

    @property
    def rounding(self) -> float:
        """Two scores that differ by no more than this may be ordered by rounding alone."""
        ...

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """The certain beginning, up to `m` long, of every centroid's order of the rows not in `taken` bool
        [n].

        It may be shorter than `m`, even empty, where rows around the m-th are too close to call. With `m` at
        least the number of free rows it is complete.
        """
        ...


class SimilarityRanking:
    """Candidates from a given similarity matrix [N, k], float32 or float64, in its own precision.

    Raises ValueError for another shape or type, or, when it is read, for a row with NaN or infinity.
    """

    rounding = 0.0

    def __init__(self, similarity: NDArray[np.floating], *, block_rows: int = BLOCK_ROWS) -> None:
        if similarity.ndim != 2 or 0 in similarity.shape:
            raise ValueError(f"similarity must be 2-d [N, k] and not empty, got shape {similarity.shape}")
        if similarity.dtype not in (np.float32, np.float64):
            raise ValueError(f"similarity must be float32 or float64, got {similarity.dtype}")
        self.n, self.k = similarity.shape
        self._similarity = similarity
        self._block_rows = block_rows

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """See `Ranking.top`; rows that tie with the first one left out are not certain."""
        best = _Best(self.k, m)
        for first, block in row_blocks(self._similarity, self.n, self._block_rows):
            bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if bad.size:
                raise ValueError(f"similarity row {first + bad[0]} has NaN or infinity: it cannot be ordered")
            best.add(first, np.where(taken[first : first + len(block)], -np.inf, block.T))
        return [_ordered(positions, scores.astype(np.float64)) for positions, scores, _ in best.finish()]


class FeatureRanking:
    """Candidates from features, by cosine between the rows of `pool` [N, d] and `centroids` [k, d] of length
    1.

    pool: float16, float32 or float64 rows, sliceable, not necessarily normalised.
    block_rows: at most so many rows are read and multiplied at once; moves time and memory only, never the
        candidates.

    Raises FeatureError for features that `check_shape` refuses and, when a row is read, as `check_rows` does.
    Raises ValueError for centroids that are not of length 1 to within 1e-3.
    """

    def __init__(self, pool: Features, centroids: NDArray[np.floating], *, block_rows: int = BLOCK_ROWS) -> None:
        self.k, dim = centroids.shape
        self.n, _ = check_shape(pool, "pool", dim=dim)
        self._pool = pool
        self._block_rows = max(1, min(block_rows, BLOCK_NUMBERS // (dim + self.k)))
        self._exact = np.ascontiguousarray(centroids.T, dtype=np.float64)
        self._rough = centroids.astype(np.float32)
        lengths = np.sqrt(np.square(self._exact).sum(axis=0))
        # The underflow part of the bound counts on it; NaN fails the comparison as it should.
        if not np.all(np.abs(lengths - 1) < 1e-3):
            raise ValueError(f"centroids must have length 1, got lengths {lengths.min():g} to {lengths.max():g}")
        self._error = (error_32(dim) + error_64(dim)) * lengths
        self.rounding = float(2 * error_64(dim) * lengths.max())

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """See `Ranking.top`."""
        best = _Best(self.k, m)
        for first, block in row_blocks(self._pool, self.n, self._block_rows):
            scores = self._rough_scores(first, block)
            scores[:, taken[first : first + len(block)]] = -np.inf
            best.add(first, scores)
        kept = best.finish()
        certain = np.array([floor for _, _, floor in kept], dtype=np.float64) + self._error
        scored = self._score_again([positions for positions, _, _ in kept])
        return [
            _ordered(positions[scores > least], scores[scores > least])
            for (positions, _, _), scores, least in zip(kept, scored, certain, strict=True)
        ]

    def _rough_scores(self, first: int, block: NDArray[Any]) -> NDArray[np.float32]:
        """float32 scores [k, b] of a block of the pool, each within `error_32` of the true one."""
        with np.errstate(over="ignore"):  # what overflows is caught below by its squared norm
            rows = block.astype(np.float32, copy=False)
            squares = np.einsum("ij,ij->i", rows, rows)
        odd = np.flatnonzero(~((squares >= SAFE_SQUARES[0]) & (squares <= SAFE_SQUARES[1])))
        if odd.size:
            check_rows(block, "pool", first)
            rows = rows.copy()
            rows[odd] = scaled_columns(block[odd]).T
            squares[odd] = np.einsum("ij,ij->i", rows[odd], rows[odd])
        scores: NDArray[np.float32] = self._rough @ rows.T
        scores /= np.sqrt(squares)
        return scores

    def _score_again(self, lists: list[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
        """float64 scores of the listed positions of every centroid, reading the pool once more in slices."""
        sizes = [positions.size for positions in lists]
        positions = np.concatenate(lists)
        centroid = np.repeat(np.arange(self.k), sizes)
        by_position = np.argsort(positions, kind="stable")
        scores = np.empty(positions.size)
        for first, stop, pairs in _runs(positions, by_position, self._block_rows):
            rows = np.asarray(self._pool[first:stop])
            wanted, where = np.unique(positions[pairs] - first, return_inverse=True)
            scores[pairs] = self._pair_scores(rows[wanted], where, centroid[pairs])
        return np.split(scores, np.cumsum(sizes)[:-1])

    def _pair_scores(
        self, rows: NDArray[Any], row: NDArray[np.intp], centroid: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """float64 scores [p] of the pairs (rows[row], centroids[centroid]): the entries of `exact_scores`."""
        columns = scaled_columns(rows)
        lengths = norms(columns)
        scores = np.empty(row.size)
        step = max(1, _RESCORE_NUMBERS // columns.shape[0])
        for start in range(0, row.size, step):
            part = slice(start, start + step)
            terms = np.take(columns, row[part], axis=1)
            terms *= np.take(self._exact, centroid[part], axis=1)
            scores[part] = tree_sum(terms) / lengths[row[part]]
        return scores


class _Best:
    """For each of k centroids the candidates above a floor that rises to the best score left out."""

    def __init__(self, k: int, m: int) -> None:
        self._m = m
        self._floor = [-math.inf] * k  # Python floats: compared in the precision of the scores
        self._size = [0] * k
        self._kept: list[list[tuple[NDArray[np.int64], NDArray[np.floating]]]] = [[] for _ in range(k)]

    def add(self, first: int, scores: NDArray[np.floating]) -> None:
        """Take the scores [k, b] of the rows from position `first` on; -inf is never kept."""
        for c, row in enumerate(scores):
            hits = np.flatnonzero(row > self._floor[c])
            if hits.size:
                self._kept[c].append((hits + first, row[hits]))
                self._size[c] += hits.size
                if self._size[c] > 2 * self._m:
                    self._compact(c)

    def finish(self) -> list[tuple[NDArray[np.int64], NDArray[np.floating], float]]:
        """Per centroid: positions and scores of at most m candidates, and the best score left out."""
        for c, size in enumerate(self._size):
            if size > self._m:
                self._compact(c)
        return [(*self._joined(c), self._floor[c]) for c in range(len(self._kept))]

    def _compact(self, c: int) -> None:
        positions, scores = self._joined(c)
        place = scores.size - self._m - 1
        self._floor[c] = float(np.partition(scores, place)[place])
        # Ties with the floor go too: they could not be told from the ones already left out.
        keep = scores > self._floor[c]
        self._kept[c] = [(positions[keep], scores[keep])]
        self._size[c] = int(keep.sum())

    def _joined(self, c: int) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
        if not self._kept[c]:
            return np.empty(0, dtype=np.int64), np.empty(0)
        positions, scores = zip(*self._kept[c], strict=True)
        return np.concatenate(positions), np.concatenate(scores)


def _ordered(positions: NDArray[np.int64], scores: NDArray[np.float64]) -> Candidates:
    order = np.lexsort((positions, -scores))
    return Candidates(positions[order], scores[order])


def _runs(
    positions: NDArray[np.int64], by_position: NDArray[np.intp], block_rows: int
) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """Yield (first row, stop row, indices of the pairs inside) for every block of rows that has a pair."""
    if not by_position.size:
        return
    block = positions[by_position] // block_rows
    for pairs in np.split(by_position, np.flatnonzero(np.diff(block)) + 1):
        yield int(positions[pairs[0]]), int(positions[pairs[-1]]) + 1, pairs
