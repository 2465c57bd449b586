"""Some rows of a table that can only be sliced: read in few ranges, or seen as a table of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import FeatureError, Features, check_rows

READ_ROWS = 4096
"""Most rows that one slice spans; those between two wanted ones are read along."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows `positions` int64 [m], ascending, of `table` [N, d], as a table [m, d] that is read when sliced."""

    table: Features
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        return self.positions.size

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        wanted = self.positions[rows]
        if not wanted.size:
            return np.asarray(self.table[0:0])
        return np.concatenate([np.asarray(self.table[a:b])[inside] for a, b, inside in _ranges(wanted)])


def checked_rows(table: Features, positions: NDArray[np.int64], name: str) -> NDArray[np.float64]:
    """The rows `positions` [m], ascending, of `table` [N, d] as float64 [m, d].

    Raises FeatureError as `check_rows` does, with the row's place in the table.
    """
    rows = Rows(table, positions)[0 : positions.size]
    try:
        check_rows(rows, name)
    except FeatureError:  # it counted the row among those wanted
        for row, position in zip(rows, positions.tolist(), strict=True):
            check_rows(row[None], name, position)
    return np.asarray(rows, dtype=np.float64)


def sample_positions(n_rows: int, m: int, seed: int) -> NDArray[np.int64]:
    """min(m, n_rows) of the positions 0 … n_rows - 1, uniform without replacement, ascending."""
    if m >= n_rows:
        return np.arange(n_rows, dtype=np.int64)
    drawn = np.random.Generator(np.random.PCG64(seed)).choice(n_rows, size=m, replace=False, shuffle=False)
    return np.sort(drawn).astype(np.int64)


def _ranges(positions: NDArray[np.int64]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield (first row, stop row, wanted rows counted from the first) for every range that has a wanted row."""
    cuts = np.flatnonzero(np.diff(positions // READ_ROWS)) + 1
    for part in np.split(positions, cuts):
        yield int(part[0]), int(part[-1]) + 1, part - part[0]
