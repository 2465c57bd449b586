"""SemDeDup: near-duplicates leave the pool before any sampler sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import grid_rows
from baselines.core.fields import check_count
from baselines.core.pool_clusters import PoolClusters, cluster_pool
from baselines.core.rows import Rows, rows_at
from baselines.core.selection import (
    Budget,
    BudgetError,
    Features,
    Sampler,
    Selection,
    check_features,
    check_shape,
    parse_budget,
)
from baselines.registry import Entry
from baselines.simcore import SimCore

SMALLEST_EPS = 1e-6
"""About what the rounding of a cosine may come to (`baselines.core.exact`)."""

_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class SemDeDup:
    """Semantic deduplication (Abbas et al., "SemDeDup: Data-efficient learning at web-scale through semantic
    deduplication", 2023, arXiv 2303.09540) in front of any sampler, which sees the pool without the rows removed.

    The pool is clustered by spherical k-means; only rows of one cluster are compared. In each, rows are put in order
    of falling distance to the centre (the authors' "hard" first; ties by smaller position), and a row goes when its
    cosine to any row before it is above 1 - eps. So of two near-duplicates the one farther from the centre stays. As in
    the authors' code a row that goes itself still removes the rows after it, so a chain of near-duplicates
    shrinks to its first row even where its ends are not alike.

    sampler: picks from the rows that stay. budget None is passed on to it.
    eps: cosine distance under which two rows are near-duplicates. What is near depends on the encoder: `info`
        tells how many rows went. The paper tunes it to the share it wants to remove.
    clusters: None means round(sqrt(N)); the authors have 50,000 for 440 M images.

    Time: that of `cluster_pool`, and d multiplications for every pair of rows in a cluster, about N**1.5 d / 2 for even
    clusters. Memory: 20 bytes per pool row besides the k-means sample and two blocks of 1024 rows.

    Raises ValueError for a field out of its range.
    """

    sampler: Sampler = field(default_factory=SimCore)
    eps: float = 0.05
    clusters: int | None = None

    def __post_init__(self) -> None:
        if not SMALLEST_EPS <= self.eps < 2:
            raise ValueError(f"eps must be at least {SMALLEST_EPS:g} and below 2, got {self.eps!r}")
        if self.clusters is not None:
            check_count("clusters", self.clusters, 1)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d] with `sampler`. Scores and the end are the sampler's.

        budget: a share is one of the whole pool, removed rows included.
        seed: of k-means; passed on to the sampler.

        `info` is the sampler's, with "removed" (rows), "eps" and "pool_clusters" added.

        Raises BudgetError, also when fewer rows stay than the budget wants; FeatureError; what the sampler raises.
        """
        _, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images = parse_budget(budget, n_pool)
        check_features(target, "target")
        clustered = cluster_pool(pool, self.clusters, seed=seed)
        kept = np.flatnonzero(~near_duplicates(pool, clustered, self.eps))
        if images is not None and images > kept.size:
            raise BudgetError(
                f"budget {budget!r} is {images} images but {kept.size} of {n_pool} stay without near-duplicates: "
                f"lower eps ({self.eps:g}) or the budget"
            )
        view = Rows(pool, kept)
        picks = self.sampler.select(target, view, budget=images, seed=seed)
        info = {"removed": n_pool - kept.size, "eps": self.eps, "pool_clusters": len(clustered.centres)}
        return replace(picks, indices=kept[picks.indices], info={**picks.info, **info})


def near_duplicates(pool: Features, clustered: PoolClusters, eps: float) -> NDArray[np.bool_]:
    """Which rows of `pool` go, bool [N]: those whose cosine to a row of their cluster farther from the centre is above
    1 - eps.
    """
    gone = np.zeros(len(pool), dtype=np.bool_)
    for members in clustered.members():
        # `members` ascend and the sort is stable: rows equally far stay in the order of their positions.
        order = members[np.argsort(clustered.cosines[members], kind="stable")]
        blocks = [order[i : i + _BLOCK_ROWS] for i in range(0, order.size, _BLOCK_ROWS)]
        for i, block in enumerate(blocks):
            rows = grid_rows(rows_at(pool, block))
            before = np.triu(rows @ rows.T > 1 - eps, k=1).any(axis=0)
            for farther in blocks[:i]:
                before |= (grid_rows(rows_at(pool, farther)) @ rows.T > 1 - eps).any(axis=0)
            gone[block] = before
    return gone


entry = Entry("semdedup", "baselines.semdedup:SemDeDup", "Abbas et al., 2023, around SimCore", stops=True, place=15)
