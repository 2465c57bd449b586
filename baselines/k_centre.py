"""k-centre: the rows that keep the worst-served target image as close to a pick as possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked, grid_rows
from baselines.core.ranking import Candidates
from baselines.core.round_robin import exact_neighbours
from baselines.core.rows import rows_at
from baselines.core.selection import Budget, Features, Selection
from baselines.registry import Entry

GROWTH = 4
"""The neighbours kept per image grow by this factor when an image has used up its own."""


@dataclass(frozen=True)
class KCentre:
    """k-centre greedy (Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach",
    ICLR 2018, algorithm 1) towards the target: the target images are covered, rows of the pool cover them.

    The authors cover the pool by its own rows. Here the covering radius of picks S is the largest distance from a
    target image to its nearest pick, r(S) = max over x of min over s of |x - s|, with rows at length 1 (Euclidean
    distance, so the order is that of cosines). That is the k-supplier problem (Hochbaum and Shmoys, "A unified
    approach to approximation algorithms for bottleneck problems", 1986). Greedy: the image farthest from all picks so
    far gets its nearest pool row. The first one is the image whose nearest row is farthest, the hardest to cover;
    equal distances break by smaller position in the target, equally near rows by smaller position in the pool.

    After m picks r is at most 3 times the smallest radius of any m rows. (Otherwise the m images served and the one
    still farthest lie more than 2 optimal radii apart pairwise, and m rows cannot cover m + 1 such images.) No
    polynomial algorithm does better than 3 unless P = NP; the authors' 2 needs centres that are chosen among the
    points they cover.

    An image whose nearest row is picked is served: nothing can bring it closer. When all are, after at most n picks,
    r is as small as the pool allows. Picking then begins anew with the rows that are left and no picks, so that the
    second-nearest rows come in the same order of need; `info["layers"]` counts how often, `info["radius"]` is r of all
    picks (its square to 1e-6).

    Time: one pass over the pool for 4096 target images, N n d multiplications, rarely a second one; n d multiplications
    per pick. Memory: the target in float64 and its candidates.
    """

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]. Scores are cosines to the image that was served.

        seed: not used, nothing is drawn.

        Raises BudgetError (also for None), FeatureError.
        """
        rows, images = checked(target, pool, budget, "k-centre")
        cover = _Cover(grid_rows(rows), pool, images)
        picks: list[tuple[int, float]] = []
        layers = 0
        while len(picks) < images:
            layers += 1
            picks += cover.layer(images - len(picks))
        indices, scores = zip(*picks, strict=True)
        info = {"layers": layers, "radius": cover.radius(), "passes": cover.nearest.passes}
        return Selection(np.array(indices, dtype=np.int64), np.array(scores, dtype=np.float32), "budget", info)


class _Nearest:
    """Every image's nearest row that is not in `taken`."""

    def __init__(self, points: NDArray[np.float64], pool: Features, m: int, taken: NDArray[np.bool_]) -> None:
        self._points = points
        self._pool = pool
        self._taken = taken
        self._m = min(m, len(pool))
        self.passes = 0
        self._lists: list[Candidates] = [Candidates(np.empty(0, dtype=np.int64), np.empty(0))] * len(points)
        self._next = np.zeros(len(points), dtype=np.int64)

    def of(self, image: int) -> tuple[int, float]:
        """Position and cosine; there must be a free row."""
        while True:
            positions, scores = self._lists[image]
            for candidate in range(self._next[image], positions.size):
                if not self._taken[positions[candidate]]:
                    self._next[image] = candidate
                    return int(positions[candidate]), float(scores[candidate])
            self._refill()

    def _refill(self) -> None:
        if self.passes:
            self._m = min(GROWTH * self._m, len(self._pool))
        self.passes += 1
        self._lists = list(exact_neighbours(self._points, self._pool, self._m, self._taken))
        self._next[:] = 0


class _Cover:
    """How close every target image is to the picks, in this layer and in all."""

    def __init__(self, points: NDArray[np.float64], pool: Features, images: int) -> None:
        self._points = points
        self._pool = pool
        self._taken = np.zeros(len(pool), dtype=np.bool_)  # in earlier layers
        self._closest = np.full(len(points), -np.inf)
        # Two rows per layer, if every layer served all images with rows of their own, and some for those shared.
        self.nearest = _Nearest(points, pool, 2 * -(-images // len(points)) + 32, self._taken)

    def layer(self, room: int) -> list[tuple[int, float]]:
        """Serve every image once, or as many as there is `room` for: positions and cosines in pick order."""
        picks: dict[int, float] = {}
        covered = np.full(len(self._points), -np.inf)
        waiting = np.ones(len(self._points), dtype=np.bool_)
        image = self._hardest()
        while len(picks) < room:
            position, cosine = self.nearest.of(image)
            waiting[image] = False
            if position not in picks:
                picks[position] = cosine
                row = grid_rows(rows_at(self._pool, np.array([position])))[0]
                np.maximum(covered, self._points @ row, out=covered)
            if not waiting.any():
                break
            image = int(np.argmin(np.where(waiting, covered, np.inf)))
        self._taken[list(picks)] = True
        np.maximum(self._closest, covered, out=self._closest)
        return list(picks.items())

    def radius(self) -> float:
        """The largest distance of a target image to its nearest pick."""
        return float(np.sqrt(max(0.0, 2 - 2 * self._closest.min())))

    def _hardest(self) -> int:
        return int(np.argmin([self.nearest.of(image)[1] for image in range(len(self._points))]))


entry = Entry("k-centre", "baselines.k_centre:KCentre", "Sener and Savarese, ICLR 2018", place=7)
