from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.core.shares import even_shares


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_small_groups_give_all_and_the_others_the_same() -> None:
    assert even_shares(np.array([2, 50, 9, 50]), 26, rng()).tolist() == [2, 8, 8, 8]
    assert even_shares(np.array([2, 50, 0, 50]), 102, rng()).tolist() == [2, 50, 0, 50]
    assert even_shares(np.array([3, 3]), 0, rng()).tolist() == [0, 0]


def test_weights_set_the_proportion_until_a_group_is_empty() -> None:
    assert even_shares(np.array([100, 100, 100]), 60, rng(), np.array([1, 2, 3])).tolist() == [10, 20, 30]
    assert even_shares(np.array([100, 5, 100]), 65, rng(), np.array([1, 2, 3])).tolist() == [15, 5, 45]
    assert even_shares(np.array([100, 100]), 7, rng(), np.array([0, 1])).tolist() == [0, 7]
    # 10 over weights 1 : 2 is 3.33 and 6.67: the larger remainder gets the odd one.
    assert even_shares(np.array([100, 100]), 10, rng(), np.array([1, 2])).tolist() == [3, 7]


def test_the_odd_ones_are_drawn() -> None:
    shares = [tuple(even_shares(np.array([9, 9, 9]), 4, rng(seed)).tolist()) for seed in range(30)]
    assert set(shares) == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.data())
def test_shares_are_level(sizes: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(sizes)))
    shares = even_shares(np.array(sizes), total, rng()).tolist()
    assert sum(shares) == total
    top = max(shares)
    assert all(top - 1 <= share <= size or share == size for share, size in zip(shares, sizes, strict=True))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), min_size=1, max_size=12), st.data())
def test_weighted_shares_are_within_one_of_the_level(groups: list[tuple[int, int]], data: st.DataObject) -> None:
    sizes, weights = (np.array(column) for column in zip(*groups, strict=True))
    total = data.draw(st.integers(0, int(sizes.sum())))
    shares = even_shares(sizes, total, rng(), weights)
    assert shares.sum() == total
    assert np.all(shares <= sizes)
    with_room = shares < sizes
    if with_room.any():
        level = ((shares + 1) / weights)[with_room].min()  # of the group that is furthest behind
        assert np.all(shares - 1 <= level * weights + 1e-6)


def test_more_than_there_is_cannot_be_spread() -> None:
    with pytest.raises(ValueError, match="4 picks cannot come from groups that hold 3"):
        even_shares(np.array([1, 2]), 4, rng())
