from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from baselines import FeatureError
from baselines.core.kmeans import centroids


def blobs(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.eye(3, 5)
    return np.concatenate([centre + 0.02 * rng.standard_normal((40, 5)) for centre in centres])


def test_centroids_are_the_normalised_means_of_normalised_rows() -> None:
    features = blobs() * np.linspace(1, 50, 120)[:, None]  # lengths must not matter
    centres = centroids(features, 3, n_init=5)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    means = unit.reshape(3, 40, 5).mean(axis=1)
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert centres.dtype == np.float64
    order = np.argmax(centres @ expected.T, axis=0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(centres[order], expected, atol=1e-12)


def test_same_as_scikit_learn_with_that_seed() -> None:
    features = np.random.default_rng(5).standard_normal((200, 8))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    with threadpool_limits(1):
        centres = KMeans(7, n_init=8, random_state=11).fit(unit).cluster_centers_
    expected = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    np.testing.assert_allclose(centroids(features, 7, n_init=8, seed=11), expected, atol=1e-9)
    assert not np.allclose(centroids(features, 7, n_init=8, seed=12), expected, atol=1e-3)
    assert not np.allclose(centroids(features, 7, n_init=1, seed=11), expected, atol=1e-3)


@pytest.mark.parametrize("k", [4, 5, 100])
def test_enough_centroids_make_every_point_one(k: int) -> None:
    features = np.array([[3.0, 4.0], [0.0, -2.0], [3.0, 4.0], [5.0, 12.0]], dtype=np.float16)
    expected = np.array([[0.6, 0.8], [0.0, -1.0], [0.6, 0.8], [5 / 13, 12 / 13]])
    np.testing.assert_allclose(centroids(features, k), expected, rtol=1e-15)


def test_threads_do_not_move_the_centroids() -> None:
    features = np.random.default_rng(1).standard_normal((3000, 16)).astype(np.float32)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            results.append(centroids(features, 20).tobytes())
    assert len(set(results)) == 1


def test_faiss_finds_the_same_blobs() -> None:
    centres, expected = (centroids(blobs(), 3, n_init=5, library=library) for library in ("faiss", "scikit-learn"))
    assert centres.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, rtol=1e-12)
    order = np.argmax(centres @ expected.T, axis=0)
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(centres[order], expected, atol=1e-6)


def test_threads_do_not_move_the_centroids_of_faiss() -> None:
    features = np.random.default_rng(1).standard_normal((3000, 16)).astype(np.float32)
    results = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            results.append(centroids(features, 20, library="faiss").tobytes())
    assert len(set(results)) == 1
    assert centroids(features, 20, seed=1, library="faiss").tobytes() != results[0]


def test_unknown_library() -> None:
    with pytest.raises(ValueError, match=r"library must be one of \('scikit-learn', 'faiss'\), got 'cuml'"):
        centroids(blobs(), 3, library="cuml")  # type: ignore[arg-type]


def test_opposite_points_have_no_mean_direction() -> None:
    with pytest.raises(ValueError, match="centroid 0 of 1 is the zero vector"):
        centroids(np.array([[1.0, 0.0], [-1.0, 0.0]]), 1)


def test_bad_target_is_named() -> None:
    with pytest.raises(FeatureError, match="target row 1 is all zero"):
        centroids(np.array([[1.0, 0.0], [0.0, 0.0]]), 1)
