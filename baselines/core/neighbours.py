"""Nearest rows of a streamed table and the density of its rows, by faiss in float32."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import unit_rows
from baselines.core.selection import Features, check_rows, row_blocks

SEARCH_ROWS = 16384
"""Rows of the table searched at once. Fixed, because the last digits of a matrix product may depend on it."""
FLAT_ROWS = 20_000
"""Up to so many rows densities are exact; beyond, an inverted file as in TSDS's released code searches for them."""
PROBES = 10
"""Lists of the inverted file that are searched, as in the released code."""
FEW = 64
"""Neighbours searched for at first, where most rows need no more."""
TRAINING_ROWS = 256
"""Rows per list that train the inverted file: more than faiss's k-means would use itself."""


def nearest_rows(
    queries: NDArray[np.float64], table: Features, m: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `m` rows of `table` [N, d] of highest cosine with each of the unit `queries` [n, d], 1 <= m <= N.

    Returns positions int64 [n, m] and cosines float32 [n, m], best first, ties by smaller position. The search is
    exhaustive; what float32 cannot tell apart may come in either order, the m-th and the one left out included.
    Reads the table once. Memory: about 36 bytes per query and neighbour, and `SEARCH_ROWS` rows.

    Raises FeatureError for rows of `table`, called `name`, that `check_rows` refuses.
    """
    # Late: only some samplers need it. One BLAS thread, as more could move the last digits of a product.
    from threadpoolctl import threadpool_limits

    unit_queries = queries.astype(np.float32)
    best = _Best(np.full((len(unit_queries), m), -1), np.full((len(unit_queries), m), -np.inf, dtype=np.float32))
    with threadpool_limits(1, user_api="blas"):
        for first, block in row_blocks(table, len(table), SEARCH_ROWS):
            check_rows(block, name, first)
            _search(unit_queries, _unit32(block), first, best)
    order = np.lexsort((best.positions, -best.cosines), axis=1)
    return np.take_along_axis(best.positions, order, axis=1), np.take_along_axis(best.cosines, order, axis=1)


def densities(table: Features, bandwidth: float, neighbours: int) -> NDArray[np.float64]:
    """Kernel density [N] of every row of `table` [N, d] among all of them, rows checked, at unit length.

    The sum of max(0, 1 - |x - y|^2 / bandwidth^2) over the row itself and its nearest rows y, `neighbours` in all:
    1 for a row that has no other within `bandwidth`, about r for one of r copies.

    Up to `FLAT_ROWS` rows the search is exhaustive. Beyond, it looks into the `PROBES` nearest of sqrt(N) / 2 lists
    and may miss neighbours, which lowers the density. Memory: N x d float32 numbers.
    """
    from threadpoolctl import threadpool_limits

    total = np.empty(len(table))
    with threadpool_limits(1, user_api="blas"):
        index = _index(table)
        for first, block in row_blocks(table, len(table), SEARCH_ROWS):
            rows = _unit32(block)
            part = total[first : first + len(rows)]
            squares, part[:] = _kernel_sums(index, rows, bandwidth, min(FEW, neighbours))
            # Most rows have few others within the bandwidth; only those with more are worth a long search.
            crowded = squares[:, -1] < bandwidth**2
            if neighbours > FEW and crowded.any():
                _, part[crowded] = _kernel_sums(index, rows[crowded], bandwidth, neighbours)
    return np.maximum(total, 1)  # the row itself counts 1, which float32 may miss by a little


class _Best(NamedTuple):
    """The best found so far, in no order: positions int64 [n, m] and cosines float32 [n, m], -inf where none yet."""

    positions: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def add(self, rows: NDArray[np.intp], positions: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
        """Take what was found for the queries `rows` [q]: positions and cosines [q, k]."""
        m = self.cosines.shape[1]
        joined = np.concatenate([self.cosines[rows], cosines], axis=1)
        kept = np.argpartition(-joined, m - 1, axis=1)[:, :m]
        self.cosines[rows] = np.take_along_axis(joined, kept, axis=1)
        self.positions[rows] = np.take_along_axis(
            np.concatenate([self.positions[rows], positions], axis=1), kept, axis=1
        )


def _search(unit_queries: NDArray[np.float32], block: NDArray[np.float32], first: int, best: _Best) -> None:
    """Add to `best` what the unit rows `block`, of positions from `first` on, have for `unit_queries`."""
    import faiss

    m = best.cosines.shape[1]
    most = min(m, len(block))
    # In a pool without order a block has its share of the best so far; more than that is searched for where needed.
    few = min(most, 3 * m * len(block) // (2 * (first + len(block))) + FEW) if first >= m else most
    cosines, inside = faiss.knn(unit_queries, block, few, metric=faiss.METRIC_INNER_PRODUCT)
    short = (cosines[:, -1] > best.cosines.min(axis=1)) & (few < most)
    rows = np.flatnonzero(~short)
    best.add(rows, inside[rows] + first, cosines[rows])
    rows = np.flatnonzero(short)
    if rows.size:
        cosines, inside = faiss.knn(unit_queries[rows], block, most, metric=faiss.METRIC_INNER_PRODUCT)
        best.add(rows, inside + first, cosines)


def _kernel_sums(
    index: Any, rows: NDArray[np.float32], bandwidth: float, neighbours: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Squared distances [b, neighbours] of `rows` [b, d] to their nearest in the index, nearest first (huge where
    there are fewer), and the sums [b] of the kernel over these."""
    squares, _ = index.search(rows, min(neighbours, index.ntotal))
    kernel = 1 - squares.astype(np.float64) / bandwidth**2
    return squares, np.maximum(kernel, 0).sum(axis=1)


def _index(table: Features) -> Any:
    """A faiss index of the unit rows of `table` by Euclidean distance: flat, or an inverted file where it is long."""
    import faiss

    n, dim = len(table), np.asarray(table[0:1]).shape[1]
    index: Any = faiss.IndexFlatL2(dim)
    if n > FLAT_ROWS:
        lists = math.isqrt(n) // 2
        index = faiss.IndexIVFFlat(index, dim, lists)
        index.nprobe = PROBES
        index.train(_evenly(table, TRAINING_ROWS * lists))
    for _, block in row_blocks(table, n, SEARCH_ROWS):
        index.add(_unit32(block))
    return index


def _evenly(table: Features, m: int) -> NDArray[np.float32]:
    """At least `m` rows, or all, in even steps through `table`, at unit length."""
    step = max(1, len(table) // m)
    parts = [block[-first % step :: step] for first, block in row_blocks(table, len(table), SEARCH_ROWS)]
    return _unit32(np.concatenate(parts))


def _unit32(rows: NDArray[Any]) -> NDArray[np.float32]:
    return unit_rows(rows).astype(np.float32)
