from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity, polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from baselines import FeatureError
from baselines.core import pairs
from baselines.core import rows as reading
from baselines.core.exact import grid_rows
from baselines.metrics import (
    CoresetMetrics,
    Overlap,
    PickedRows,
    coreset_metrics,
    coverage_radius,
    density_and_coverage,
    facility_location,
    mean_nearest_similarity,
    mmd2,
    near_duplicate_share,
    overlap,
    rows_at,
    source_shares,
)

# Directions in the plane with cosines that can be read off: east, north, and (3, 4) / 5 between them.
EAST, NORTH, WEST, STEEP = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [3.0, 4.0]
TARGET = np.array([EAST, NORTH])
PICKS = np.array([STEEP, WEST])


class OnlySlices:
    """A store: it has a length and gives rows by slices, of which it keeps the largest."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows, self.largest, self.read = rows, 0, 0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> np.ndarray:
        assert isinstance(rows, slice)
        part = self._rows[rows]
        self.largest, self.read = max(self.largest, len(part)), self.read + len(part)
        return part


def near(value: float) -> Any:
    return pytest.approx(value, abs=1e-6)


def test_nearest_similarities_by_hand() -> None:
    # cosines: east 0.6 and -1, north 0.8 and 0
    assert facility_location(TARGET, PICKS) == near(0.6 + 0.8)
    assert mean_nearest_similarity(TARGET, PICKS) == (near(0.7), near((0.8 + 0) / 2))
    assert coverage_radius(TARGET, PICKS) == near(1 - 0.6)
    assert coverage_radius(TARGET, np.array([WEST])) == near(2)


def test_lengths_do_not_matter() -> None:
    assert facility_location(3e30 * TARGET, 1e-200 * PICKS) == near(1.4)


def test_density_and_coverage_by_hand() -> None:
    # Four target rows at 0, 10, 30 and 90 degrees; each ball (k = 1) reaches to the nearest other one: 10, 10, 20, 60.
    target = _at(0, 10, 30, 90)
    # 5 degrees lies in the balls of 0, 10; 25 in the balls of 30; 40 in those of 30 and 90; 200 in none.
    picks = _at(5, 25, 40, 200)
    assert density_and_coverage(target, picks, k=1) == (near(5 / 4), 1.0)
    assert density_and_coverage(target, _at(5, 200), k=1) == (near(2 / 2), 2 / 4)
    # k = 2 reaches to 30, 20, 30, 80: 5 degrees lies in 0 and 10 and 30, and density is over k.
    assert density_and_coverage(target, _at(5), k=2) == (near(3 / 2), 3 / 4)


def test_a_pick_on_the_rim_is_outside() -> None:
    # The rim of every ball goes through a target row, and a pool often holds the target's own images.
    target = _at(0, 10)
    assert density_and_coverage(target, _at(10, 10), k=1) == (1.0, 0.5)


def test_mmd_by_hand() -> None:
    # Kernel (cosine + 1)^3. Within the target: cosine 0, kernel 1; within the picks: cosine -0.6, kernel 0.064.
    # Between: cosines 0.6, -1, 0.8, 0, kernels 4.096, 0, 5.832, 1, mean 2.732.
    assert mmd2(TARGET, PICKS) == near(1 + 0.064 - 2 * 2.732)


def test_near_duplicates_by_hand() -> None:
    picks = _at(0, 10, 100, 102, 250)
    # cos 10 degrees = 0.985, cos 2 degrees = 0.9994
    assert near_duplicate_share(picks, threshold=0.98) == 4 / 5
    assert near_duplicate_share(picks, threshold=0.99) == 2 / 5
    assert near_duplicate_share(picks, threshold=0.9999) == 0


def test_overlap_by_hand() -> None:
    assert overlap(np.array([1, 2, 3]), np.array([3, 9, 2, 7, 8])) == Overlap(2, 2 / 6, 2 / 3)
    assert overlap(np.array([4]), np.array([5])) == Overlap(0, 0.0, 0.0)
    assert overlap(np.array([4, 5]), np.array([5, 4])) == Overlap(2, 1.0, 1.0)
    for bad in ([], [1, 1]):
        with pytest.raises(ValueError, match="not empty and have no repeated pick"):
            overlap(np.array([1]), np.array(bad, dtype=np.int64))


def test_source_shares_by_hand() -> None:
    sources = ["pets", "birds", "pets", "food"]
    assert source_shares(np.array([0, 2, 1]), sources) == {"birds": 1 / 3, "food": 0.0, "pets": 2 / 3}
    assert source_shares(np.arange(4), sources) == {"birds": 0.25, "food": 0.25, "pets": 0.5}
    with pytest.raises(ValueError, match="position 4 is not one of the 4 rows"):
        source_shares(np.array([4]), sources)


def test_all_at_once_by_hand() -> None:
    pool = np.array([WEST, NORTH, STEEP, EAST])
    # The order of the picks does not matter; k = 1: both balls reach to 90 degrees, (3, 4) lies in both, west in none.
    for indices in (np.array([2, 0]), np.array([0, 2])):
        assert asdict(coreset_metrics(TARGET, pool, indices, k=1)) == {
            "picks": 2,
            "facility_location": near(1.4),
            "target_to_picks": near(0.7),
            "picks_to_target": near(0.4),
            "coverage_radius": near(0.4),
            "density": near(1.0),
            "coverage": 1.0,
            "mmd2": near(-4.4),
            "near_duplicates": 0.0,
        }


@st.composite
def _tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, dim = draw(st.integers(4, 30)), draw(st.integers(2, 40)), draw(st.integers(2, 9))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    return rng.normal(size=(n, dim)).astype(dtype), rng.normal(size=(m, dim)).astype(dtype)


@settings(max_examples=40, deadline=None)
@given(_tables(), st.integers(1, 3), st.sampled_from([3, 7, 4096]))
def test_every_metric_is_what_scikit_learn_gives(tables: tuple[np.ndarray, np.ndarray], k: int, block: int) -> None:
    target, picks = (one.astype(np.float64) for one in tables)
    cosines = cosine_similarity(target, picks)
    least, most = _prdc(target, picks, k, -_undecided(target)), _prdc(target, picks, k, _undecided(target))
    close = [_share_of_close(picks, 0.9 + shift) for shift in (1e-6, -1e-6)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BLOCK_ROWS", block)  # tiles smaller than the tables: their seams must not show
        metrics = coreset_metrics(tables[0], tables[1], np.arange(len(picks)), k=k, threshold=0.9)
    assert least[0] <= metrics.density <= most[0]
    assert least[1] <= metrics.coverage <= most[1]
    assert close[0] <= metrics.near_duplicates <= close[1]
    assert metrics == CoresetMetrics(
        len(picks),
        near(cosines.max(axis=1).sum()),
        near(cosines.max(axis=1).mean()),
        near(cosines.max(axis=0).mean()),
        near(1 - cosines.max(axis=1).min()),
        metrics.density,
        metrics.coverage,
        # The kernel's slope is up to 12, and three sums of it come together.
        pytest.approx(_kid(target, picks), abs=1e-5),
        metrics.near_duplicates,
    )


@settings(max_examples=40, deadline=None)
@given(_tables(), st.integers(1, 3), st.integers(0, 2**32))
def test_balls_are_compared_exactly(tables: tuple[np.ndarray, np.ndarray], k: int, seed: int) -> None:
    """Against whole numbers, with picks on rims (copies of target rows and their mirror images) and close to them."""
    target, picks = tables
    rng = np.random.default_rng(seed)
    copies = target[rng.integers(0, len(target), len(picks) // 3 + 1)]
    flipped = target * np.where(np.arange(target.shape[1]) == 0, -1, 1).astype(target.dtype)
    beside = copies * (1 + 1e-5 * rng.normal(size=copies.shape))
    target, picks = np.concatenate([target, flipped]), np.concatenate([picks, copies, -copies, 2 * copies, beside])
    x, y = ((grid_rows(one) * 2**26).astype(np.int64).astype(object) for one in (target, picks))
    own, between = (((x[:, None] - other[None]) ** 2).sum(axis=2) for other in (x, y))
    np.fill_diagonal(own, 2**60)
    inside = between < np.sort(own, axis=1)[:, k - 1, None]
    expected = inside.sum() / (k * len(y)), inside.any(axis=1).mean()
    for block in (5, 4096):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pairs, "BLOCK_ROWS", block)
            assert density_and_coverage(target, picks, k=k) == expected


def _undecided(target: np.ndarray) -> float:
    """Rounding a unit row to multiples of 2**-26 moves it by at most 2**-27 sqrt(d), so it moves each of the two
    distances that are compared by at most twice that; float64 adds the rest to metric and reference."""
    return float(2**-25 * np.sqrt(target.shape[1]) + 1e-14)


def _prdc(target: np.ndarray, picks: np.ndarray, k: int, slack: float) -> tuple[float, float]:
    """Density and coverage by Euclidean distances between unit rows, of balls whose radii are larger by `slack`."""
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (target, picks))
    radii = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x).kneighbors()[0][:, -1]
    inside = np.linalg.norm(x[:, None] - y[None], axis=2) < radii[:, None] + slack
    return float(inside.sum() / (k * len(y))), float(inside.any(axis=1).mean())


def _kid(target: np.ndarray, picks: np.ndarray) -> float:
    """KID's estimator and kernel on rows of length sqrt(d)."""
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) * one.shape[1] ** 0.5 for one in (target, picks))
    xx, yy, xy = polynomial_kernel(x), polynomial_kernel(y), polynomial_kernel(x, y)
    n, m = xy.shape
    return float((xx.sum() - xx.trace()) / n / (n - 1) + (yy.sum() - yy.trace()) / m / (m - 1) - 2 * xy.mean())


def _share_of_close(picks: np.ndarray, threshold: float) -> float:
    cosines = cosine_similarity(picks)
    np.fill_diagonal(cosines, -2)
    return float(np.mean(cosines.max(axis=1) > threshold))


def test_mmd_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    values = [mmd2(rng.normal(size=(10, 4)), rng.normal(size=(8, 4))) for _ in range(500)]
    # With a row's kernel with itself, 8, counted in, the mean would be about (8 - 1.75) (1 / 10 + 1 / 8) = 1.4.
    assert abs(np.mean(values)) < 0.1
    assert min(values) < 0 < max(values)
    assert mmd2(rng.normal(size=(10, 4)) + 2, rng.normal(size=(8, 4)) - 2) > 1


@given(st.lists(st.integers(0, 99), min_size=1, max_size=50), st.sampled_from([1, 7, 4096]))
def test_rows_come_in_the_order_of_the_picks(positions: list[int], block: int) -> None:
    table = np.arange(200, dtype=np.float16).reshape(100, 2)
    store, indices = OnlySlices(table), np.array(positions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "READ_ROWS", block)
        rows = rows_at(store, indices)
    assert rows.dtype == np.float16 and rows.tolist() == table[indices].tolist()
    assert store.largest <= block


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.array([0, 100]), "position 100 is not one of the 100 rows"),
        (np.array([-1, 3]), "position -1 is not one of the 100 rows"),
        (np.array([], dtype=np.int64), "at least one"),
        (np.array([1.0]), "indices must be integers"),
        (np.array([[1]]), "indices must be integers"),
    ],
)
def test_positions_outside_the_pool_are_named(indices: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rows_at(np.ones((100, 2)), indices)
    with pytest.raises(ValueError, match=message):
        PickedRows(np.ones((100, 2)), indices)


def test_bad_input_is_named() -> None:
    pool = np.ones((10, 2))
    pool[7, 1] = np.nan
    with pytest.raises(FeatureError, match="pool row 7 has NaN"):
        coreset_metrics(TARGET, pool, np.array([1, 7]), k=1)
    assert coreset_metrics(TARGET, pool, np.array([1, 6]), k=1).picks == 2  # rows that were not picked are not read
    with pytest.raises(FeatureError, match="pool has 3 columns, expected 2"):
        coreset_metrics(TARGET, np.ones((4, 3)), np.array([0, 1]), k=1)
    with pytest.raises(ValueError, match="picked twice"):
        coreset_metrics(TARGET, pool, np.array([1, 1]), k=1)
    with pytest.raises(ValueError, match="target has 2 rows: k = 2"):
        density_and_coverage(TARGET, PICKS, k=2)
    with pytest.raises(ValueError, match="picks has 1 rows"):
        mmd2(TARGET, PICKS[:1])
    with pytest.raises(FeatureError, match="picks row 1 is all zero"):
        facility_location(TARGET, np.array([EAST, [0.0, 0.0]]))


def test_memory_is_that_of_a_few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BLOCK_ROWS", 256)
    monkeypatch.setattr(reading, "READ_ROWS", 256)
    rows = np.random.default_rng(0).normal(size=(8000, 64)).astype(np.float16)
    pool = OnlySlices(rows)
    tracemalloc.start()
    coreset_metrics(rows[:1000], pool, np.arange(0, 8000, 2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pool.largest <= 256
    assert peak < 4e6  # the picks in float32 are 1 MB, all their cosines 64 MB


def test_metrics_need_numpy_only() -> None:
    code = "import sys, baselines.metrics; print(*sorted({'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def _at(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
