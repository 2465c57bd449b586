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


class Best:
    """For each of k centroids the candidates above a floor that rises to the best score left out.

    Between 2 m and, for the time of one block, 2 m plus the block's hits per centroid are held on average. What
    `finish` returns depends on the scores alone, not on how they were cut into blocks: the floor ends at the
    (m + 1)-th best score, since a lower one would leave more than m rows above it, and those are cut.
    """

    def __init__(self, k: int, m: int, dtype: np.dtype[Any]) -> None:
        self._k, self._m = k, m
        self._floor = np.full(k, -np.inf, dtype=dtype)
        self._parts: list[tuple[NDArray[Any], NDArray[np.int64], NDArray[np.floating]]] = []
        self._size = 0
        # The smallest type: numpy sorts 8 and 16 bits by counting.
        self._label = np.min_scalar_type(k - 1)

    def add(self, first: int, scores: NDArray[np.floating], taken: Mask) -> None:
        """Take the finite scores [k, b], in any memory order, of the rows from position `first` on, but for those
        marked in `taken` [b].
        """
        above = scores > self._floor[:, None]  # laid out in memory as the scores are
        if above.flags.c_contiguous:
            centroid, row = np.divmod(np.flatnonzero(above), scores.shape[1])
        else:
            row, centroid = np.divmod(np.flatnonzero(above.T), scores.shape[0])
        if taken.any():
            free = ~taken[row]
            row, centroid = row[free], centroid[free]
        if row.size:
            self._parts.append((centroid.astype(self._label), row + first, scores[centroid, row]))
            self._size += row.size
            if self._size > 2 * self._m * self._k:
                self._cut()

    def finish(self) -> list[Rough]:
        """For every centroid at most m candidates, and the best score left out."""
        if not self._parts:
            return [Rough(np.empty(0, dtype=np.int64), np.empty(0), -np.inf)] * self._k
        self._cut()
        [(centroid, positions, scores)] = self._parts
        return [
            Rough(positions[one], scores[one], float(floor))
            for one, floor in zip(self._by_centroid(centroid), self._floor, strict=True)
        ]

    def _cut(self) -> None:
        """Raise every floor to the (m + 1)-th best score, and drop what is not above it."""
        centroid, positions, scores = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        for c, one in enumerate(self._by_centroid(centroid)):
            if one.size > self._m:
                place = one.size - self._m - 1
                self._floor[c] = np.partition(scores[one], place)[place]
        # Ties with the floor go too: they could not be told from the ones already left out.
        keep = scores > self._floor[centroid]
        self._parts = [(centroid[keep], positions[keep], scores[keep])]
        self._size = int(keep.sum())

    def _by_centroid(self, centroid: NDArray[Any]) -> list[NDArray[np.intp]]:
        order = np.argsort(centroid, kind="stable")
        return np.split(order, np.cumsum(np.bincount(centroid, minlength=self._k))[:-1])


def ordered(positions: NDArray[np.int64], scores: NDArray[np.floating]) -> Candidates:
    """Candidates in the order of a ranking."""
    order = np.lexsort((positions, -scores))
    return Candidates(positions[order], scores[order].astype(np.float64))
