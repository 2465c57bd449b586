"""What the samplers that read every row share: bad features are refused by name, and how a pool is stored or what
the global random state is moves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from baselines import SAMPLERS, BudgetError, FeatureError, Sampler

NAMES = ("mahalanobis", "knn", "classifier", "dsir", "tsds", "bloom")


class OnlySlices:
    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self.longest = 0

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice) -> Any:
        assert isinstance(rows, slice)
        part = self.table[rows]
        self.longest = max(self.longest, len(part))
        return part


def domain(n: int, dim: int, seed: int, dtype: str = "f4") -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, dim)) + 0.3).astype(dtype)


@pytest.fixture(params=NAMES)
def sampler(request: pytest.FixtureRequest) -> Sampler:
    return SAMPLERS[request.param].make()


def test_bad_features_are_named(sampler: Sampler) -> None:
    good = domain(30, 4, 0)
    for row, value, said in ((3, np.nan, "has NaN or infinity"), (7, np.inf, "has NaN"), (29, 0, "is all zero")):
        bad = good.copy()
        bad[row] = value
        with pytest.raises(FeatureError, match=f"pool row {row} {said}"):
            sampler.select(good, bad, budget=2)
        with pytest.raises(FeatureError, match=f"target row {row} {said}"):
            sampler.select(bad, good, budget=2)
    with pytest.raises(FeatureError, match="pool has 3 columns, expected 4: use one encoder for both"):
        sampler.select(good, good[:, :3], budget=2)
    with pytest.raises(FeatureError, match="pool is empty"):
        sampler.select(good, good[:0], budget=2)
    with pytest.raises(FeatureError, match="target is empty"):
        sampler.select(good[:0], good, budget=2)
    with pytest.raises(FeatureError, match="pool must be float16, float32 or float64, got int64"):
        sampler.select(good, good.astype(np.int64), budget=2)


def test_bad_rows_far_down_the_pool_are_named_by_their_place(sampler: Sampler) -> None:
    bad = np.ones((5000, 2))
    bad[4711] = np.nan
    with pytest.raises(FeatureError, match="pool row 4711 has NaN"):
        sampler.select(np.eye(2), bad, budget=2)


@pytest.mark.parametrize("budget", [0, 31, "0.001%", 1.5, True, None])
def test_bad_budgets_are_refused_before_any_row_is_read(sampler: Sampler, budget: Any) -> None:
    unread = domain(30, 4, 0)
    unread[20] = np.nan
    with pytest.raises(BudgetError, match=r"^budget "):
        sampler.select(unread, unread, budget=budget)


def test_budgets_are_met_to_the_row(sampler: Sampler) -> None:
    target, pool = domain(20, 6, 1), domain(333, 6, 2)
    for budget, images in ((1, 1), (7, 7), ("5%", 16), (333, 333), ("100%", 333)):
        picks = sampler.select(target, pool, budget=budget, seed=4)
        assert len(picks) == images
        assert set(picks.indices.tolist()) <= set(range(333))
        assert picks.stopped_by == "budget"
        assert json.loads(json.dumps(picks.info)) == picks.info


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bloom"])  # which takes in turns
def test_picks_come_in_the_order_of_their_scores(name: str) -> None:
    picks = SAMPLERS[name].make().select(domain(20, 6, 1), domain(333, 6, 2), budget=200)
    assert (np.diff(picks.scores) <= 0).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 3), (4, 1, 2), (2, 9, 1)])
def test_the_smallest_tables(sampler: Sampler, shape: tuple[int, int, int]) -> None:
    n_target, n_pool, dim = shape
    target, pool = np.abs(domain(n_target, dim, 3)) + 1, np.abs(domain(n_pool, dim, 4)) + 1
    assert sorted(sampler.select(target, pool, budget=n_pool).indices.tolist()) == list(range(n_pool))


def test_storage_and_threads_move_nothing(sampler: Sampler, tmp_path: Path) -> None:
    target, pool = domain(60, 16, 5, "f2"), domain(6000, 16, 6, "f2")
    expected = sampler.select(target, pool, budget=200, seed=7)
    on_disk = np.memmap(tmp_path / "pool", dtype=np.float16, mode="w+", shape=pool.shape)
    on_disk[:] = pool
    on_disk.flush()
    read_only = np.memmap(tmp_path / "pool", dtype=np.float16, mode="r", shape=pool.shape)
    np.random.seed(123)
    for threads in (1, 2):
        for stored in (read_only, pool.astype("f4"), pool.astype("f8"), np.repeat(pool, 2, axis=1)[:, ::2]):
            with threadpool_limits(threads):
                picks = sampler.select(target, stored, budget=200, seed=7)
            assert picks.indices.tobytes() == expected.indices.tobytes()
            assert picks.scores.tobytes() == expected.scores.tobytes()
    left = np.random.random()
    np.random.seed(123)
    assert np.random.random() == left  # nobody else drew from it


def test_the_pool_is_read_in_slices_of_bounded_length(sampler: Sampler) -> None:
    target, pool = domain(20, 4, 8), domain(20_000, 4, 9)
    seen = OnlySlices(pool)
    picks = sampler.select(OnlySlices(target), seen, budget=50)
    assert seen.longest <= 16384
    assert picks.indices.tolist() == sampler.select(target, pool, budget=50).indices.tolist()


def test_importing_costs_numpy_only() -> None:
    modules = ", ".join(SAMPLERS[name].path.partition(":")[0] for name in NAMES)
    heavy = "{'sklearn', 'scipy', 'faiss', 'threadpoolctl'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
