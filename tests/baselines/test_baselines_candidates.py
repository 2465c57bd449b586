from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.candidates import Best, Rough


def kept(scores: np.ndarray, taken: np.ndarray, m: int, cuts: list[int], by_row: bool) -> list[Rough]:
    """What is left of the scores [k, n] when they come in blocks, in either memory order."""
    k, n = scores.shape
    bounds = [0, *sorted(cuts), n]
    widest = max(np.diff(bounds))
    best = Best(k, m, n=n, block_rows=int(widest), dtype=scores.dtype)
    for first, stop in pairwise(bounds):
        block = scores[:, first:stop]
        best.add(first, np.asfortranarray(block) if by_row else np.ascontiguousarray(block), taken[first:stop])
    return best.finish()


@settings(max_examples=200)
@given(st.integers(1, 300), st.integers(1, 5), st.integers(1, 60), st.booleans(), st.data())
def test_the_best_whatever_the_blocks(n: int, k: int, m: int, by_row: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    scores = rng.integers(-9, data.draw(st.sampled_from([10, 10**6])), (k, n)).astype(
        data.draw(st.sampled_from(["f4", "f8"]))
    )
    taken = rng.random(n) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    cuts = data.draw(st.lists(st.integers(1, n), max_size=6, unique=True))
    for candidates, row in zip(kept(scores, taken, m, cuts, by_row), scores, strict=True):
        free = np.sort(row[~taken])[::-1]
        floor = free[m] if free.size > m else -np.inf
        assert candidates.floor == floor
        assert sorted(candidates.positions.tolist()) == np.flatnonzero(~taken & (row > floor)).tolist()
        assert candidates.scores.tolist() == row[candidates.positions].tolist()


def test_hits_looked_for_before_the_floors_rose() -> None:
    rng = np.random.default_rng(2)
    scores, free = rng.random((3, 4000)), np.zeros(4000, dtype=bool)
    best = Best(3, 7, n=4000, block_rows=100, dtype=scores.dtype)
    blocks = [scores[:, first : first + 100] for first in range(0, 4000, 100)]
    early = [best.hits(block, None) for block in blocks]  # all scores: no floor has risen yet
    for number, hits in enumerate(early):
        best.take(100 * number, hits)
    for one, other in zip(best.finish(), kept(scores, free, 7, list(range(100, 4000, 100)), False), strict=True):
        assert one.floor == other.floor
        assert one.positions.tolist() == other.positions.tolist()


def test_hits_looked_for_while_a_floor_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may look for hits at any moment of a cut: what it finds by the lower floor is looked at again."""
    scores, free = np.random.default_rng(3).random((1, 31)), np.zeros(31, dtype=bool)
    scores[0, 30] = 0  # above the floor before the cut alone
    best = Best(1, 7, n=31, block_rows=30, dtype=scores.dtype)
    partition, meanwhile = np.partition, []

    def interrupted(values: np.ndarray, rank: int) -> np.ndarray:
        meanwhile.append(best.hits(scores[:, 30:], None))
        return partition(values, rank)

    monkeypatch.setattr(np, "partition", interrupted)
    best.add(0, scores[:, :30], free[:30])
    best.take(30, meanwhile[0])
    [kept_then] = best.finish()
    assert kept_then.floor == np.sort(scores[0])[-8]
    assert sorted(kept_then.scores) == np.sort(scores[0])[-7:].tolist()


def test_first_floors_leave_out_what_is_not_above_them() -> None:
    scores = np.arange(40.0)[None]
    best = Best(1, 10, n=40, block_rows=40, dtype=scores.dtype, floors=np.array([35.0]))
    best.add(0, scores, np.zeros(40, dtype=bool))
    [candidates] = best.finish()
    assert (candidates.positions.tolist(), candidates.floor) == ([36, 37, 38, 39], 35.0)


@pytest.mark.parametrize("order", [1, -1])
def test_a_pool_sorted_by_similarity(order: int) -> None:
    # Ascending, every row is above the floor when it comes: the floor has to rise all the time.
    scores = np.arange(5000, dtype=np.float32)[::order][None].repeat(2, axis=0)
    for candidates in kept(scores, np.zeros(5000, dtype=bool), 10, list(range(100, 5000, 100)), False):
        assert sorted(candidates.scores.tolist()) == list(range(4990, 5000))
        assert candidates.floor == 4989


def test_more_centroids_than_a_byte_counts() -> None:
    scores = np.random.default_rng(0).random((300, 50))
    for candidates, row in zip(kept(scores, np.zeros(50, dtype=bool), 3, [20], True), scores, strict=True):
        assert sorted(candidates.positions) == sorted(np.argsort(-row)[:3])
