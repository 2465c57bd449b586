"""What a ranking gives, and how the m best of every centroid are kept while the rows stream by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Candidates(NamedTuple):
    """Positions int64 [m] and scores float64 [m] of one centroid's best free rows, best first."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float64]


class Ranking(ABC):
    """A source of candidates for `k` centroids among `n` rows, in order of descending score, ties by smaller
    position.

    rounding: two scores that differ by no more than this may be ordered by rounding alone.
    margin: candidates that a first pass should keep per centroid, in multiples of those picked at least; the dearer
        a pass, the more, for centroids that want the same rows go through many times as many.
    """

    n: int
    k: int
    rounding: float
    margin: int = 4

    @abstractmethod
    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """The certain beginning, up to `m` long, of every centroid's order of the rows not in `taken` bool [n].

        It may be shorter than `m`, even empty, where rows around the m-th are too close to call. With `m` at
        least the number of free rows it is complete.
        """

    def batches(self, m: int, taken: Mask) -> Iterator[list[Candidates]]:
        """`top` in parts: each list goes on where the one before it ended, for every centroid.

        More rows may be marked in `taken` between two parts: they may come or be left out. A ranking that has to work
        for its scores overrides this, because most of the m are rarely asked for.
        """
        yield self.top(m, taken)


class Rough(NamedTuple):
    """One centroid's candidates as first seen: positions [c] and scores [c] in no order; all others, but for the
    taken, score at most `floor`.
    """

    positions: NDArray[np.int64]
    scores: NDArray[np.floating]
    floor: float


class Hits(NamedTuple):
    """Scores [h] above the floors as they stood after `rises` cuts (-1: some may be on them): centroids [h], ascending,
    and rows [h].
    """

    centroids: NDArray[np.intp]
    rows: NDArray[np.intp]
    scores: NDArray[np.floating]
    rises: int


class Best:
    """For each of k centroids the candidates above a floor that rises to the best score left out.

    What `finish` returns depends on the scores and the floors alone, not on how the scores were cut into blocks: a
    floor ends at the (m + 1)-th best score, since a lower one would leave more than m rows above it, and those are
    cut, or stays at the first floor if fewer are above it.

    floors: where to begin [k]: what is not above them is left out; without, nothing is.
    n: number of rows; block_rows: at most so many are added at once. With m they bound the memory: 12 or 16 bytes
    for each of k (2 m + block_rows) candidates, of which only what is used is touched.
    """

    def __init__(
        self,
        k: int,
        m: int,
        *,
        n: int,
        block_rows: int,
        dtype: np.dtype[Any],
        floors: NDArray[np.floating] | None = None,
    ) -> None:
        self._m = m
        self._rises = 0
        self._floor = np.full(k, -np.inf, dtype=dtype) if floors is None else floors.astype(dtype)
        self._size = np.zeros(k, dtype=np.int64)
        room = min(2 * m, n) + block_rows
        self._positions = np.empty((k, room), dtype=np.int64)
        self._scores = np.empty((k, room), dtype=dtype)

    def add(self, first: int, scores: NDArray[np.floating], taken: Mask) -> None:
        """Take the finite scores [k, b], in any memory order, of the rows from position `first` on, but for those
        marked in `taken` [b].
        """
        self.take(first, self.hits(scores, taken))

    def hits(self, scores: NDArray[np.floating], taken: Mask | None) -> Hits:
        """What of the scores [k, b] is above the floors of this moment, of rows not marked in `taken` [b], if given.

        May run on several threads, while `take` runs on another: floors only rise, and `take` looks again.
        """
        rises = self._rises
        return free_hits(above(scores, self._floor[:, None]), taken, rises)

    def take(self, first: int, hits: Hits) -> None:
        """Keep what `hits` gave for the rows from position `first` on, as far as it still is above the floors."""
        centroid, row, scores, rises = hits
        if rises != self._rises:
            still = np.flatnonzero(scores > self._floor[centroid])
            centroid, row, scores = centroid[still], row[still], scores[still]
        if not row.size:
            return
        counts = np.bincount(centroid, minlength=self._size.size)
        # The hits come centroid by centroid: each goes behind what its centroid has.
        k, room = self._scores.shape
        begins = np.arange(k) * room + self._size - (np.cumsum(counts) - counts)
        slot = np.arange(row.size) + begins[centroid]
        self._positions.reshape(-1)[slot] = row + first
        self._scores.reshape(-1)[slot] = scores
        self._size += counts
        for c in np.flatnonzero(self._size > 2 * self._m):
            self._cut(int(c))

    def finish(self) -> list[Rough]:
        """For every centroid at most m candidates, and the best score left out."""
        for c in np.flatnonzero(self._size > self._m):
            self._cut(int(c))
        return [
            Rough(positions[:size].copy(), scores[:size].copy(), float(floor))
            for positions, scores, size, floor in zip(
                self._positions, self._scores, self._size, self._floor, strict=True
            )
        ]

    def _cut(self, c: int) -> None:
        """Raise a floor to the (m + 1)-th best score, and drop what is not above it."""
        size = self._size[c]
        positions, scores = self._positions[c, :size], self._scores[c, :size]
        self._floor[c] = np.partition(scores, size - self._m - 1)[size - self._m - 1]
        # After the floor: another thread's hits that were counted by this number must not be by the floor before it.
        self._rises += 1
        # Ties with the floor go too: they could not be told from the ones already left out.
        keep = np.flatnonzero(scores > self._floor[c])
        self._size[c] = keep.size
        positions[: keep.size], scores[: keep.size] = positions[keep], scores[keep]


Scores = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.floating]]
"""Centroids [h], rows [h] and scores [h], in any order."""


def above(scores: NDArray[np.floating], bounds: NDArray[np.floating]) -> Scores:
    """The scores [k, b] that are above `bounds` [k, 1] or [1, b], looked at in the order of the memory."""
    if scores.flags.c_contiguous:
        flat = (scores > bounds).reshape(-1).nonzero()[0]
        centroid, row = _split(flat, scores.shape[1])
        return centroid, row, scores.reshape(-1)[flat]
    by_row = scores.T
    flat = (by_row > bounds.T).reshape(-1).nonzero()[0]
    row, centroid = _split(flat, scores.shape[0])
    return centroid, row, by_row.reshape(-1)[flat]


def free_hits(scores_above: Scores, taken: Mask | None, rises: int) -> Hits:
    """Those of rows not marked in `taken` [b], if given, with centroids ascending."""
    centroid, row, scores = scores_above
    if taken is not None:
        free = ~taken[row]
        centroid, row, scores = centroid[free], row[free], scores[free]
    # numpy sorts 8 and 16 bits by counting.
    order = np.argsort(centroid.astype(np.min_scalar_type(int(centroid.max(initial=0)))), kind="stable")
    return Hits(centroid[order], row[order], scores[order], rises)


def _split(flat: NDArray[np.intp], width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Quotients and remainders; several times faster than `numpy.divmod`."""
    quotient = flat // width
    return quotient, flat - quotient * width


def ordered(positions: NDArray[np.int64], scores: NDArray[np.floating]) -> Candidates:
    """Candidates in the order of a ranking."""
    order = np.lexsort((positions, -scores))
    return Candidates(positions[order], scores[order].astype(np.float64))
