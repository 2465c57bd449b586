"""The transport plan of TSDS in closed form: where the target's mass goes when no row may take more than its share.

With n target rows, distances d, densities rho and P the sum of 1 / rho over the pool, the plan gamma [n, N] minimises

    alpha / C * sum_ij gamma_ij d_ij + (1 - alpha) * n max_ij rho_j |gamma_ij - 1 / (n P rho_j)|

while every target row gives away mass 1 / n. For a given maximum every target row fills its neighbours, nearest
first, each up to 1 / (n s rho_j). So one number, the level s, fixes the plan: the larger, the more rows share the
mass. The objective is convex in s: s rises until spreading a little further costs more than the regulariser gains.
(Exact as long as s < P / 2. Beyond, the maximum is that of the rows left out, which no larger s lowers; the released
code goes on too.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """What the mass can move along: the K nearest pool rows of every target row, nearest first.

    positions: int64 [n, K], rows of the pool.
    distances: float [n, K], ascending in every row.
    filled: float64 [n, K], the sum of 1 / rho over the neighbours up to each: the level at which it is full.
    """

    positions: NDArray[np.int64]
    distances: NDArray[np.floating]
    filled: NDArray[np.float64]

    def level(self, bound: float) -> float:
        """The smallest level whose marginal cost reaches `bound`, or the highest there is.

        The marginal cost of a level is sum over target rows of sum_i (d_next - d_i) / rho_i, i over the full
        neighbours and d_next the distance of the first that is not: what it costs to spread a little further.
        """
        if self.filled.shape[1] == 1:
            return float(self.filled.max())
        steps = self.filled[:, :-1].ravel()
        order = np.argsort(steps, kind="stable")
        costs = np.cumsum(self._step_costs().ravel()[order])
        return float(steps[order[min(int(np.searchsorted(costs, bound)), order.size - 1)]])

    def marginal_cost(self, level: float) -> float:
        """The marginal cost of `level`, see `level`."""
        return float(self._step_costs()[self.filled[:, :-1] <= level].sum())

    def level_of_rows(self, m: int, n_pool: int) -> float:
        """The smallest level, among those that fill a neighbour, at which at least `m` rows of the pool have mass.

        `m` is at most the number of different rows in `positions`.
        """
        entered = np.full(n_pool, np.inf)
        np.minimum.at(entered, self.positions[:, 0], 0)
        np.minimum.at(entered, self.positions[:, 1:], self.filled[:, :-1])
        last = np.partition(entered, m - 1)[m - 1]
        return float(self.filled[self.filled > last].min())

    def shares(self, level: float, n_pool: int) -> NDArray[np.float64]:
        """The mass [N] that every row of the pool receives, 1 in all.

        What a target row's K neighbours cannot take goes to the last of them, as in the released code.
        """
        reached = np.minimum(self.filled, level)
        reached[:, -1] = level
        moved = np.diff(reached, axis=1, prepend=0) / (level * len(reached))
        received = np.bincount(self.positions.ravel(), weights=moved.ravel(), minlength=n_pool)
        return np.asarray(received, dtype=np.float64)

    def _step_costs(self) -> NDArray[np.float64]:
        return np.diff(self.distances, axis=1) * self.filled[:, :-1]
