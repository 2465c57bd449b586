"""Nearest rows taken in turns: in round r every query takes its r-th nearest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.ranking import Candidates, FeatureRanking, Mask
from baselines.core.selection import Features

GROWTH = 4
"""The neighbours kept per query grow by this factor when they bring too few rows."""
QUERIES = 4096
"""Queries compared with the table in one pass at most; more of them take further passes."""
PAIRS = 2**22
"""Candidates of all queries of one pass together, about 128 MiB while it runs."""


class Turns(NamedTuple):
    """Positions int64 [m] in the order taken, cosines float32 [m], the number of rounds."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]
    rounds: int


class _BestTurns(NamedTuple):
    """Of every row: the round int64 [N] (from 0) in which it is taken first, and the best cosine then; and the round
    from which on some query's neighbours are not known.
    """

    rounds: NDArray[np.int64]
    cosines: NDArray[np.float64]
    depth: int


def round_robin(queries: NDArray[np.float64], table: Features, m: int) -> Turns:
    """The first `m` different rows of `table` [N, d] that the unit `queries` [n, d] take in turns, 1 <= m <= N.

    Order: by round; within a round by descending cosine to the query that takes it, ties by smaller position. So of
    the last round the most similar are kept. A row taken before is passed over, and its taker gets no other one.

    Cosines and their order are those of an all-float64 computation (see `FeatureRanking`). Time: one pass over the
    table for 4096 queries, N n d multiplications, and again with four times the neighbours when they turn out too few.
    Memory: 16 bytes per row, besides the 2**22 candidates that are kept at a time. FeatureError as `FeatureRanking`.
    """
    n_rows = len(table)
    kept = min(n_rows, GROWTH * -(-m // len(queries)) + 16)
    while True:
        best = _search(queries, table, kept)
        taken = np.flatnonzero(best.rounds < best.depth)
        if taken.size >= m:
            break
        kept = min(n_rows, GROWTH * kept)
    order = taken[np.lexsort((taken, -best.cosines[taken], best.rounds[taken]))][:m]
    return Turns(order, best.cosines[order].astype(np.float32), int(best.rounds[order[-1]]) + 1)


def _search(queries: NDArray[np.float64], table: Features, kept: int) -> _BestTurns:
    n_rows = len(table)
    rounds, cosines, depth = np.full(n_rows, n_rows), np.full(n_rows, -np.inf), n_rows
    for near, scores in exact_neighbours(queries, table, kept, np.zeros(n_rows, dtype=np.bool_)):
        turn = np.arange(near.size)
        better = (turn < rounds[near]) | ((turn == rounds[near]) & (scores > cosines[near]))
        rounds[near[better]], cosines[near[better]] = turn[better], scores[better]
        depth = min(depth, near.size)
    return _BestTurns(rounds, cosines, depth)


def exact_neighbours(queries: NDArray[np.float64], table: Features, m: int, taken: Mask) -> Iterator[Candidates]:
    """Yield for each of the unit `queries` [n, d] the certain beginning of the order of the rows of `table` [N, d]
    that are not in `taken` bool [N]: descending cosine, ties by smaller position.

    A list is up to `m` long, may be shorter where rows around the m-th are too close to call, and is complete where `m`
    is at least the number of free rows (see `Ranking.top`). ceil(n / min(4096, 2**22 / m)) passes over the table.
    """
    step = max(1, min(QUERIES, PAIRS // m))
    for first in range(0, len(queries), step):
        yield from FeatureRanking(table, queries[first : first + step]).top(m, taken)
