from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from baselines import BudgetError, FeatureError, SimCore
from baselines.core.kmeans import centroids
from baselines.core.ranking import FeatureRanking
from baselines.core.rounds import greedy_rounds
from baselines.core.scoring import exact_scores, unit_rows


def domain(n: int, dim: int, seed: int, dtype: str = "f4") -> np.ndarray:
    """Features in a cone, as of an encoder after its ReLU."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, dim)) + 1).astype(dtype)


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 60),
    n_target=st.integers(1, 8),
    dim=st.integers(1, 6),
    k=st.integers(1, 10),
    dtype=st.sampled_from(["f2", "f4", "f8"]),
    block_rows=st.sampled_from([1, 7, 32, 8192]),
    paper=st.booleans(),
    reference_round=st.integers(1, 5),
    data=st.data(),
)
def test_picks_from_features_are_the_references(
    reference: Callable[..., Any],
    same_picks: Callable[[Any, Any], None],
    n: int,
    n_target: int,
    dim: int,
    k: int,
    dtype: str,
    block_rows: int,
    paper: bool,
    reference_round: int,
    data: st.DataObject,
) -> None:
    seed = data.draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    target = rng.integers(1, 4, (n_target, dim)).astype(dtype)
    pool = rng.integers(1, 4, (n, dim)).astype(dtype)[rng.integers(0, n, n)]
    budget = data.draw(st.none() | st.integers(1, n))
    reading = SimCore.paper if paper else SimCore.released
    sampler = reading(k=k, tau=0.97, block_rows=block_rows, budget_factor=3, reference_round=reference_round)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters")  # repeated target rows
        picks = sampler.select(target, pool, budget=budget, seed=seed)
        sim = exact_scores(pool, centroids(target, k, seed=seed))
    rule = {} if budget else {"tau": 0.97, "reference_round": reference_round}
    modes = {"failing_round": sampler.failing_round, "overshoot": sampler.overshoot, "seed": seed}
    same_picks(picks, reference(sim, budget or 3 * n_target, **rule, **modes))
    assert json.loads(json.dumps(picks.info))["k"] == min(k, n_target)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("budget", [700, "12.5%", None])
def test_picks_are_those_of_any_float64_computation(
    reference: Callable[..., Any], dtype: str, budget: int | str | None
) -> None:
    target, pool = domain(200, 32, 0, dtype), domain(6000, 32, 1, dtype)
    sampler = SimCore.released(k=12)
    picks = sampler.select(target, pool, budget=budget)
    wide = pool.astype(np.float64)
    sim = wide / np.linalg.norm(wide, axis=1, keepdims=True) @ centroids(target, 12).T
    rule = {} if budget else {"tau": 0.95, "reference_round": 20, "failing_round": "dropped"}
    limit = {700: 700, "12.5%": 750, None: 10_000}[budget]
    expected = reference(sim, limit, **rule)
    assert picks.info["near_ties"] == 0
    assert picks.indices.tolist() == expected.indices
    assert picks.stopped_by == expected.stopped_by == ("budget" if budget else "threshold")
    np.testing.assert_allclose(picks.info["f_curve"], expected.values, rtol=1e-13)


def test_block_size_and_threads_do_not_move_anything(tmp_path: Path) -> None:
    target, pool = domain(100, 96, 2), domain(5000, 96, 3)
    on_disk = np.memmap(tmp_path / "pool", dtype=np.float32, mode="w+", shape=pool.shape)
    on_disk[:] = pool
    expected = SimCore(k=9).select(target, pool, budget=900)
    for block_rows in (1, 33, 4096, 10**9):
        for threads in (1, 2):
            for stored in (pool, on_disk, np.repeat(pool, 2, axis=1)[:, ::2]):
                with threadpool_limits(threads):
                    picks = SimCore(k=9, block_rows=block_rows).select(target, stored, budget=900)
                assert picks.indices.tobytes() == expected.indices.tobytes()
                assert picks.scores.tobytes() == expected.scores.tobytes()
                assert picks.info["f_curve"] == expected.info["f_curve"]


@pytest.mark.parametrize("budget", [900, None])
@pytest.mark.parametrize("device", [None, "cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_float16_memory_map_on_any_device(tmp_path: Path, device: str | None, budget: int | None) -> None:
    target, pool = domain(100, 96, 2, "f2"), domain(5000, 96, 3, "f2")
    np.save(tmp_path / "pool.npy", pool)
    on_disk = np.load(tmp_path / "pool.npy", mmap_mode="r")
    expected = SimCore(k=9, reference_round=2).select(target, pool.astype("f8"), budget=budget)
    for block_rows, threads in ((37, 1), (8192, 1), (8192, 2)):
        sampler = SimCore(k=9, reference_round=2, block_rows=block_rows, device=device)
        with threadpool_limits(threads):
            picks = sampler.select(target, on_disk, budget=budget)
        assert picks.indices.tobytes() == expected.indices.tobytes()
        assert picks.scores.tobytes() == expected.scores.tobytes()
        assert picks.info == expected.info


def test_a_ranking_of_ones_own() -> None:
    target, pool = domain(60, 8, 11), domain(900, 8, 12)
    sampler = SimCore.released(k=7, budget_factor=3)
    for budget in (50, None):
        expected = sampler.select(target, pool, budget=budget)
        ranking = FeatureRanking(pool, centroids(target, 7))
        picks = sampler.select_from(ranking, budget=budget, n_target=60)
        assert picks.indices.tolist() == expected.indices.tolist()
        assert picks.info == expected.info
    with pytest.raises(BudgetError, match="needs n_target"):
        sampler.select_from(ranking, budget=None)


@pytest.mark.parametrize("first_m", [1, 3, 50, 3000])
def test_first_m_does_not_move_the_picks_where_float32_is_blind(
    reference: Callable[..., Any], same_picks: Callable[[Any, Any], None], first_m: int
) -> None:
    rng = np.random.default_rng(8)
    pool = 1 + 1e-4 * rng.standard_normal((3000, 24))
    pool[::10] += 0.3 * rng.standard_normal((300, 24))
    pool[1::10] = pool[::10]
    centres = unit_rows(rng.random((5, 24)) + 0.5)
    picks = greedy_rounds(FeatureRanking(pool, centres, block_rows=500), limit=800, first_m=first_m)
    same_picks(picks, reference(exact_scores(pool, centres), 800))
    assert (picks.info["passes"] == 1) == (first_m == 3000)
    assert picks.info["near_ties"] > 0


def test_float16_and_its_float32_copy_give_the_same_picks() -> None:
    target, pool = domain(80, 16, 4, "f2"), domain(2000, 16, 5, "f2")
    half = SimCore(k=6).select(target, pool, budget=300)
    single = SimCore(k=6).select(target.astype("f4"), pool.astype("f4"), budget=300)
    assert half.indices.tolist() == single.indices.tolist()


def test_one_image_each() -> None:
    picks = SimCore().select(np.array([[1.0, 2.0]]), np.array([[2.0, 1.0]]), budget=1)
    assert picks.indices.tolist() == [0]
    assert picks.scores[0] == np.float32(0.8)
    assert SimCore().select(np.ones((1, 2)), np.ones((1, 2)), budget=None).stopped_by == "exhausted"


def test_one_centroid_is_the_order_of_its_column() -> None:
    target, pool = domain(50, 8, 6), domain(500, 8, 7)
    picks = SimCore(k=1).select(target, pool, budget=500)
    column = exact_scores(pool, centroids(target, 1))[:, 0]
    assert picks.indices.tolist() == np.argsort(-column, kind="stable").tolist()
    assert picks.info["trimmed"] == picks.info["duplicates"] == 0


def test_seed_moves_k_means_and_trimming_only_as_said() -> None:
    target, pool = domain(300, 8, 8), domain(1000, 8, 9)
    first = SimCore(k=7).select(target, pool, budget=200, seed=1)
    assert SimCore(k=7).select(target, pool, budget=200, seed=1).indices.tolist() == first.indices.tolist()
    assert SimCore(k=7).select(target, pool, budget=200, seed=2).indices.tolist() != first.indices.tolist()
    # Every image a centroid and no overshoot kept back: nothing is left to chance.
    every = SimCore.paper(k=300)
    one, two = (every.select(target, pool, budget=200, seed=seed) for seed in (1, 2))
    assert one.indices.tolist() == two.indices.tolist()


def test_k_means_starts_are_passed_on() -> None:
    target, pool = domain(300, 8, 8), domain(1000, 8, 9)
    picks = SimCore(k=7, n_init=8).select(target, pool, budget=200, seed=1)
    assert picks.indices.tolist() != SimCore(k=7).select(target, pool, budget=200, seed=1).indices.tolist()
    ranking = FeatureRanking(pool, centroids(target, 7, n_init=8, seed=1))
    assert picks.indices.tolist() == greedy_rounds(ranking, limit=200, seed=1).indices.tolist()


def test_readings_can_be_overridden() -> None:
    assert SimCore.released() == SimCore()
    assert SimCore.released(k=1, overshoot="keep") == SimCore(k=1, overshoot="keep")
    assert SimCore.paper(tau=0.5) == SimCore(tau=0.5, reference_round=1, failing_round="kept", overshoot="keep")


@pytest.mark.parametrize(
    "fields",
    [
        *({"k": 0}, {"k": 2.0}, {"k": True}, {"n_init": 0}, {"block_rows": -1}, {"reference_round": 0}),
        *({"budget_factor": 0}, {"tau": 0.0}, {"tau": 1.5}, {"tau": float("nan")}),
        *({"failing_round": "no"}, {"overshoot": "trimmed"}, {"device": 0}),
    ],
)
def test_bad_fields_are_refused_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))} must be "):
        SimCore(**fields)


def test_bad_input_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("k-means ran")

    monkeypatch.setattr("baselines.simcore.centroids", never)
    with pytest.raises(BudgetError, match="the pool has 3"):
        SimCore().select(np.ones((2, 2)), np.ones((3, 2)), budget=4)
    with pytest.raises(FeatureError, match="pool has 3 columns, expected 2"):
        SimCore().select(np.ones((2, 2)), np.ones((3, 3)), budget=1)
    with pytest.raises(FeatureError, match="pool is empty"):
        SimCore().select(np.ones((2, 2)), np.ones((0, 2)), budget=1)


def test_bad_rows_and_missing_cap() -> None:
    pool = np.ones((5, 2))
    pool[3] = np.nan
    with pytest.raises(FeatureError, match="pool row 3 has NaN"):
        SimCore().select(np.ones((2, 2)), pool, budget=1)
    with pytest.raises(FeatureError, match="target row 3 has NaN"):
        SimCore().select(pool, np.ones((2, 2)), budget=1)
    with pytest.raises(BudgetError, match="needs n_target"):
        SimCore().select_from_similarity(np.ones((5, 2)), budget=None)
