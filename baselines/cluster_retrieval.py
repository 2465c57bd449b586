"""Cluster-balanced retrieval: random images of the pool clusters that the target images fall into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked, grid_rows
from baselines.core.fields import check_choice, check_count
from baselines.core.pool_clusters import PoolClusters, assign, cluster_pool
from baselines.core.selection import Budget, Features, Selection
from baselines.core.shares import even_shares
from baselines.registry import Entry

Share = Literal["balanced", "proportional"]


@dataclass(frozen=True)
class ClusterRetrieval:
    """The cluster-based retrieval of DINOv2's data curation (Oquab et al., "DINOv2: Learning Robust Visual Features
    without Supervision", TMLR 2024, section 3 and appendix A.4), which the authors use for small targets.

    The pool is clustered by spherical k-means and every target image falls into its nearest cluster. A cluster with
    more than `min_images` of them is associated with the target and gives M images, drawn uniformly, or all it has.
    The paper fixes M (10,000) and cuts at 1 M images; here the budget fixes M. Where the associated clusters hold less
    than the budget, all their images are taken and the clusters with fewer target images give the rest in the same
    way; then clusters with none, one after the other, the one whose centre has the largest cosine to a target image
    first (ties by cluster number).

    clusters: number of pool clusters; None means round(sqrt(N)). The paper has 100,000 for 744 M images.
    min_images: target images that a cluster must have more of to be associated.
    share: "balanced" draws the same number from each cluster (appendix A.4); "proportional" draws in proportion to
        the cluster's target images (M per target image, section 3).

    Time: one pass over the pool to cluster it (`cluster_pool`) and one to assign it. Memory: 16 bytes per pool row
    besides the k-means sample.

    Raises ValueError for a field out of its range.
    """

    clusters: int | None = None
    min_images: int = 3
    share: Share = "balanced"

    def __post_init__(self) -> None:
        if self.clusters is not None:
            check_count("clusters", self.clusters, 1)
        check_count("min_images", self.min_images, 0)
        check_choice("share", self.share, get_args(Share))

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d], cluster by cluster. Scores are cosines to the centre of the
        row's cluster. `info` counts the clusters, the associated ones, and the picks from others ("beyond").

        seed: of k-means and of the draws.

        Raises BudgetError (also for None), FeatureError.
        """
        rows, images = checked(target, pool, budget, "cluster-retrieval")
        clustered = cluster_pool(pool, self.clusters, seed=seed)
        counts = np.bincount(assign(rows, clustered.centres, "target")[0], minlength=len(clustered.centres))
        rng = np.random.Generator(np.random.PCG64(seed))
        shares = self._shares(images, counts, rows, clustered, rng)
        indices = clustered.draw(shares, rng)
        associated = counts > self.min_images
        info = {
            "clusters": len(counts),
            "associated": int(associated.sum()),
            "beyond": images - int(shares[associated].sum()),
        }
        return Selection(indices, clustered.cosines[indices], "budget", info)

    def _shares(
        self,
        images: int,
        counts: NDArray[np.int64],
        rows: NDArray[np.floating],
        clustered: PoolClusters,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        sizes = clustered.sizes
        shares = np.zeros_like(sizes)
        for tier in self._tiers(counts, rows, clustered):
            total = min(images - int(shares.sum()), int(sizes[tier].sum()))
            if total:
                # Beyond the target's clusters no weight tells one from another.
                weights = np.maximum(counts[tier], 1) if self.share == "proportional" else None
                shares[tier] = even_shares(sizes[tier], total, rng, weights)
            if shares.sum() == images:
                break
        return shares

    def _tiers(
        self, counts: NDArray[np.int64], rows: NDArray[np.floating], clustered: PoolClusters
    ) -> Iterator[NDArray[np.int64]]:
        """Cluster numbers that share what is left of the budget, the first to be asked first."""
        yield np.flatnonzero(counts > self.min_images)
        yield np.flatnonzero((counts > 0) & (counts <= self.min_images))
        # A centre that is the zero vector has no direction, and comes last.
        other = np.flatnonzero((counts == 0) & clustered.centres.any(axis=1))
        if other.size:
            _, nearness = assign(clustered.centres[other], grid_rows(rows), "centre")
            yield from other[np.lexsort((other, -nearness)), None]
        yield np.flatnonzero((counts == 0) & ~clustered.centres.any(axis=1))


entry = Entry(
    "cluster-retrieval", "baselines.cluster_retrieval:ClusterRetrieval", "Oquab et al., TMLR 2024, section 3", place=5
)
