"""The candidates of every centroid, best first, without sorting the pool for each of them.

A ranking answers one question: which of the rows that are still free are certainly the best m of each
centroid? Order is descending score, ties by smaller position. One question costs one pass over the data and
keeps about 2 m candidates per centroid, whatever the size of the pool.

From features the pass multiplies blocks in float32, which depends on block size, threads, processor and
device. Two steps take that out of the result. Candidates are scored again in float64 in a fixed order
(`exact_scores`), and of these only the certified ones are given out: those whose float64 score is above the
best float32 score of all free rows not scored again by more than the two may differ. So what is given out is
exactly the beginning of the all-float64 ranking.

Scoring again costs more per row than the pass does, and most candidates are never asked for. `batches` does it
for a few of them at a time, in the order of float32, and leaves out those taken in the meantime.

What remains: the float64 score is itself rounded. Two rows whose true scores are closer than
`Ranking.rounding` may be in the other order in another float64 implementation (bit-identical rows are always
a tie here).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.candidates import Best, Candidates, Hits, Mask, Ranking, Rough, above, free_hits, ordered
from baselines.core.products import HUGE_SQUARE, Product, cpu_product, torch_product
from baselines.core.scoring import error_32, error_64, norms, scaled_columns, tree_sum
from baselines.core.selection import Features, check_rows, check_shape, row_blocks
from baselines.core.threads import WORTH_SHARING, in_order, one_blas_thread

__all__ = ["BLOCK_ROWS", "Candidates", "FeatureRanking", "Mask", "Ranking", "SimilarityRanking"]

BLOCK_ROWS = 8192
READ_NUMBERS = 2**22
"""float32 numbers in rows that are read together and their scores, 16 MiB: many columns make reads shorter."""
CACHE_NUMBERS = 5 * 2**16
"""float32 numbers in a block of a pass and its scores, 1.25 MiB: they are gone through four times, in the cache."""
LEAST_ROWS = 512
"""Rows of such a block at least: fewer cost the product more than the cache saves."""
SIMILARITY_NUMBERS = 2**17
"""Numbers in a block of a similarity matrix: it is looked at twice and should be in the cache the second time."""
SAFE_SQUARES = (2.0**-40, HUGE_SQUARE)
"""Squared norms in this range keep all float32 steps clear of overflow and make underflow negligible."""

BLOCKS_TOGETHER = 4
"""Such blocks whose hits are gathered together: what is done once for all of them costs a fourth."""
LEAST_FLOOR = 2.0**-10
"""First floors from here on are divided by; smaller ones are seldom and would make products large."""

SAMPLED_ROWS = 2**17
"""Pools of so many rows are sampled for first floors."""

_SLICE = 32  # rows that are sampled together: pools come sorted by class
_BATCHES = 16  # parts that `FeatureRanking.batches` gives its candidates out in
_RESCORE_NUMBERS = 2**16  # float64 numbers worked on at once when scoring again: 512 KiB stay in the cache


Find = Callable[[int, NDArray[Any], Mask | None], Hits]
"""Position of the first row, rows [b, d], those taken [b] if any -> the scores above the floors."""


class SimilarityRanking(Ranking):
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
        self._block_rows = max(1, min(block_rows, SIMILARITY_NUMBERS // self.k))

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """See `Ranking.top`; rows that tie with the first one left out are not certain."""
        best = Best(self.k, m, n=self.n, block_rows=self._block_rows, dtype=self._similarity.dtype)
        for first, block in row_blocks(self._similarity, self.n, self._block_rows):
            finite = np.isfinite(block)
            if not finite.all():
                bad = first + np.flatnonzero(~finite.all(axis=1))[0]
                raise ValueError(f"similarity row {bad} has NaN or infinity: it cannot be ordered")
            best.add(first, block.T, taken[first : first + len(block)])
        return [ordered(positions, scores) for positions, scores, _ in best.finish()]


class FeatureRanking(Ranking):
    """Candidates from features, by cosine between the rows of `pool` [N, d] and `centroids` [k, d] of length
    1.

    pool: float16, float32 or float64 rows, sliceable, not necessarily normalised.
    block_rows: at most so many rows are read and multiplied at once.
    device: where blocks are multiplied: None is numpy; any other value is a device of torch, such as "cuda". Scoring
        again is numpy's.

    Both move time and memory only, never the candidates.

    Time is that of reading the pool and of one float32 matrix product, and for every batch that of reading again the
    rows it scores: a memory map reads these alone, a store whose slices are copies reads what lies between them too.
    Memory is that of three reads of a pass for every thread of BLAS, and 30 bytes or so per candidate, k m of them.
    While a long pass runs on a CPU, BLAS has one thread in the whole process: see `one_blas_thread`.

    Raises FeatureError for features that `check_shape` refuses and, when a row is read, as `check_rows` does.
    Raises ValueError for centroids that are not of length 1 to within 1e-3, and as `torch_product` does.
    """

    margin = 16

    def __init__(
        self,
        pool: Features,
        centroids: NDArray[np.floating],
        *,
        block_rows: int = BLOCK_ROWS,
        device: str | None = None,
    ) -> None:
        self.k, dim = centroids.shape
        self.n, _ = check_shape(pool, "pool", dim=dim)
        self._pool = pool
        self._read_rows = max(1, min(block_rows, READ_NUMBERS // (dim + self.k)))
        self._block_rows = min(self._read_rows, cached_rows(dim + self.k))
        self._exact = np.ascontiguousarray(centroids.T, dtype=np.float64)
        lengths = np.sqrt(np.square(self._exact).sum(axis=0))
        # The underflow part of the bound counts on it; NaN fails the comparison as it should.
        if not np.all(np.abs(lengths - 1) < 1e-3):
            raise ValueError(f"centroids must have length 1, got lengths {lengths.min():g} to {lengths.max():g}")
        self._error = (error_32(dim) + error_64(dim)) * lengths
        self.rounding = float(2 * error_64(dim) * lengths.max())
        self._rough = centroids.astype(np.float32)
        self._on_cpu = device is None
        self._make_product = cpu_product if device is None else partial(torch_product, device=device)
        self._product = self._make_product(self._rough)

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """See `Ranking.top`."""
        return next(self._parts(m, taken, m))

    def batches(self, m: int, taken: Mask) -> Iterator[list[Candidates]]:
        """See `Ranking.batches`: sixteen parts, so that reading the pool again for each does not add up."""
        return self._parts(m, taken, max(64, m // _BATCHES))

    def _parts(self, m: int, taken: Mask, step: int) -> Iterator[list[Candidates]]:
        lists = [_List(*rough, error) for rough, error in zip(self._pass(m, taken), self._error, strict=True)]
        while True:
            positions = [one.next_free(step, taken) for one in lists]
            yield [one.certify(scores) for one, scores in zip(lists, self._score_again(positions), strict=True)]
            if not any(one.remaining for one in lists):
                return

    def _pass(self, m: int, taken: Mask) -> list[Rough]:
        floors = self._first_floors(m, taken)
        divisors = floors if floors is not None and floors.min() >= LEAST_FLOOR else None
        rows = min(self._read_rows, self._block_rows * (1 if divisors is None else BLOCKS_TOGETHER))
        best = Best(self.k, m, n=self.n, block_rows=rows, dtype=np.dtype(np.float32), floors=floors)
        find = self._above_floors(best) if divisors is None else self._above_scaled(divisors)
        some = bool(taken.any())

        def hits(item: tuple[int, NDArray[Any]]) -> tuple[int, Hits]:
            first, block = item
            return first, find(first, block, taken[first : first + len(block)] if some else None)

        blocks = row_blocks(self._pool, self.n, rows)
        # Whatever ends the loop, no thread multiplies any more when BLAS gets its threads back.
        with self._threads() as threads, closing(in_order(hits, blocks, threads)) as results:
            for first, block_hits in results:
                best.take(first, block_hits)
        return best.finish()

    def _above_floors(self, best: Best) -> Find:
        """Compares every score with the floor of its centroid, as it stands at that moment."""

        def find(first: int, block: NDArray[Any], taken: Mask | None) -> Hits:
            scores, lengths = self._products(self._product, first, block)
            scores /= lengths
            return best.hits(scores, taken)

        return find

    def _above_scaled(self, floors: NDArray[np.float32]) -> Find:
        """Multiplies with centroids divided by their floors: what exceeds the length of its row has a score above its
        centroid's floor. No score is divided but those few.
        """
        product = self._make_product((self._exact / floors).T.astype(np.float32))

        def find(first: int, block: NDArray[Any], taken: Mask | None) -> Hits:
            lengths, parts = np.empty(len(block), dtype=np.float32), []
            for start in range(0, len(block), self._block_rows):
                part = slice(start, start + self._block_rows)
                scores, lengths[part] = self._products(product, first + start, block[part])
                centroid, row, values = above(scores, lengths[None, part])
                parts.append((centroid, row + start, values))
            centroid, row, values = map(np.concatenate, zip(*parts, strict=True))
            # Rounding may have put a score on its floor: all are to be looked at again.
            return free_hits((centroid, row, values * floors[centroid] / lengths[row]), taken, rises=-1)

        return find

    def _threads(self) -> AbstractContextManager[int]:
        """How many threads a pass is worth: one on a device or for a small pool."""
        shared = self._on_cpu and self.n * self._exact.size >= WORTH_SHARING
        return one_blas_thread() if shared else nullcontext(1)

    def _first_floors(self, m: int, taken: Mask) -> NDArray[np.float32] | None:
        """Scores [k] that about m rows are above, from a sample of the pool; None where that is not worth it.

        Without them most of what is above the floors at first is thrown away later. With a guess that is too high fewer
        than m candidates are found, all of them certain: that costs another pass at worst.
        """
        if self.n < SAMPLED_ROWS or m > self.n // 8:
            return None
        starts = np.linspace(0, self.n - _SLICE, max(1, min(self.n // 100, BLOCK_ROWS) // _SLICE)).astype(np.int64)
        block = np.concatenate([np.asarray(self._pool[first : first + _SLICE]) for first in starts.tolist()])
        scores, squares = self._product(block)
        usable = (squares >= SAFE_SQUARES[0]) & (squares < SAFE_SQUARES[1])
        usable &= ~taken[(starts[:, None] + np.arange(_SLICE)).reshape(-1)]
        scores = scores[:, usable]
        scores /= np.sqrt(squares[usable])
        share = scores.shape[1] * m / self.n
        rank = math.ceil(share + 2 * math.sqrt(share) + 2)  # two standard deviations above: seldom too few
        if rank > scores.shape[1] // 2:
            return None
        return np.asarray(np.partition(scores, -rank, axis=1)[:, -rank])

    def _products(
        self, product: Product, first: int, block: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What `product` gives for a block of the pool, and the lengths [b] of its rows. Their quotient is within
        `error_32` of the true score, after multiplication with the floor of a scaled centroid.
        """
        scores, squares = product(block)
        if not (squares.min() >= SAFE_SQUARES[0] and squares.max() < SAFE_SQUARES[1]):
            odd = np.flatnonzero(~((squares >= SAFE_SQUARES[0]) & (squares < SAFE_SQUARES[1])))
            check_rows(block, "pool", first)
            scaled = scaled_columns(block[odd]).T.astype(np.float32)
            scores[:, odd], squares[odd] = product(scaled)
        return scores, np.sqrt(squares)

    def _score_again(self, lists: list[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
        """float64 scores of the listed positions of every centroid, reading the pool once more in slices."""
        sizes = [positions.size for positions in lists]
        positions = np.concatenate(lists)
        centroid = np.repeat(np.arange(self.k), sizes)
        by_position = np.argsort(positions, kind="stable")
        scores = np.empty(positions.size)
        step = max(1, _RESCORE_NUMBERS // self._exact.shape[0])
        for first, stop, pairs in _runs(positions, by_position, self._read_rows):
            rows = np.asarray(self._pool[first:stop])
            for start in range(0, pairs.size, step):
                part = pairs[start : start + step]
                unique, row = np.unique(positions[part] - first, return_inverse=True)
                scores[part] = self._pair_scores(rows[unique], row, centroid[part])
        return np.split(scores, np.cumsum(sizes)[:-1])

    def _pair_scores(
        self, rows: NDArray[Any], row: NDArray[np.intp], centroid: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """float64 scores [p] of the pairs (rows[row], centroids[centroid]): the entries of `exact_scores`."""
        columns = scaled_columns(rows)
        terms = np.take(columns, row, axis=1)
        terms *= np.take(self._exact, centroid, axis=1)
        scores: NDArray[np.float64] = tree_sum(terms) / norms(columns)[row]
        return scores


def cached_rows(width: int) -> int:
    """Rows of a block of a pass whose rows and scores have `width` numbers each.

    An odd multiple of 16: scores whose lines lie a power of two apart fall on one another in the cache, and dividing
    them then takes six times as long.
    """
    return max(LEAST_ROWS, CACHE_NUMBERS // width) // 32 * 32 + 16


class _List:
    """One centroid's candidates in the order of float32, given out in the order of float64.

    Any row's two scores differ by at most `error`. So a row scored again is ahead of every row that is not, if its
    float64 score is above the best float32 score of those, the `bound`, by more than that.
    """

    def __init__(self, positions: NDArray[np.int64], rough: NDArray[np.floating], floor: float, error: float) -> None:
        order = np.argsort(-rough)
        self._positions, self._rough = positions[order], rough[order]
        self._floor, self._error = floor, error
        self._next = 0  # all before it have been scored again, or were taken
        self._scored = (np.empty(0, dtype=np.int64), np.empty(0))  # not yet certain

    @property
    def remaining(self) -> int:
        """Candidates not scored again."""
        return self._positions.size - self._next

    def next_free(self, step: int, taken: Mask) -> NDArray[np.int64]:
        """Positions of the next `step` free candidates, to be scored again."""
        ahead = self._positions[self._next :]
        free = np.flatnonzero(~taken[ahead])
        self._next += int(free[step]) if free.size > step else ahead.size
        self._being_scored = ahead[free[:step]]
        return self._being_scored

    def certify(self, scores: NDArray[np.float64]) -> Candidates:
        """What is certain, now that the positions of the last `next_free` have these float64 scores."""
        positions = np.concatenate([self._scored[0], self._being_scored])
        scores = np.concatenate([self._scored[1], scores])
        bound = float(self._rough[self._next]) if self.remaining else self._floor
        sure = scores > bound + self._error
        self._scored = positions[~sure], scores[~sure]
        return ordered(positions[sure], scores[sure])


def _runs(
    positions: NDArray[np.int64], by_position: NDArray[np.intp], block_rows: int
) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """Yield (first row, stop row, indices of the pairs inside) for every block of rows that has a pair."""
    if not by_position.size:
        return
    block = positions[by_position] // block_rows
    for pairs in np.split(by_position, np.flatnonzero(np.diff(block)) + 1):
        yield int(positions[pairs[0]]), int(positions[pairs[-1]]) + 1, pairs
