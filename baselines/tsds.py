"""TSDS (Liu et al., NeurIPS 2024): sampling from an optimal transport plan between target and pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.fields import check_count, check_positive, check_share
from baselines.core.neighbours import densities, nearest_rows
from baselines.core.resampling import gumbel_top_k
from baselines.core.rows import Rows
from baselines.core.scoring import unit_rows
from baselines.core.selection import Budget, Features, Selection, check_features, check_shape
from baselines.core.top import images_of
from baselines.core.transport import Neighbourhoods
from baselines.registry import Entry


@dataclass(frozen=True)
class TSDS:
    """Task-specific data selection (Liu, Karbasi and Rekatsinas, "TSDS: Data Selection for Task-Specific Model
    Finetuning", NeurIPS 2024), algorithm KNN-KDE; the defaults are config.yaml of the released code.

    A transport plan moves the target's mass to the pool so that (alpha / scale) x mean distance + (1 - alpha) x
    deviation from the densities' inverse is least: near the target, yet spread, and not onto many copies of one
    image. Distances are Euclidean between L2-normalised rows. Rows are then drawn with the probabilities that the
    plan gives them, see `Neighbourhoods`.

    alpha: weight of closeness against diversity, between 0 and 1.
    scale: the paper's C, in the scale of the features' norm.
    bandwidth: the paper's sigma, of the kernel density, see `densities`; rows nearer than this count as
        near-duplicates in part. 0 takes all densities for 1 (the paper's KNN-Uniform).
    neighbours: pool rows considered per target row, at most a tenth of the pool as in the released code.
    density_neighbours: pool rows that count in a density, at most a tenth of the pool too. Densities are those among
        the neighbours of all target rows.

    Deviations from the released code:
    - It draws with replacement and may list a row many times. Here a repeat is skipped and drawn again, so the picks
      are as many different rows as the budget says.
    - Where the plan has fewer rows than the budget, as happens at 5 % of a large pool, it is widened to the least
      level that has enough: the optimum for a smaller alpha, which `info["alpha"]` tells. Where even the neighbours
      of all target rows are too few, `neighbours` is doubled until they are enough.
    - The neighbours are exact, theirs from an inverted file; densities as theirs above `FLAT_ROWS` rows, else exact.
    - With alpha near 1 and uneven densities the released code stops at an assertion; the plan exists all the same.

    Compared with the released code (commit 3dfe139, numpy 1.26 and faiss 1.7.4; changed to save its probabilities and
    to seed its draw) on its toy data (1,000 x 16) and on mixtures of Gaussians (15,000 x 32): half the sum of
    |p - p'| is 0.06 to 0.16, because its inverted file misses neighbours; told to search all its lists, 1.4e-7 and
    less, the same rows have mass, and its draw from these probabilities picks the same rows, 750 of 750. (With sigma
    0 it finds mass 1e-17 on two rows more, by rounding.) At 60,000 rows, where densities are approximate here and
    exact there, 0.003. On numpy 2 its toy example stops at an assertion, as its masses become float32.

    The pool is streamed, once per doubling and once for the densities. Memory: about 80 bytes per pair of a target
    row and a neighbour, 16 bytes a pool row, and the features of the neighbours of all target rows in float32, where
    `bandwidth` is not 0; fewer `neighbours` need less of all. Time, at 2,000 target rows: 40 s on one core for a pool
    of 100,000 x 128, most of it the densities. Raises ValueError for a field out of its range.
    """

    alpha: float = 0.5
    scale: float = 5.0
    bandwidth: float = 0.75
    neighbours: int = 5000
    density_neighbours: int = 1000

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        check_positive("scale", self.scale)
        if self.bandwidth != 0:
            check_positive("bandwidth", self.bandwidth)
        check_count("neighbours", self.neighbours)
        check_count("density_neighbours", self.density_neighbours)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; `seed` is that of the draw, the plan has none.

        Scores are log-probabilities plus the Gumbel noise that won, in the order drawn. `info`: "alpha" of the plan
        drawn from, "rows" that have mass in it, "neighbours" per target row.
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images = images_of(budget, n_pool, "tsds")
        check_features(target, "target")
        own = unit_rows(np.asarray(target[0:n_target]))
        near = self._neighbourhoods(own, pool, n_pool, images)
        shares, alpha = self._plan(near, n_pool, images)
        rows = np.flatnonzero(shares)
        drawn, scores = gumbel_top_k(np.log(shares[rows]), images, seed)
        info = {"alpha": alpha, "rows": rows.size, "neighbours": near.positions.shape[1]}
        return Selection(rows[drawn], scores.astype(np.float32), "budget", info)

    def _neighbourhoods(self, own: NDArray[np.float64], pool: Features, n_pool: int, images: int) -> Neighbourhoods:
        """The nearest pool rows of all rows of `own`, at least `images` different ones."""
        k = min(n_pool, max(2, min(self.neighbours, n_pool // 10)))
        positions, cosines = nearest_rows(own, pool, k, "pool")
        while _different(positions, n_pool).size < images:
            k = min(n_pool, 2 * k)
            positions, cosines = nearest_rows(own, pool, k, "pool")
        distances = np.sqrt(np.maximum(2 - 2 * cosines.astype(np.float64), 0))
        filled = np.cumsum(1 / self._densities(pool, positions, n_pool), axis=1)
        return Neighbourhoods(positions, distances, filled)

    def _densities(self, pool: Features, positions: NDArray[np.int64], n_pool: int) -> NDArray[np.float64]:
        """Densities [n, K] of the pool rows `positions` [n, K] among all of these."""
        if self.bandwidth == 0:
            return np.ones(positions.shape)
        rows = _different(positions, n_pool)
        by_position = np.empty(n_pool)
        by_position[rows] = densities(
            Rows(pool, rows), self.bandwidth, max(1, min(self.density_neighbours, n_pool // 10))
        )
        return by_position[positions]

    def _plan(self, near: Neighbourhoods, n_pool: int, images: int) -> tuple[NDArray[np.float64], float]:
        """Probabilities [N] of the plan, widened to at least `images` rows, and the alpha it is optimal for."""
        mass = self.scale * len(near.positions)
        best = near.level((1 - self.alpha) / self.alpha * mass)
        level = max(best, near.level_of_rows(images, n_pool))
        alpha = self.alpha if level == best else mass / (mass + near.marginal_cost(level))
        return near.shares(level, n_pool), alpha


def _different(positions: NDArray[np.int64], n_pool: int) -> NDArray[np.int64]:
    """The different ones of `positions`, ascending: as numpy.unique, which takes seconds for ten million."""
    seen = np.zeros(n_pool, dtype=np.bool_)
    seen[positions] = True
    return np.flatnonzero(seen)


entry = Entry("tsds", "baselines.tsds:TSDS", "Liu et al., NeurIPS 2024", place=13)
