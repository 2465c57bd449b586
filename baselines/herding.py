"""Herding: the rows whose mean comes closest to the target's mean, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked, grid_rows
from baselines.core.fields import check_count
from baselines.core.ranking import Candidates, FeatureRanking
from baselines.core.rows import rows_at
from baselines.core.scoring import exact_scores
from baselines.core.selection import Budget, Features, Selection
from baselines.registry import Entry

FRONT_NUMBERS = 2**20
"""float64 numbers in the rows that are kept at a time, 8 MiB, and their number:"""
FRONT_ROWS = (256, 4096)

_SLIP = 1e-9
"""Relative to the direction's length: more than float64 rounding can move a bound."""


@dataclass(frozen=True)
class Herding:
    """Kernel herding (Welling, "Herding Dynamical Weights to Learn", ICML 2009; Chen, Welling and Smola, "Super-Samples
    from Kernel Herding", UAI 2010) towards the target's mean embedding mu, with the linear kernel on rows of length 1.

    Pick t + 1 is the free row s of largest <w_t, s> where w_t = (t + 1) mu - (sum of the first t picks); without
    replacement. As all rows have the same length this is also the row that makes the squared MMD between the
    target and the picks, |mu - mean of picks|^2, smallest. Equal scores break by smaller position.
    `info["mmd"]` is what is left, |mu - mean of picks|.

    A plain pick costs N d. Here one pass over the pool fetches the rows of largest <w, s>, the front, and later picks
    come from it as long as no row outside can win: a row outside is at an angle of at least theta from the w of the
    pass, so at least theta - psi from a w that has turned by psi, and scores at most |w| cos(theta - psi). Where mu
    lies outside what the pool can average to, w keeps its direction more and more and hundreds of picks share a pass;
    where the pool matches mu well, w turns at once and nearly every pick wants a pass of its own.

    passes: at most this many passes, evenly over the budget; None has as many as it takes. With fewer passes than
        picks a pick may be the best of the front without being proved the best of the pool:
        `info["unproved"]` counts them, 0 is the exact algorithm. Always exact for budgets up to `passes`.

    Time: passes times N d, memory-bound, and at most 2**20 multiplications per pick. Memory: 32 MiB.

    Raises ValueError for a field out of its range.
    """

    passes: int | None = 1000

    def __post_init__(self) -> None:
        if self.passes is not None:
            check_count("passes", self.passes, 1)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]. The score of pick t + 1 is <w_t, s> / (t + 1).

        seed: not used, nothing is drawn.

        Raises BudgetError (also for None), FeatureError; ValueError when the target's mean is the zero vector.
        """
        rows, images = checked(target, pool, budget, "herding")
        herd = _Herd(grid_rows(rows), pool)
        pause = 1 if self.passes is None else -(-images // self.passes)
        indices, scores = np.empty(images, dtype=np.int64), np.empty(images)
        for t in range(images):
            if not herd.certain() and (herd.since >= pause or herd.dry()):
                herd.refresh(images - t)
            indices[t], scores[t] = herd.pick()
        info = {"passes": herd.passes, "unproved": herd.unproved, "mmd": herd.mmd()}
        return Selection(indices, scores.astype(np.float32), "budget", info)


class _Herd:
    """The direction n w and the front. Sums of grid rows, so exact while n times picks stays below 2**27."""

    def __init__(self, points: NDArray[np.float64], pool: Features) -> None:
        self._n = len(points)
        self._total = points.sum(axis=0)
        if not self._total.any():
            raise ValueError("the target's mean is the zero vector: its rows cancel out, herding has no direction")
        self._pool = pool
        self._picked = np.zeros_like(self._total)
        self._count = 0
        self._taken = np.zeros(len(pool), dtype=np.bool_)
        dim = self._total.size
        self._size = max(FRONT_ROWS[0], min(FRONT_ROWS[1], FRONT_NUMBERS // dim))
        self.passes = self.unproved = self.since = 0
        self._scores = np.empty(0)

    @property
    def _direction(self) -> NDArray[np.float64]:
        """n w_t."""
        direction: NDArray[np.float64] = (self._count + 1) * self._total - self._n * self._picked
        return direction

    def dry(self) -> bool:
        """Whether the front has no free row."""
        return not (self._scores > -np.inf).any()

    def certain(self) -> bool:
        """Whether the best of the front is proved to be the best of the pool."""
        return not self.dry() and bool(self._scores.max() > self._ceiling())

    def mmd(self) -> float:
        """|mu - mean of picks|."""
        return float(np.linalg.norm(self._total / self._n - self._picked / self._count))

    def refresh(self, left: int) -> None:
        """Read the pool once: a new front of free rows, no more than can still be of use."""
        direction = self._direction
        candidates = self._best(direction, min(self._size, 64 + 8 * left))
        rows = rows_at(self._pool, candidates.positions)
        self._positions, self._rows = candidates.positions, grid_rows(rows)
        self._scores = exact_scores(rows, direction[None])[:, 0]
        self._along_total = exact_scores(rows, self._total[None])[:, 0]
        self._from = direction
        # Rows outside are no nearer to the direction than the last one inside.
        complete = candidates.positions.size == np.count_nonzero(~self._taken)
        self._angle = math.inf if complete else math.acos(max(-1.0, min(1.0, candidates.scores[-1])))
        self.passes += 1
        self.since = 0

    def _best(self, direction: NDArray[np.float64], size: int) -> Candidates:
        if not direction.any():  # every row ties
            return Candidates(np.array([np.argmin(self._taken)]), np.zeros(1))
        ranking = FeatureRanking(self._pool, (direction / np.linalg.norm(direction))[None])
        candidates = ranking.top(size, self._taken)[0]
        while not candidates.positions.size:
            size *= 4
            candidates = ranking.top(min(size, ranking.n), self._taken)[0]
        return candidates

    def pick(self) -> tuple[int, float]:
        """Take the best free row of the front, ties by smaller position: position and score."""
        # The best of a fresh front is the best of the pool: the pass has found it so.
        self.unproved += self.since > 0 and not self.certain()
        places = np.flatnonzero(self._scores == self._scores.max())
        candidate = int(places[np.argmin(self._positions[places])])
        position, score = int(self._positions[candidate]), float(self._scores[candidate])
        self._taken[position] = True
        row = self._rows[candidate]
        self._picked += row
        self._count += 1
        self.since += 1
        self._scores += self._along_total - self._n * (self._rows @ row)
        self._scores[candidate] = -np.inf
        return position, score / (self._n * self._count)

    def _ceiling(self) -> float:
        """No row outside the front scores more than this."""
        if self._angle == math.inf:
            return -math.inf
        direction = self._direction
        length = float(np.linalg.norm(direction))
        turned = _angle(self._from, direction)
        return length * (math.cos(max(0.0, self._angle - turned)) + _SLIP)


def _angle(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Between two vectors, in radians; pi if one of them is zero, so that nothing can be concluded from it."""
    if not one.any() or not other.any():
        return math.pi
    unit, unit_other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    # Unlike the arc cosine this keeps its digits for small angles.
    return 2 * math.atan2(float(np.linalg.norm(unit - unit_other)), float(np.linalg.norm(unit + unit_other)))


entry = Entry("herding", "baselines.herding:Herding", "Welling, ICML 2009; Chen et al., UAI 2010", place=8)
