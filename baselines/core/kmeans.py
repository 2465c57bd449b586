"""Centroids of the target: what the pool is compared with (SimCore, section on sampling)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import unit_rows
from baselines.core.selection import Features, check_features

Library = Literal["scikit-learn", "faiss"]


def centroids(
    target: Features, k: int, *, n_init: int = 1, seed: int = 0, library: Library = "scikit-learn"
) -> NDArray[np.float64]:
    """Cluster the L2-normalised rows of `target` [n, d] by k-means; the centres, normalised again, [min(k,
    n), d].

    With k >= n every point is its own centroid and nothing is clustered. `n_init` is the number of k-means++
    starts, of which the best is kept: scikit-learn's default was 10 before version 1.4 and is 1 since.

    library: "scikit-learn" is what the published numbers came from; "faiss" works in float32, starts from random
        points and makes 25 iterations: other centroids, sooner.

    In float64 (scikit-learn) and on one thread, so that the number of cores does not move the result.

    Raises FeatureError for rows that have no direction, ValueError for a centre without one or another library.
    """
    if library not in get_args(Library):
        raise ValueError(f"library must be one of {get_args(Library)}, got {library!r}")
    n_rows, _ = check_features(target, "target")
    points = unit_rows(np.asarray(target[0:n_rows]))
    if k >= n_rows:
        return points
    cluster = _cluster if library == "scikit-learn" else _cluster_by_faiss
    centres = cluster(points, k, n_init, seed)
    zero = np.flatnonzero(~centres.any(axis=1))
    if zero.size:
        raise ValueError(f"centroid {zero[0]} of {k} is the zero vector: its points cancel out, change k")
    return unit_rows(centres)


def _cluster(points: NDArray[np.float64], k: int, n_init: int, seed: int) -> NDArray[np.float64]:
    # Late: scikit-learn costs more than a second to import and is needed here only.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fitted = KMeans(n_clusters=k, n_init=n_init, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _cluster_by_faiss(points: NDArray[np.float64], k: int, n_init: int, seed: int) -> NDArray[np.float64]:
    import faiss  # late, as above
    from threadpoolctl import threadpool_limits

    n_rows, dim = points.shape
    # By default faiss draws a sample of 256 points per centroid, and warns of fewer than 39.
    fitted = faiss.Kmeans(
        dim, k, niter=25, nredo=n_init, seed=seed, max_points_per_centroid=n_rows, min_points_per_centroid=1
    )
    with threadpool_limits(1):
        fitted.train(points.astype(np.float32))
    return np.asarray(fitted.centroids, dtype=np.float64)
