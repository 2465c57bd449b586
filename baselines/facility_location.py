"""Facility location: the rows that leave no target image without a similar pick, chosen greedily."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked, grid_rows
from baselines.core.fields import check_count
from baselines.core.rows import Rows, rows_at
from baselines.core.selection import Budget, Features, Selection, check_rows, row_blocks
from baselines.nearest import NearestRetrieval
from baselines.registry import Entry

FRONT_NUMBERS = 2**25
"""float32 similarities kept at a time, 128 MiB: rows of the front times target images."""

_STEPS = 2.0**23
_BLOCK_ROWS = 1024
_READ_ROWS = 4096


@dataclass(frozen=True)
class FacilityLocation:
    """Greedy maximisation of f(S) = sum over target images x of max over picks s of (1 + cos(x, s)), f({}) = 0.

    That is equation 2 of SimCore (Kim et al., CVPR 2023) with the target's images in place of its centroids, and
    1 added so that no similarity is negative and the first pick counts from 0 (Wei et al., "Submodularity in Data
    Subset Selection and Active Learning", ICML 2015). f is monotone and submodular, so the first m greedy picks reach
    (1 - 1/e) of the best f of any m rows (Nemhauser, Wolsey and Fisher, 1978). Lazy (Minoux, "Accelerated greedy
    algorithms for maximizing submodular set functions", 1978): a gain computed earlier bounds the gain now, and only
    rows whose bound may win are looked at. The picks are those of the plain greedy algorithm over the whole pool;
    equal gains break by smaller position.

    Once the nearest row of every target image is picked, usually after about n picks, f has its largest value and
    cannot tell rows apart. Picking then begins anew with the rows that are left, as with an empty S: `info["layers"]`
    counts how often, `info["first_layer"]` the picks of the first. For these the guarantee is (1 - 1/e); more picks
    leave f at its largest value, so that the whole selection is then as good as any.

    Similarities are rounded to multiples of 2**-23, and gains are exact sums of them: neither block size nor threads
    move a pick.

    shortlist: None looks at the whole pool; an int s only at the s times budget rows that `NearestRetrieval` picks. The
        guarantee then is against the best m of these rows. The nearest row of every target image is among them as long
        as s times budget is at least n, so the largest value of f can still be reached. For big pools.

    Time: n d multiplications per row and visit. Every layer's first picks let nearly all rows be visited again, two or
    three times (`info["visited"]` counts), later ones hardly any. Memory: 24 bytes per pool row, the target in float64,
    and about 160 MiB.

    Raises ValueError for a field out of its range.
    """

    shortlist: int | None = None

    def __post_init__(self) -> None:
        if self.shortlist is not None:
            check_count("shortlist", self.shortlist, 1)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]. Scores are gains of f divided by n, between 0 and 2.

        seed: not used, nothing is drawn.

        Raises BudgetError (also for None), FeatureError.
        """
        rows, images = checked(target, pool, budget, "facility-location")
        if self.shortlist is None or self.shortlist * images >= len(pool):
            return _selection(grid_rows(rows), pool, images)
        near = NearestRetrieval().select(rows, pool, budget=self.shortlist * images)
        view = Rows(pool, np.sort(near.indices))
        picks = _selection(grid_rows(rows), view, images)
        return replace(picks, indices=view.positions[picks.indices].astype(np.int64))


def _selection(points: NDArray[np.float64], pool: Features, images: int) -> Selection:
    greedy = _Greedy(points, pool)
    picks = [greedy.pick() for _ in range(images)]
    indices, gains = zip(*picks, strict=True)
    scores = np.array(gains) / len(points)
    begun = [*greedy.begun, images]
    info = {"layers": len(greedy.begun), "first_layer": begun[1], "visited": greedy.visited}
    return Selection(np.array(indices, dtype=np.int64), scores.astype(np.float32), "budget", info)


class _Front(NamedTuple):
    """The rows that may win: positions int64 [F], similarities to the target float32 [n, F], gains float64 [F], and of
    all other rows the largest bound with its smallest position.
    """

    positions: NDArray[np.int64]
    similarities: NDArray[np.float32]
    gains: NDArray[np.float64]
    rival: tuple[float, int]


class _Greedy:
    """The greedy algorithm over `pool`; all bounds are at least the gains, and exact in the front."""

    def __init__(self, points: NDArray[np.float64], pool: Features) -> None:
        self._points = points
        self._pool = pool
        self._size = max(1, FRONT_NUMBERS // len(points))
        self._first_gains = self._gains_of_first_picks()
        self._taken = np.zeros(len(pool), dtype=np.bool_)
        self._picked = 0
        self.visited = 0
        self.begun: list[int] = []
        self._begin()

    def pick(self) -> tuple[int, float]:
        """The free row of largest gain, smallest position among equals, and its gain. Begins a new layer when no row
        has a gain left; `begun` has the number of picks before every layer.
        """
        column = self._winner()
        if self._front.gains[column] <= 0 and self._picked > self.begun[-1]:
            self._begin()
            column = self._winner()
        position, gain = int(self._front.positions[column]), float(self._front.gains[column])
        self._taken[position] = True
        self._picked += 1
        self._bounds[position] = self._front.gains[column] = -np.inf
        self._cover(self._front.similarities[:, column].copy())
        return position, gain

    def _begin(self) -> None:
        self.begun.append(self._picked)
        self._covered = np.full(len(self._points), -1, dtype=np.float32)
        self._bounds = np.where(self._taken, -np.inf, self._first_gains)
        self._front = self._new_front()

    def _winner(self) -> int:
        """Place in the front of the best free row; makes new fronts until it is certain."""
        while True:
            front = self._front
            best = front.gains.max()
            places = np.flatnonzero(front.gains == best)
            column = int(places[np.argmin(front.positions[places])])
            if (-best, front.positions[column]) < (-front.rival[0], front.rival[1]):
                return column
            self._bounds[front.positions] = front.gains
            self._front = self._new_front()

    def _new_front(self) -> _Front:
        positions = _best(self._bounds, self._size + 1)
        # Where the front holds the whole pool, no row is left to compete with it.
        rival = (-np.inf, len(self._pool))
        if positions.size > self._size:
            rival = (float(self._bounds[positions[-1]]), int(positions[-1]))
        positions = positions[: self._size]
        similarities = np.empty((len(self._points), positions.size), dtype=np.float32)
        gains = np.empty(positions.size)
        for first in range(0, positions.size, _BLOCK_ROWS):
            part = slice(first, first + _BLOCK_ROWS)
            block = self._similarities(positions[part])
            similarities[:, part] = block
            block -= self._covered[:, None]
            gains[part] = np.maximum(block, 0, out=block).sum(axis=0, dtype=np.float64)
        self.visited += positions.size
        gains[self._taken[positions]] = -np.inf
        return _Front(positions, similarities, gains, rival)

    def _similarities(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines [n, b] in multiples of 2**-23 up to 1, so that float32 holds the difference of any two exactly."""
        steps = self._points @ grid_rows(rows_at(self._pool, positions)).T
        steps *= _STEPS
        np.minimum(np.rint(steps, out=steps), _STEPS, out=steps)
        similarities: NDArray[np.float32] = steps.astype(np.float32)
        similarities /= np.float32(_STEPS)
        return similarities

    def _cover(self, similarities: NDArray[np.float32]) -> None:
        """Take the picked row's `similarities` [n] into account: only images that it serves better change a gain."""
        closer = np.flatnonzero(similarities > self._covered)
        for some in np.split(closer, range(64, closer.size, 64)):
            old, new = self._covered[some, None], similarities[some, None]
            near = self._front.similarities[some]
            lost = np.minimum(near, new)
            lost -= old
            np.maximum(lost, 0, out=lost)
            self._front.gains[:] -= lost.sum(axis=0, dtype=np.float64)
        self._covered[closer] = similarities[closer]

    def _gains_of_first_picks(self) -> NDArray[np.float64]:
        """Upper bounds float64 [N] of f of every row alone: linear in the row, so n times cheaper than the gains."""
        total = self._points.sum(axis=0)
        bounds = np.empty(len(self._pool))
        # The similarities' rounding, the row's and this product's own, in the order of magnitude of 2**-24 each.
        slack = len(self._points) * 2.0**-22
        for first, block in row_blocks(self._pool, len(self._pool), _READ_ROWS):
            check_rows(block, "pool", first)
            bounds[first : first + len(block)] = len(self._points) + slack + grid_rows(block) @ total
        return bounds


def _best(bounds: NDArray[np.float64], m: int) -> NDArray[np.int64]:
    """Positions of the m largest bounds, largest first, ties by smaller position; all of them if there are fewer."""
    if m < bounds.size:
        least = np.partition(bounds, bounds.size - m)[bounds.size - m]
        above = np.flatnonzero(bounds > least)
        kept = np.concatenate([above, np.flatnonzero(bounds == least)[: m - above.size]])
    else:
        kept = np.arange(bounds.size)
    return kept[np.lexsort((kept, -bounds[kept]))]


entry = Entry(
    "facility-location", "baselines.facility_location:FacilityLocation", "Minoux 1978; Wei et al., ICML 2015", place=6
)
