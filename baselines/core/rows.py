"""Some rows of a table that can only be sliced: read in few ranges, or seen as a table of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import Features, check_rows

READ_ROWS = 4096
"""Most rows that one slice spans; those between two wanted ones are read along."""

Positions = NDArray[np.integer]

_GAP = 16  # rows that cost less to read along than another slice does


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows `positions` [m] of `table` [N, d], in this order, as a table [m, d] that is read when sliced."""

    table: Features
    positions: Positions

    def __len__(self) -> int:
        return self.positions.size

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        row_numbers = self.positions[rows]
        return rows_at(self.table, row_numbers) if row_numbers.size else np.asarray(self.table[0:0])


@dataclass(frozen=True, eq=False)
class PickedRows(Rows):
    """As `Rows`, for picks that may be anybody's.

    Raises ValueError for positions that are not of the table, FeatureError naming the row of the table that has NaN,
    infinity or only zeros when it is read.
    """

    def __post_init__(self) -> None:
        check_positions(self.positions, len(self.table))

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        picked = super().__getitem__(rows)
        check_picked(picked, self.positions[rows], "pool")
        return picked


def rows_at(table: Features, positions: Positions) -> NDArray[Any]:
    """The rows of `table` [N, d] at `positions` [m], in that order, as an array [m, d] of the table's type.

    Anything but an array is read in slices of at most `READ_ROWS` rows, each once and only near wanted rows.
    Raises ValueError for positions that are not of the table (negative ones would wrap around silently).
    """
    check_positions(positions, len(table))
    if isinstance(table, np.ndarray):
        return np.asarray(table[positions])
    order = np.argsort(positions, kind="stable")
    ascending = positions[order]
    cuts = np.flatnonzero((np.diff(ascending) > _GAP) | (np.diff(ascending // READ_ROWS) > 0)) + 1
    parts = [np.asarray(table[int(run[0]) : int(run[-1]) + 1])[run - run[0]] for run in np.split(ascending, cuts)]
    rows: NDArray[Any] = np.concatenate(parts)[np.argsort(order)]
    return rows


def check_positions(positions: Positions, n_rows: int) -> None:
    """Raise ValueError unless `positions` is an integer array [m], m >= 1, of positions among `n_rows` rows."""
    if positions.ndim != 1 or positions.size == 0 or not np.issubdtype(positions.dtype, np.integer):
        raise ValueError(f"indices must be integers [m], at least one, got {positions.dtype} {positions.shape}")
    low, high = int(positions.min()), int(positions.max())
    if low < 0 or high >= n_rows:
        raise ValueError(f"position {low if low < 0 else high} is not one of the {n_rows} rows")


def check_picked(rows: NDArray[Any], positions: Positions, name: str) -> None:
    """As `check_rows`, for the rows [m, d] of a table at `positions` [m]: the message gives the place in the table."""
    for odd in np.flatnonzero(~(np.isfinite(rows).all(axis=1) & rows.any(axis=1)))[:1]:
        check_rows(rows[odd : odd + 1], name, int(positions[odd]))


def checked_rows(table: Features, positions: Positions, name: str) -> NDArray[np.float64]:
    """The rows `positions` [m] of `table` [N, d] as float64 [m, d]. Raises FeatureError as `check_picked` does."""
    rows = rows_at(table, positions)
    check_picked(rows, positions, name)
    return np.asarray(rows, dtype=np.float64)


def sample_positions(n_rows: int, m: int, seed: int) -> NDArray[np.int64]:
    """min(m, n_rows) of the positions 0 … n_rows - 1, uniform without replacement, ascending."""
    if m >= n_rows:
        return np.arange(n_rows, dtype=np.int64)
    drawn = np.random.Generator(np.random.PCG64(seed)).choice(n_rows, size=m, replace=False, shuffle=False)
    return np.sort(drawn).astype(np.int64)
