"""k-means of a pool that does not fit in memory: fitted on a sample of its rows, then every row assigned, streamed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import grid, grid_rows
from baselines.core.rows import rows_at
from baselines.core.selection import Features, check_features, check_rows, row_blocks

ITERATIONS = 25
"""Lloyd iterations, faiss's default."""
ROWS_PER_CLUSTER = (39, 256)
"""Fewest and most rows per cluster that the centres are fitted on, faiss's defaults."""
SAMPLE_NUMBERS = 2**27
"""float32 numbers in the sample between these two limits, 512 MiB."""

_BLOCK_ROWS = 4096
_BLOCK_NUMBERS = 2**22  # float64 similarities of one block of rows to all centres: 32 MiB


@dataclass(frozen=True, eq=False)
class PoolClusters:
    """A partition of the pool.

    centres: float64 [k, d], rounded to multiples of 2**-26.
    labels: int32 [N], the cluster of every row: the nearest centre, ties by smaller number. A cluster may be empty.
    cosines: float32 [N], of every row and its centre; 0 for a centre that is the zero vector.
    """

    centres: NDArray[np.float64]
    labels: NDArray[np.int32]
    cosines: NDArray[np.float32]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of rows in every cluster, int64 [k]."""
        return np.bincount(self.labels, minlength=len(self.centres)).astype(np.int64)

    def members(self) -> list[NDArray[np.int64]]:
        """Positions of the rows of every cluster, ascending."""
        order = np.argsort(self.labels, kind="stable").astype(np.int64)
        return np.split(order, np.cumsum(self.sizes)[:-1])

    def draw(self, shares: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Positions of `shares` [k] rows of every cluster, drawn uniformly without replacement, cluster by cluster."""
        members = self.members()
        drawn = [rng.choice(members[c], size=shares[c], replace=False) for c in np.flatnonzero(shares)]
        return np.concatenate(drawn)


def cluster_pool(pool: Features, clusters: int | None, *, spherical: bool = True, seed: int = 0) -> PoolClusters:
    """Cluster the L2-normalised rows of `pool` [N, d] by k-means (faiss) into min(clusters, N) clusters.

    clusters: None means round(sqrt(N)), as usual for inverted files: fitting and assigning then cost N**1.5 d.
    spherical: centres are brought to length 1 after every iteration; otherwise they are plain means.
    seed: of the sample of rows and of the random rows that the centres start from.

    Centres are fitted on all rows, or on a uniform sample of them: 256 per cluster, fewer (not below 39) where that
    would be more than 512 MiB. Fitting runs in float32 and on one thread; the assignment is exact (`baselines.core.
    exact`), so identical rows share a cluster and neither block size nor threads move it.

    Memory: the sample, and 8 bytes per row. Raises FeatureError for rows that have no direction.
    """
    n_rows, dim = check_features(pool, "pool")
    k = min(n_rows, max(1, round(math.sqrt(n_rows))) if clusters is None else clusters)
    least, most = (k * rows for rows in ROWS_PER_CLUSTER)
    size = min(n_rows, max(least, min(most, SAMPLE_NUMBERS // dim)))
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen = np.sort(rng.choice(n_rows, size=size, replace=False))
    centres = grid(_fit(_unit_sample(pool, chosen), k, spherical, seed))
    return PoolClusters(centres, *assign(pool, centres, "pool"))


def assign(table: Features, centres: NDArray[np.float64], name: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The nearest of `centres` [k, d] of every L2-normalised row of `table` [N, d] and the cosine to it, as in
    `PoolClusters`. Euclidean distance; between rows and centres of length 1 that is the order of cosines.

    Raises FeatureError as `check_rows` does.
    """
    squares = np.einsum("ij,ij->i", centres, centres)
    lengths = np.where(squares > 0, np.sqrt(squares), 1)
    labels, cosines = np.empty(len(table), dtype=np.int32), np.empty(len(table), dtype=np.float32)
    step = max(1, min(_BLOCK_ROWS, _BLOCK_NUMBERS // len(centres)))
    for first, block in row_blocks(table, len(table), step):
        check_rows(block, name, first)
        products = grid_rows(block) @ centres.T
        nearest = np.argmax(products - squares / 2, axis=1)
        part = slice(first, first + len(block))
        labels[part] = nearest
        cosines[part] = products[np.arange(len(block)), nearest] / lengths[nearest]
    return labels, cosines


def _unit_sample(pool: Features, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    parts = (positions[i : i + _BLOCK_ROWS] for i in range(0, positions.size, _BLOCK_ROWS))
    return np.concatenate([grid_rows(rows_at(pool, part)).astype(np.float32) for part in parts])


def _fit(points: NDArray[np.float32], k: int, spherical: bool, seed: int) -> NDArray[np.float32]:
    # Late: only what clusters the pool needs faiss.
    import faiss
    from threadpoolctl import threadpool_limits

    # The sample is drawn by us, so faiss must neither thin it out nor warn of its size.
    size = {"min_points_per_centroid": 1, "max_points_per_centroid": len(points)}
    with threadpool_limits(1):
        fitted = faiss.Kmeans(points.shape[1], k, niter=ITERATIONS, spherical=spherical, seed=seed % 2**31, **size)
        fitted.train(points)
    return np.asarray(fitted.centroids, dtype=np.float32)
