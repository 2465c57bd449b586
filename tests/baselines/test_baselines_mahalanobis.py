from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from baselines import BudgetError
from baselines.core.exact import grid_rows
from baselines.core.kmeans import centroids
from baselines.mahalanobis import MIN_SHRINKAGE, Mahalanobis, _fit, _squares


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def domain(n: int, dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dim)) * np.linspace(0.1, 1, dim) + 1


@pytest.mark.parametrize("n", [15, 400])
def test_one_gaussian_is_scikit_learns(n: int) -> None:
    target, pool = domain(n, 20, 0), domain(300, 20, 1)
    picks = Mahalanobis().select(target, pool, budget=300)
    reference = LedoitWolf().fit(unit(target))
    squares = reference.mahalanobis(unit(pool))
    assert picks.indices.tolist() == np.argsort(squares, kind="stable").tolist()
    np.testing.assert_allclose(picks.scores, -np.sort(squares), rtol=1e-5)
    assert picks.info["k"] == 1
    assert picks.info["shrinkage"] == pytest.approx(reference.shrinkage_)


def test_clusters_share_one_covariance_and_the_nearest_counts() -> None:
    rng = np.random.default_rng(2)
    target = np.concatenate([5 * axis + rng.standard_normal((60, 6)) for axis in np.eye(6)[:3]])
    pool = rng.standard_normal((200, 6)) + 1
    picks = Mahalanobis(k=3).select(target, pool, budget=200, seed=4)
    points = unit(target)
    labels = np.argmax(points @ centroids(points, 3, seed=4).T, axis=1)
    means = np.stack([points[labels == c].mean(axis=0) for c in range(3)])
    tied = LedoitWolf(assume_centered=True).fit(points - means[labels])
    squares = cdist(unit(pool), means, "mahalanobis", VI=np.linalg.inv(tied.covariance_)).min(axis=1) ** 2
    assert picks.indices.tolist() == np.argsort(squares, kind="stable").tolist()
    np.testing.assert_allclose(picks.scores, -np.sort(squares), rtol=1e-5)
    assert picks.info["k"] == 3


def test_spread_counts_beside_distance() -> None:
    angles = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])
    wide = np.stack([np.cos(angles), np.sin(angles), np.zeros(5)], axis=1)
    thin = np.stack([np.cos(angles), np.zeros(5), 0.01 * np.sin(angles)], axis=1)
    along, across = [1.0, 0.3, 0.0], [1.0, 0.0, 0.2]
    picks = Mahalanobis().select(np.concatenate([wide, thin]), np.array([across, along]), budget=2)
    assert picks.indices.tolist() == [1, 0]  # row 0 is nearer to the mean, but where the target never goes


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("k", [1, 2, 50])
def test_a_target_without_spread_is_euclidean(k: int) -> None:
    target = np.full((7, 3), 0.1)
    pool = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.1], [-1.0, 0.0, 0.0], [1.0, 1.0, 1.1]])
    picks = Mahalanobis(k=k).select(target, pool, budget=4)
    assert picks.indices.tolist() == [1, 3, 0, 2]  # equal rows tie: the smaller position first
    np.testing.assert_allclose(
        -picks.scores, np.square(unit(pool) - unit(target)[0]).sum(axis=1)[[1, 3, 0, 2]], atol=1e-7
    )


def test_every_row_its_own_mean_is_the_nearest_row() -> None:
    target, pool = domain(12, 4, 5), domain(100, 4, 6)
    picks = Mahalanobis(k=12).select(target, pool, budget=100)
    nearest = cdist(unit(pool), unit(target), "sqeuclidean").min(axis=1)
    assert picks.indices.tolist() == np.argsort(nearest, kind="stable").tolist()


def test_two_rows_have_a_covariance_that_can_be_inverted() -> None:
    target = np.array([[1.0, 0.2, 0.0], [1.0, -0.2, 0.0]])
    pool = np.array([[1.0, 0.0, 0.1], [1.0, 0.1, 0.0]])
    picks = Mahalanobis().select(target, pool, budget=2)
    assert picks.indices.tolist() == [1, 0]
    assert picks.info["shrinkage"] == MIN_SHRINKAGE


def test_no_order_of_additions_moves_a_distance() -> None:
    rows, fitted = grid_rows(domain(50, 33, 7)), _fit(unit(domain(40, 33, 8)), np.arange(40, dtype=np.int32) % 2)
    shuffled = np.random.default_rng(9).permutation(33)  # a BLAS of another machine adds up in another order
    same = fitted._replace(means=fitted.means[:, shuffled], whitening=fitted.whitening[shuffled])
    assert _squares(rows[:, shuffled], same).tolist() == _squares(rows, fitted).tolist()
    one_by_one = [_squares(row[None], fitted)[0] for row in rows]  # nor does the place in a block
    assert one_by_one == _squares(rows, fitted).tolist()


def test_bad_fields_and_no_stopping_rule() -> None:
    for k in (0, 1.0, False):
        with pytest.raises(ValueError, match=r"^k must be an int of at least 1"):
            Mahalanobis(k=k)  # type: ignore[arg-type]
    with pytest.raises(BudgetError, match="budget None: mahalanobis has no stopping rule"):
        Mahalanobis().select(np.ones((2, 2)), np.ones((4, 2)), budget=None)
