"""Some rows of a table as a table of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import rows_at
from baselines.core.selection import Features


class Rows:
    """The rows of `table` [N, d] at `positions` int64 [m], ascending and m >= 1, read only when they are asked for.

    Position i of the view is `positions[i]` of the table.
    """

    def __init__(self, table: Features, positions: NDArray[np.int64]) -> None:
        self._table = table
        self.positions = positions

    def __len__(self) -> int:
        return self.positions.size

    def __getitem__(self, rows: slice, /) -> NDArray[np.floating]:
        wanted = self.positions[rows]
        return rows_at(self._table, wanted) if wanted.size else np.asarray(self._table[0:0])
