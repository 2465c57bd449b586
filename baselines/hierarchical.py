"""Hierarchical k-means with balanced sampling: a pool without its imbalance, whatever the target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import checked
from baselines.core.fields import check_count
from baselines.core.pool_clusters import PoolClusters, cluster_pool
from baselines.core.selection import Budget, Features, Selection
from baselines.core.shares import even_shares
from baselines.registry import Entry

Numbers = NDArray[np.int64]

ITERATIONS = 50
"""Lloyd iterations above the first level, as in the authors' code."""


@dataclass(frozen=True)
class HierarchicalKMeans:
    """Hierarchical k-means with resampling and hierarchical balanced sampling (Vo et al., "Automatic Data Curation for
    Self-Supervised Learning: A Clustering-Based Approach", TMLR 2024, sections 3.2 to 3.4).

    The target is not used: the method balances the pool over its concepts, and stands here as the baseline that
    curates without knowing the domain. Level 1 clusters the pool's rows; every further level clusters the centres of
    the level below, not normalised. From level 2 on the clustering is repeated `resamples` times on the points closest
    to each centre, half the mean cluster size of them, which spreads the centres evenly over the support. Then the
    budget goes down the tree: a node's budget is spread evenly over its children (equal parts, a smaller child gives
    all it has, odd ones drawn), and a cluster of level 1 draws its images uniformly.

    clusters: clusters per level, falling; at most as many as there are points below. None means two levels,
        2 sqrt(N) and sqrt(N) / 4, rounded. The authors take 10 M, 500 k, 50 k and 10 k for 743 M web images, and
        5,000 and 1,000 for 100 k points in their small example.
    resamples: resampling steps of every level from the second on; 0 is plain hierarchical k-means. As in the authors'
        configuration for large data the first level has none.

    Level 1 is faiss's k-means from random rows, on a sample of big pools (`cluster_pool`); the authors use k-means++
    on all rows. Levels above: scikit-learn's k-means++, in float64, on one thread.

    Time and memory: those of `cluster_pool`; the levels above cluster a few thousand centres.

    Raises ValueError for a field out of its range.
    """

    clusters: tuple[int, ...] | None = None
    resamples: int = 10

    def __post_init__(self) -> None:
        check_count("resamples", self.resamples, 0)
        if self.clusters is None:
            return
        if not isinstance(self.clusters, tuple) or not self.clusters:
            raise ValueError(f"clusters must be a tuple of ints, got {self.clusters!r}")
        for number in self.clusters:
            check_count("clusters", number, 1)
        if any(upper >= lower for lower, upper in pairwise(self.clusters)):
            raise ValueError(f"clusters must be fewer on every level than on the one below, got {self.clusters!r}")

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d], cluster by cluster of level 1. `target` is checked and not used. Scores are
        cosines to the centre of the row's cluster. `info["clusters"]` counts those of every level that
        are not empty.

        seed: of k-means and of the draws.

        Raises BudgetError (also for None), FeatureError.
        """
        _, images = checked(target, pool, budget, "hierarchical")
        first, *others = self.clusters or _two_levels(len(pool))
        leaves = cluster_pool(pool, first, spherical=False, seed=seed)
        parents = self._levels(leaves, others, seed)
        rng = np.random.Generator(np.random.PCG64(seed))
        shares = _down_the_tree(leaves.sizes, parents, images, rng)
        indices = leaves.draw(shares, rng)
        levels: list[NDArray[Any]] = [leaves.labels, *parents]
        info = {"clusters": [np.unique(labels).size for labels in levels]}
        return Selection(indices, leaves.cosines[indices], "budget", info)

    def _levels(self, leaves: PoolClusters, numbers: list[int], seed: int) -> list[Numbers]:
        """For every level above the first, the cluster that every cluster below belongs to."""
        points, parents = leaves.centres, []
        for k in numbers:
            points, parent = _resampled(points, min(k, len(points)), self.resamples, seed)
            parents.append(parent)
        return parents


def _two_levels(n_pool: int) -> tuple[int, int]:
    root = math.sqrt(n_pool)
    return max(1, round(2 * root)), max(1, round(root / 4))


def _resampled(points: NDArray[np.float64], k: int, resamples: int, seed: int) -> tuple[NDArray[np.float64], Numbers]:
    """Centres [k, d] of k-means with resampling, and the nearest one of every point."""
    centres = _k_means(points, k, seed)
    labels, squares = _nearest(points, centres)
    per_cluster = len(points) // (2 * k)
    # One point for each centre would only be that point again.
    for step in range(resamples if per_cluster > 1 else 0):
        centres = _k_means(points[_closest(labels, squares, per_cluster)], k, seed + step + 1)
        labels, squares = _nearest(points, centres)
    return centres, labels


def _closest(labels: Numbers, squares: NDArray[np.float64], m: int) -> Numbers:
    """Positions of the m points of every cluster that are closest to its centre, ties by smaller position."""
    order = np.lexsort((squares, labels))
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    turn = np.arange(order.size) - np.repeat(starts, np.diff(starts, append=order.size))
    return order[turn < m]


def _nearest(points: NDArray[np.float64], centres: NDArray[np.float64]) -> tuple[Numbers, NDArray[np.float64]]:
    """The nearest centre of every point, ties by smaller number, and the squared distance to it."""
    from scipy.spatial.distance import cdist

    squares = cdist(points, centres, "sqeuclidean")
    labels = np.argmin(squares, axis=1)
    return labels, squares[np.arange(len(points)), labels]


def _k_means(points: NDArray[np.float64], k: int, seed: int) -> NDArray[np.float64]:
    # Late: scikit-learn costs more than a second to import.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fitted = KMeans(n_clusters=min(k, len(points)), n_init=1, max_iter=ITERATIONS, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _down_the_tree(sizes: Numbers, parents: list[Numbers], images: int, rng: np.random.Generator) -> Numbers:
    """Picks of every cluster of level 1 for a tree given by its `parents`, level by level from the bottom."""
    held = [sizes]
    for parent in parents:
        held.append(np.bincount(parent, weights=held[-1]).astype(np.int64))
    shares = even_shares(held[-1], images, rng)
    for parent, below in zip(reversed(parents), reversed(held[:-1]), strict=True):
        above, shares = shares, np.zeros_like(below)
        for node in np.flatnonzero(above):
            children = np.flatnonzero(parent == node)
            shares[children] = even_shares(below[children], int(above[node]), rng)
    return shares


entry = Entry("hierarchical", "baselines.hierarchical:HierarchicalKMeans", "Vo et al., TMLR 2024", place=16)
