from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from baselines import FeatureError
from baselines.core import products
from baselines.core import ranking as ranking_module
from baselines.core import threads as threads_module
from baselines.core.ranking import Candidates, FeatureRanking, SimilarityRanking
from baselines.core.rounds import greedy_rounds
from baselines.core.scoring import exact_scores, unit_rows


def full_order(sim: np.ndarray, taken: np.ndarray) -> list[list[int]]:
    free = [u for u in range(len(sim)) if not taken[u]]
    return [sorted(free, key=lambda u, c=c: (-sim[u, c], u)) for c in range(sim.shape[1])]


def check_beginnings(tops: list[Candidates], sim: np.ndarray, taken: np.ndarray) -> list[int]:
    """Every list begins the full order and carries its scores; returns the lengths."""
    for c, (candidates, order) in enumerate(zip(tops, full_order(sim, taken), strict=True)):
        positions = candidates.positions.tolist()
        assert positions == order[: len(positions)]
        assert candidates.scores.tolist() == sim[positions, c].astype(np.float64).tolist()
    return [candidates.positions.size for candidates in tops]


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 40), st.integers(1, 9), st.data())
def test_similarities_come_in_order(n: int, k: int, m: int, block_rows: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    sim = (rng.integers(-5, 6, (n, k)) / 8).astype(data.draw(st.sampled_from(["f4", "f8"])))
    taken = rng.random(n) < data.draw(st.sampled_from([0.0, 0.5]))
    lengths = check_beginnings(SimilarityRanking(sim, block_rows=block_rows).top(m, taken), sim, taken)
    free = int((~taken).sum())
    assert max(lengths) <= m
    if m >= free:
        assert lengths == [free] * k


def test_without_ties_all_m_are_given() -> None:
    sim = np.random.default_rng(0).permutation(3000).reshape(1000, 3).astype(np.float32)
    taken = np.zeros(1000, dtype=bool)
    assert check_beginnings(SimilarityRanking(sim, block_rows=64).top(37, taken), sim, taken) == [37] * 3


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 7), st.integers(1, 70), st.data())
def test_features_come_in_float64_order(
    sliced: Callable[[np.ndarray], Any], n: int, k: int, dim: int, m: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    rows = rng.integers(1, 5, (n, dim)).astype(data.draw(st.sampled_from(["f2", "f4", "f8"])))
    rows = rows[rng.integers(0, n, n)]  # duplicated rows
    centroids = unit_rows(rng.integers(1, 5, (k, dim)).astype(float))
    taken = rng.random(n) < data.draw(st.sampled_from([0.0, 0.5]))
    ranking = FeatureRanking(sliced(rows), centroids, block_rows=data.draw(st.integers(1, 80)))
    lengths = check_beginnings(ranking.top(m, taken), exact_scores(rows, centroids), taken)
    if m >= (~taken).sum():
        assert lengths == [(~taken).sum()] * k


@pytest.mark.parametrize("block_rows", [64, 1000, 8192])
@pytest.mark.parametrize("threads", [1, 2])
def test_rows_that_float32_cannot_tell_apart(block_rows: int, threads: int) -> None:
    rng = np.random.default_rng(7)
    rows = np.ones((4000, 48)) + 1e-4 * rng.standard_normal((4000, 48))  # cosines differ by about 1e-9
    centroids = unit_rows(rng.random((6, 48)) + 0.5)
    sim = exact_scores(rows, centroids)
    assert np.unique(sim[:, 0].astype(np.float32)).size < 400  # else the pool would not be hard
    taken = np.zeros(4000, dtype=bool)
    with threadpool_limits(threads):
        ranking = FeatureRanking(rows, centroids, block_rows=block_rows)
        assert check_beginnings(ranking.top(4000, taken), sim, taken) == [4000] * 6
        check_beginnings(ranking.top(300, taken), sim, taken)


def test_near_the_cut_only_certain_candidates_are_given() -> None:
    # Position 0 is best by far; float32 cannot tell 1 to 20 apart, so m = 3 cannot go past the first.
    angles = np.concatenate([[0.1], 0.5 + 1e-9 * np.arange(20)[::-1]])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tops = FeatureRanking(rows, np.array([[1.0, 0.0]])).top(3, np.zeros(21, dtype=bool))
    assert tops[0].positions.tolist() == [0]
    tops = FeatureRanking(rows, np.array([[1.0, 0.0]])).top(21, np.zeros(21, dtype=bool))
    assert tops[0].positions.tolist() == [0, *range(20, 0, -1)]


def test_most_of_the_list_is_certain_on_ordinary_features() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((20_000, 64)).astype(np.float32)
    tops = FeatureRanking(rows, unit_rows(rng.standard_normal((5, 64)))).top(500, np.zeros(20_000, dtype=bool))
    assert min(candidates.positions.size for candidates in tops) > 480


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("f2", -14, 10), ("f4", -120, 120), ("f8", -1000, 1000), ("f8", -130, 130)]
)
def test_extreme_lengths_do_not_move_the_order(dtype: str, low: int, high: int) -> None:
    rng = np.random.default_rng(4)
    plain = rng.integers(-16, 17, (300, 12)).astype(dtype)
    plain[:, 0] += 17
    rows = np.ldexp(plain, rng.integers(low, high + 1, (300, 1))).astype(dtype)
    centroids = unit_rows(rng.standard_normal((4, 12)))
    taken = np.zeros(300, dtype=bool)
    tops = FeatureRanking(rows, centroids, block_rows=50).top(100, taken)
    assert min(check_beginnings(tops, exact_scores(plain, centroids), taken)) > 90


def test_storage_does_not_matter(sliced: Callable[[np.ndarray], Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    wide = rng.standard_normal((500, 40)).astype(np.float16)
    rows, centroids = np.ascontiguousarray(wide[:, ::2]), unit_rows(rng.standard_normal((3, 20)))
    on_disk = np.memmap(tmp_path / "pool", dtype=np.float16, mode="w+", shape=rows.shape)
    on_disk[:] = rows
    taken = np.zeros(500, dtype=bool)
    expected = [list(map(np.ndarray.tolist, c)) for c in FeatureRanking(rows, centroids).top(50, taken)]
    for pool in (
        wide[:, ::2],
        np.asfortranarray(rows),
        on_disk,
        sliced(rows),
        rows.astype("f8"),
        rows.astype(">f4"),
    ):
        tops = FeatureRanking(pool, centroids, block_rows=77).top(50, taken)
        assert [list(map(np.ndarray.tolist, c)) for c in tops] == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_bad_pool_row_is_named(bad: float, dtype: str, device: str | None) -> None:
    rows = np.ones((100, 3), dtype=dtype)
    rows[71, : 2 if bad else 3] = bad
    ranking = FeatureRanking(rows, np.array([[0.6, 0.8, 0.0]]), block_rows=16, device=device)
    with pytest.raises(FeatureError, match="pool row 71 "):
        ranking.top(5, np.zeros(100, dtype=bool))


def test_the_longest_and_the_shortest_float16_rows() -> None:
    # 65504 is the largest float16, 6e-8 the smallest: neither is infinity, neither is zero.
    rows = np.array([[65504, 65504], [65504, 0], [6e-8, 6e-8], [6e-8, 0]], dtype=np.float16)
    [top] = FeatureRanking(rows, np.array([[0.8, 0.6]])).top(4, np.zeros(4, dtype=bool))
    assert top.positions.tolist() == [0, 2, 1, 3]
    assert top.scores.tolist() == pytest.approx([1.4 / 2**0.5, 1.4 / 2**0.5, 0.8, 0.8])


@settings(max_examples=60, deadline=None)
@given(st.integers(60, 900), st.integers(1, 4), st.integers(1, 500), st.booleans(), st.data())
def test_batches_go_on_where_they_ended(n: int, k: int, m: int, close: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    rows = (1 + (1e-4 if close else 1) * rng.standard_normal((n, 5))).astype(data.draw(st.sampled_from(["f4", "f8"])))
    centroids, taken = unit_rows(rng.random((k, 5)) + 0.1), rng.random(n) < 0.1
    orders = full_order(exact_scores(rows, centroids), taken)
    given: list[list[int]] = [[] for _ in range(k)]
    for batch in FeatureRanking(rows, centroids, block_rows=50).batches(m, taken):
        for c, candidates in enumerate(batch):
            given[c] += candidates.positions.tolist()
            # Rows that are taken from now on may come or not; all others come, in order.
            beginning = [position for position in given[c] if not taken[position]]
            order = [position for position in orders[c] if not taken[position]]
            assert beginning == order[: len(beginning)]
        taken |= rng.random(n) < 0.05
    if m >= n:
        assert all(
            set(order) - set(np.flatnonzero(taken)) <= set(got) for order, got in zip(orders, given, strict=True)
        )


def test_batches_together_are_the_top() -> None:
    rng = np.random.default_rng(2)
    rows, taken = rng.standard_normal((5000, 32)).astype(np.float16), np.zeros(5000, dtype=bool)
    ranking = FeatureRanking(rows, unit_rows(rng.standard_normal((7, 32))))
    batches = list(ranking.batches(1500, taken))
    assert len(batches) == 17  # of 93, the last of 12
    for c, whole in enumerate(ranking.top(1500, taken)):
        assert [p for batch in batches for p in batch[c].positions.tolist()] == whole.positions.tolist()
        assert [s for batch in batches for s in batch[c].scores.tolist()] == whole.scores.tolist()


def test_only_requested_rows_are_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    rows, taken = rng.standard_normal((20_000, 16)).astype(np.float32), np.zeros(20_000, dtype=bool)
    ranking, scored_lists = FeatureRanking(rows, unit_rows(rng.standard_normal((5, 16)))), []
    again = ranking._score_again

    def remembered(lists: list[np.ndarray]) -> list[np.ndarray]:
        scored_lists.append(np.stack(lists))
        return again(lists)

    monkeypatch.setattr(ranking, "_score_again", remembered)
    batches = ranking.batches(3200, taken)
    next(batches)
    taken[rng.permutation(20_000)[:10_000]] = True
    next(batches)
    assert [lists.shape for lists in scored_lists] == [(5, 200), (5, 200)]
    assert not taken[scored_lists[1]].any()


@pytest.mark.parametrize("way", [None, *products.WAYS])
@pytest.mark.parametrize("dtype", ["f2", "f4"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("floors", ["none at first", "of a sample"])
def test_shared_passes_give_the_float64_order(
    way: str | None, dtype: str, threads: int, floors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking_module, "WORTH_SHARING", 0)
    monkeypatch.setattr(ranking_module, "SAMPLED_ROWS", 0 if floors == "of a sample" else 10**9)
    monkeypatch.setattr(threads_module, "_cores", lambda: threads)
    monkeypatch.setattr(ranking_module, "cpu_product", partial(products.cpu_product, way=way))
    rng = np.random.default_rng(15)
    rows = (1 + 1e-3 * rng.standard_normal((6000, 40))).astype(dtype)
    rows[::7] = rows[3]
    centroids, taken = unit_rows(rng.random((6, 40)) + 0.5), rng.random(6000) < 0.2
    sim = exact_scores(rows, centroids)
    with threadpool_limits(threads):
        ranking = FeatureRanking(rows, centroids, block_rows=170)
        check_beginnings(ranking.top(300, taken), sim, taken)
        assert set(check_beginnings(ranking.top(6000, taken), sim, taken)) == {int((~taken).sum())}


def test_two_threads_name_the_first_bad_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "WORTH_SHARING", 0)
    monkeypatch.setattr(threads_module, "_cores", lambda: 2)
    rows = np.ones((1000, 3))
    rows[[555, 777]] = np.nan
    with threadpool_limits(2), pytest.raises(FeatureError, match="pool row 555 "):
        FeatureRanking(rows, np.array([[0.6, 0.8, 0.0]]), block_rows=16).top(5, np.zeros(1000, dtype=bool))


def test_a_pass_that_is_interrupted_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "WORTH_SHARING", 0)
    monkeypatch.setattr(threads_module, "_cores", lambda: 2)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ranking_module.Best, "take", interrupted)
    ranking = FeatureRanking(np.ones((1000, 3)), np.array([[0.6, 0.8, 0.0]]), block_rows=16)
    before = threading.active_count()
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(KeyboardInterrupt) as error:
            ranking.top(5, np.zeros(1000, dtype=bool))
        assert threading.active_count() == before, error  # whose frames hold what was not closed
        assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {2}


@pytest.mark.parametrize("sampled", ["like the others", "better than all others", "bad"])
def test_first_floors_from_a_sample(sampled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "SAMPLED_ROWS", 0)
    rng = np.random.default_rng(16)
    rows, centroids = rng.standard_normal((40_000, 8)), unit_rows(rng.standard_normal((3, 8)))
    seen = np.linspace(0, 40_000 - 32, 12).astype(int)[:, None] + np.arange(32)
    if sampled == "better than all others":
        rows[seen.reshape(-1)] = centroids.sum(axis=0) + 1e-3 * rng.standard_normal((seen.size, 8))
    rows[seen[0]] *= 0.0 if sampled == "bad" else 1e30
    taken = rng.random(40_000) < 0.3
    ranking = FeatureRanking(rows, centroids)
    if sampled == "bad":
        with pytest.raises(FeatureError, match="pool row 0 "):
            ranking.top(100, taken)
        return
    lengths = check_beginnings(ranking.top(100, taken), exact_scores(rows, centroids), taken)
    assert min(lengths) >= (99 if sampled == "like the others" else 1)
    picks = greedy_rounds(ranking, limit=900, first_m=100)
    monkeypatch.setattr(ranking_module, "SAMPLED_ROWS", 10**9)
    assert picks.indices.tolist() == greedy_rounds(ranking, limit=900, first_m=100).indices.tolist()


@pytest.mark.parametrize("sign", [1, -1])
def test_floors_below_zero_are_not_divided_by(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_module, "SAMPLED_ROWS", 0)
    rng = np.random.default_rng(17)
    rows, centroids = sign * rng.random((9000, 8)), unit_rows(rng.random((3, 8)))
    ranking, scaled = FeatureRanking(rows, centroids), []
    above_scaled = ranking._above_scaled
    monkeypatch.setattr(ranking, "_above_scaled", lambda floors: scaled.append(floors) or above_scaled(floors))
    taken = rng.random(9000) < 0.3
    assert min(check_beginnings(ranking.top(60, taken), exact_scores(rows, centroids), taken)) > 30
    assert len(scaled) == (sign > 0)


def test_blocks_are_never_a_power_of_two_wide() -> None:
    for width in (1, 65, 164, 228, 612, 2148, 10_000):
        assert ranking_module.cached_rows(width) % 32 == 16


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_the_device_does_not_move_the_candidates(device: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    rows = (1 + 0.01 * rng.standard_normal((3000, 40))).astype(dtype)
    rows[::7] = rows[3]
    rows[::11] *= 1e4 if dtype == "f2" else 1e30  # goes beyond what float32 can square
    centroids, taken = unit_rows(rng.random((6, 40)) + 0.5), rng.random(3000) < 0.2
    sim = exact_scores(rows, centroids)
    ranking = FeatureRanking(rows, centroids, block_rows=700, device=device)
    check_beginnings(ranking.top(100, taken), sim, taken)
    assert set(check_beginnings(ranking.top(3000, taken), sim, taken)) == {int((~taken).sum())}


def test_misuse_of_sources() -> None:
    with pytest.raises(ValueError, match="length 1, got lengths 2 to 2"):
        FeatureRanking(np.ones((3, 2)), np.array([[2.0, 0.0]]))
    with pytest.raises(ValueError, match="length 1"):
        FeatureRanking(np.ones((3, 2)), np.array([[np.nan, 0.0]]))
    with pytest.raises(FeatureError, match="pool has 2 columns, expected 3"):
        FeatureRanking(np.ones((3, 2)), np.eye(3))
    with pytest.raises(ValueError, match=r"2-d \[N, k\] and not empty, got shape \(0, 3\)"):
        SimilarityRanking(np.ones((0, 3)))
    with pytest.raises(ValueError, match="float32 or float64, got float16"):
        SimilarityRanking(np.ones((2, 3), dtype=np.float16))
    with pytest.raises(ValueError, match="similarity row 1 has NaN"):
        SimilarityRanking(np.array([[1.0], [np.nan]])).top(1, np.zeros(2, dtype=bool))
