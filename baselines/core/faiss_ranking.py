"""Candidates from a faiss index: approximate, for pools that are indexed anyway. `FeatureRanking` is the exact way."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.candidates import Candidates, Mask, Ranking, ordered
from baselines.core.ranking import BLOCK_ROWS
from baselines.core.scoring import error_32, unit_rows
from baselines.core.selection import Features, check_rows, check_shape, row_blocks


class FaissRanking(Ranking):
    """Candidates that `index` finds for `centroids` [k, d] of length 1, by the inner product that it reports.

    index: a faiss index over the L2-normalised pool, metric inner product, positions as ids; see `faiss_index`. With
        "Flat" the picks are the exact ones but for the order of rows whose scores float32 cannot tell apart. Others
        miss rows and know quantised ones by their approximate scores: so many picks are others, and a round's value
        is not SimCore's.

    Nothing is scored again. A search keeps the m best of every centroid in memory, 12 bytes each.

    Raises ValueError for an index of another metric or width, and, when it is asked, if it finds no free row for a
    centroid although all of them are asked for: such an index has to visit more cells.
    """

    def __init__(self, index: Any, centroids: NDArray[np.floating]) -> None:
        import faiss  # late: only who uses it pays for it

        self.k, dim = centroids.shape
        if index.metric_type != faiss.METRIC_INNER_PRODUCT or index.d != dim:
            raise ValueError(
                f"index must have metric inner product and d = {dim}, got metric {index.metric_type}, d = {index.d}"
            )
        self.n = index.ntotal
        self.rounding = 2 * error_32(dim)
        self._index = index
        self._queries = np.ascontiguousarray(centroids, dtype=np.float32)

    def top(self, m: int, taken: Mask) -> list[Candidates]:
        """See `Ranking.top`, but that rows the index does not find are missing."""
        scores, positions = self._index.search(self._queries, m, params=self._only_free(taken))
        by_centroid = [ordered(ids[ids >= 0], row[ids >= 0]) for ids, row in zip(positions, scores, strict=True)]
        if m >= self.n and not all(candidates.positions.size for candidates in by_centroid):
            raise ValueError("the index finds no free row for a centroid any more: let it visit more cells (nprobe)")
        return by_centroid

    def _only_free(self, taken: Mask) -> Any:
        """faiss search parameters that leave out what is taken and else are the index's own."""
        faiss: Any = importlib.import_module("faiss")  # its types do not know the parameters' fields

        if not taken.any():
            return None
        free = faiss.IDSelectorBitmap(np.packbits(~taken, bitorder="little"))
        if hasattr(self._index, "nprobe"):
            return faiss.SearchParametersIVF(sel=free, nprobe=self._index.nprobe)
        if hasattr(self._index, "hnsw"):
            return faiss.SearchParametersHNSW(sel=free, efSearch=self._index.hnsw.efSearch)
        return faiss.SearchParameters(sel=free)


def faiss_index(pool: Features, factory: str, *, train_rows: int = 100_000) -> Any:
    """A faiss index of inner product over the L2-normalised rows of `pool` [N, d], read block by block.

    factory: as in `faiss.index_factory`: "Flat", "IVF1024,Flat", "HNSW32". Flat ones hold the pool in float32.
    train_rows: about so many rows, evenly spaced, teach an index that has to learn its cells.

    Raises FeatureError as `check_shape` and `check_rows` do.
    """
    import faiss

    n, dim = check_shape(pool, "pool")
    index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        step = -(-n // train_rows)
        parts = [rows[-first % step :: step] for first, rows in row_blocks(pool, n, BLOCK_ROWS)]
        index.train(_unit(np.concatenate(parts), 0))
    for first, rows in row_blocks(pool, n, BLOCK_ROWS):
        index.add(_unit(rows, first))
    return index


def _unit(rows: NDArray[Any], first: int) -> NDArray[np.float32]:
    check_rows(rows, "pool", first)
    return unit_rows(rows).astype(np.float32)
