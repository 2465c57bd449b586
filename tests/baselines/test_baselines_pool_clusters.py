from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from baselines import FeatureError
from baselines.core import exact, pool_clusters
from baselines.core.pool_clusters import assign, cluster_pool
from baselines.core.rows import rows_at


def blobs(sizes: list[int], dim: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around orthogonal axes, of all lengths, and the axis of each."""
    rng = np.random.default_rng(seed)
    axis = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.eye(dim)[axis] + 0.05 * rng.standard_normal((axis.size, dim))
    return (rows * rng.uniform(0.1, 9, (axis.size, 1))).astype(np.float32), axis


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    return len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(set(one)) == len(set(other))


@pytest.mark.parametrize("spherical", [True, False])
def test_groups_are_found_whatever_the_length_of_rows(spherical: bool) -> None:
    pool, axis = blobs([40, 100, 60])
    clusters = cluster_pool(pool, 3, spherical=spherical)
    assert same_partition(clusters.labels, axis)
    assert sorted(clusters.sizes.tolist()) == [40, 60, 100]
    assert [set(axis[members]) == {axis[members[0]]} for members in clusters.members()] == [True] * 3
    assert np.sort(np.concatenate(clusters.members())).tolist() == list(range(200))
    lengths = np.linalg.norm(clusters.centres, axis=1)
    assert np.allclose(lengths, 1, atol=1e-6) == spherical
    unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    cosines = np.einsum("ij,ij->i", unit, (clusters.centres / lengths[:, None])[clusters.labels])
    np.testing.assert_allclose(clusters.cosines, cosines, atol=1e-6)


def test_the_number_of_clusters() -> None:
    pool, _ = blobs([50, 50])
    assert len(cluster_pool(pool, None).centres) == 10
    assert len(cluster_pool(pool, 500).centres) == 100
    assert cluster_pool(pool, 1).labels.tolist() == [0] * 100


def test_assignment_takes_the_nearest_centre_then_the_first() -> None:
    centres = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    labels, cosines = assign(np.array([[3.0, 1.0], [1.0, 3.0], [1.0, 1.0], [-1.0, -1.0]]), centres, "pool")
    assert labels.tolist() == [0, 1, 0, 3]
    np.testing.assert_allclose(cosines, [3 / 10**0.5, 3 / 10**0.5, 0.5**0.5, 0], rtol=1e-6)


def test_centres_are_fitted_on_a_sample_and_blocks_are_short(
    sliced: Callable[[np.ndarray], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, axis = blobs([3000, 6000])
    monkeypatch.setattr(pool_clusters, "ROWS_PER_CLUSTER", (20, 50))
    seen: list[int] = []
    fit = pool_clusters._fit
    monkeypatch.setattr(pool_clusters, "_fit", lambda points, *rest: seen.append(len(points)) or fit(points, *rest))
    stored = sliced(pool)
    assert same_partition(cluster_pool(stored, 2).labels, axis)
    monkeypatch.setattr(pool_clusters, "SAMPLE_NUMBERS", 8 * 30)
    cluster_pool(stored, 2)
    monkeypatch.setattr(pool_clusters, "SAMPLE_NUMBERS", 0)
    cluster_pool(stored, 2)
    assert seen == [100, 40, 40]
    assert stored.longest <= 8192 < len(pool)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    with threadpool_limits(request.param):
        yield


def test_threads_and_blocks_move_nothing(
    sliced: Callable[[np.ndarray], Any], threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = np.random.default_rng(3).standard_normal((2000, 40)).astype(np.float16)
    clusters = cluster_pool(pool, 30, seed=4)
    monkeypatch.setattr(pool_clusters, "_BLOCK_ROWS", 77)
    again = cluster_pool(sliced(pool), 30, seed=4)
    assert again.labels.tobytes() == clusters.labels.tobytes()
    assert again.cosines.tobytes() == clusters.cosines.tobytes()
    assert cluster_pool(pool, 30, seed=5).labels.tobytes() != clusters.labels.tobytes()
    with threadpool_limits(1):
        assert cluster_pool(pool, 30, seed=4).labels.tobytes() == clusters.labels.tobytes()


def test_draws_are_uniform_within_their_clusters() -> None:
    pool, _ = blobs([40, 100, 60])
    clusters = cluster_pool(pool, 3)
    hits = np.zeros(200)
    for seed in range(1000):
        drawn = clusters.draw(np.array([10, 0, 7]), np.random.default_rng(seed))
        assert clusters.labels[drawn].tolist() == [0] * 10 + [2] * 7
        hits[drawn] += 1
    assert hits.max() == hits[clusters.labels != 1].max() > hits[clusters.labels == 1].max() == 0
    for cluster, share in ((0, 10), (2, 7)):
        expected = 1000 * share / clusters.sizes[cluster]
        assert np.abs(hits[clusters.labels == cluster] - expected).max() < 4.5 * expected**0.5


def test_bad_rows_are_named() -> None:
    pool, _ = blobs([5, 5])
    pool[7] = 0
    with pytest.raises(FeatureError, match="pool row 7 is all zero"):
        cluster_pool(pool, 2)


def test_exact_products_do_not_depend_on_the_order_of_addition() -> None:
    rng = np.random.default_rng(6)
    rows = exact.grid_rows(rng.standard_normal((50, 777)).astype(np.float32))
    shuffle = rng.permutation(777)
    assert np.array_equal(rows @ rows.T, rows[:, shuffle] @ rows[:, shuffle].T)
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-6


def test_rows_come_in_the_order_of_the_positions(sliced: Callable[[np.ndarray], Any]) -> None:
    table = np.arange(400, dtype=np.float32).reshape(200, 2)
    positions = np.array([150, 3, 4, 199, 4, 0, 30])
    for stored in (table, sliced(table)):
        assert np.array_equal(rows_at(stored, positions), table[positions])
