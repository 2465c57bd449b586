"""Mahalanobis distance (Lee et al., NeurIPS 2018): the pool rows that a Gaussian of the target finds likeliest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import grid, grid_columns, grid_rows
from baselines.core.fields import check_count
from baselines.core.kmeans import centroids
from baselines.core.pool_clusters import assign
from baselines.core.scoring import tree_sum, unit_rows
from baselines.core.selection import Budget, Features, Selection, check_features, check_shape
from baselines.core.top import images_of, selection
from baselines.registry import Entry

MIN_SHRINKAGE = 1e-6
"""Least share of the isotropic part: a target of two rows has Ledoit-Wolf shrinkage 0 and a singular covariance."""
NO_SPREAD = 1e-12
"""Residuals of unit rows below this are rounding."""


class _Gaussians(NamedTuple):
    """Means [k, d] of Gaussians that share one covariance, and the matrix W [d, d] with W W^T its inverse. Both are
    rounded so that products of them and of grid rows are exact."""

    means: NDArray[np.float64]
    whitening: NDArray[np.float64]
    shrinkage: float


@dataclass(frozen=True)
class Mahalanobis:
    """The Mahalanobis score (Lee, Lee, Lee and Shin, "A Simple Unified Framework for Detecting Out-of-Distribution
    Samples and Adversarial Attacks", NeurIPS 2018), turned round: the likeliest rows are picked.

    The score of a pool row z is max_c -(z - mu_c)^T Sigma^-1 (z - mu_c) (equation 2), with one covariance tied over
    the classes (equation 1), in L2-normalised features. Highest first, ties by smaller position.

    k: number of Gaussians. The target's labels are not used, so the paper's classes become k-means clusters of the
        target; 1 is a single Gaussian. With k at least the size of the target every row is its own mean, without
        spread.

    Deviations: clusters in place of classes; unit features in place of raw ones; the last layer only, without input
    perturbation; and the covariance is shrunk towards its mean variance by Ledoit and Wolf's estimate
    (scikit-learn), because a target may have fewer rows than features: Sigma = (1 - s) S + s tr(S) / d I. `s` is in
    `info["shrinkage"]` and at least `MIN_SHRINKAGE`. A target without any spread has Sigma = I, the Euclidean limit.

    Unit rows, means and the columns of the whitening matrix are rounded to 26 bits for scoring, their products are
    exact (`baselines.core.exact`) and squares are added up in a fixed order: equal rows tie, wherever they stand. The
    covariance itself may differ in its last digits between processors, as it is made by BLAS.

    Time is that of one float64 product [N, d] x [d, d] and k differences [N, d]; memory a few times the target's in
    float64 and d x d numbers. Raises ValueError for a `k` that is no int of at least 1.
    """

    k: int = 1

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; `seed` is that of k-means, not used with k = 1.

        Scores are negative squared distances, in units of the target's variance.
        `info`: "k", the number of Gaussians that have rows, and "shrinkage".
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared;
        ValueError when a k-means centre is the zero vector.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images_of(budget, n_pool, "mahalanobis")
        check_features(target, "target")
        points = unit_rows(np.asarray(target[0:n_target]))
        fitted = _fit(points, _labels(points, self.k, seed))
        info = {"k": len(fitted.means), "shrinkage": fitted.shrinkage}
        return selection(pool, lambda rows: -_squares(grid_rows(rows), fitted), budget, "mahalanobis", info)


def _labels(points: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int32]:
    """Cluster [n] of every unit row of `points` [n, d]: that of the nearest centroid, ties by smaller number."""
    if k == 1:
        return np.zeros(len(points), dtype=np.int32)
    labels, _ = assign(points, grid(centroids(points, k, seed=seed)), "target")
    return labels


def _fit(points: NDArray[np.float64], labels: NDArray[np.int32]) -> _Gaussians:
    # Late: scikit-learn and scipy cost more than a second to import and are needed here only.
    from scipy.linalg import solve_triangular
    from sklearn.covariance import ledoit_wolf_shrinkage, shrunk_covariance
    from threadpoolctl import threadpool_limits

    used, cluster = np.unique(labels, return_inverse=True)
    means = np.stack([points[cluster == c].mean(axis=0) for c in range(used.size)])
    residuals = points - means[cluster]
    if np.abs(residuals).max() < NO_SPREAD:
        return _Gaussians(grid(means), np.eye(points.shape[1]), 1.0)
    with threadpool_limits(1):
        shrinkage = max(float(ledoit_wolf_shrinkage(residuals, assume_centered=True)), MIN_SHRINKAGE)
        covariance = shrunk_covariance(residuals.T @ residuals / len(points), shrinkage)
        factor = np.linalg.cholesky(covariance)
        whitening = solve_triangular(factor, np.eye(len(factor)), lower=True).T
    return _Gaussians(grid(means), grid_columns(whitening), shrinkage)


def _squares(rows: NDArray[np.float64], fitted: _Gaussians) -> NDArray[np.float64]:
    """Squared Mahalanobis distances [b] of the grid rows `rows` [b, d] to the nearest mean."""
    white = fitted.whitening.T @ rows.T
    least = np.full(len(rows), np.inf)
    for mean in fitted.means @ fitted.whitening:
        apart = white - mean[:, None]
        np.minimum(least, tree_sum(apart * apart), out=least)
    return least


entry = Entry("mahalanobis", "baselines.mahalanobis:Mahalanobis", "Lee et al., NeurIPS 2018", version=2, place=11)
