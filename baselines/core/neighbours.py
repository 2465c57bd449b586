"""Nearest rows of a streamed table and the density of its rows, by faiss in float32."""

from __future__ import annotations

import math
from typing import Any

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
TRAINING_ROWS = 256
"""Rows per list that train the inverted file: more than faiss's k-means would use itself."""


def nearest_rows(
    queries: NDArray[np.float64], table: Features, m: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `m` rows of `table` [N, d] of highest cosine with each of the unit `queries` [n, d], 1 <= m <= N.

    Returns positions int64 [n, m] and cosines float32 [n, m], best first, ties by smaller position. The search is
    exhaustive; what float32 cannot tell apart may come in either order, the m-th and the one left out included.
    Reads the table once. Memory: n x 3 m numbers of 12 bytes and `SEARCH_ROWS` rows.

    Raises FeatureError for rows of `table`, called `name`, that `check_rows` refuses.
    """
    # Late: faiss is needed by few samplers. One BLAS thread, as more could move the last digits of a product.
    import faiss
    from threadpoolctl import threadpool_limits

    asked = queries.astype(np.float32)
    positions = np.empty((len(asked), 0), dtype=np.int64)
    cosines = np.empty((len(asked), 0), dtype=np.float32)
    for first, block in row_blocks(table, len(table), SEARCH_ROWS):
        check_rows(block, name, first)
        with threadpool_limits(1, user_api="blas"):
            found, inside = faiss.knn(asked, _unit32(block), min(m, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        positions = np.concatenate([positions, inside + first], axis=1)
        cosines = np.concatenate([cosines, found], axis=1)
        if cosines.shape[1] > m:
            kept = np.argpartition(-cosines, m - 1, axis=1)[:, :m]
            positions, cosines = _taken(positions, cosines, kept)
    return _taken(positions, cosines, np.lexsort((positions, -cosines), axis=1))


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
            squares, _ = index.search(_unit32(block), min(neighbours, len(table)))
            kernel = 1 - squares.astype(np.float64) / bandwidth**2
            total[first : first + len(block)] = np.maximum(kernel, 0).sum(axis=1)
    return np.maximum(total, 1)  # the row itself counts 1, which float32 may miss by a little


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


def _taken(
    positions: NDArray[np.int64], cosines: NDArray[np.float32], columns: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    return np.take_along_axis(positions, columns, axis=1), np.take_along_axis(cosines, columns, axis=1)
