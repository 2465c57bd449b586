from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines import FeatureError
from baselines.core import rows as module
from baselines.core.rows import Rows, checked_rows, sample_positions


class OnlySlices:
    """A table that can only be sliced, and tells how many rows each slice asked for."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self.lengths: list[int] = []

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: slice) -> Any:
        assert isinstance(rows, slice)
        self.lengths.append(len(self.table[rows]))
        return self.table[rows]


@given(st.integers(1, 40), st.integers(1, 9), st.data())
def test_rows_are_those_of_the_table(n: int, read_rows: int, data: st.DataObject) -> None:
    table = np.arange(2.0 * n).reshape(n, 2)
    positions = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1)))), dtype=np.int64)
    first, stop = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    before, module.READ_ROWS = module.READ_ROWS, read_rows
    try:
        seen = OnlySlices(table)
        part = Rows(seen, positions)[first:stop]
    finally:
        module.READ_ROWS = before
    assert part.tolist() == table[positions[first:stop]].tolist()
    assert part.shape[1] == 2
    assert max(seen.lengths) <= read_rows
    assert len(Rows(table, positions)) == positions.size


def test_bad_rows_are_named_by_their_place_in_the_table() -> None:
    table = np.ones((9000, 2), dtype=np.float32)
    table[8000] = 0
    table[7000, 1] = np.nan
    assert checked_rows(table, np.array([1, 6999, 8999]), "pool").dtype == np.float64
    with pytest.raises(FeatureError, match="pool row 8000 is all zero"):
        checked_rows(table, np.array([5, 8000]), "pool")
    with pytest.raises(FeatureError, match="pool row 7000 has NaN"):
        checked_rows(table, np.array([5, 7000, 8000]), "pool")


def test_samples_are_distinct_ascending_and_uniform() -> None:
    assert sample_positions(5, 5, 0).tolist() == sample_positions(5, 99, 1).tolist() == [0, 1, 2, 3, 4]
    counts = np.zeros(10)
    for seed in range(3000):
        drawn = sample_positions(10, 3, seed)
        assert (np.diff(drawn) > 0).all()
        counts[drawn] += 1
    # 900 expected, standard deviation 25; the seeds are fixed, so this cannot fail by chance.
    assert np.abs(counts - 900).max() < 100
