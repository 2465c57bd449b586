"""Nearest rows taken in turns: in round r every query takes its r-th nearest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from baselines.core.neighbours import nearest_rows
from baselines.core.selection import Features


class Turns(NamedTuple):
    """Positions int64 [m] in the order taken, cosines float32 [m], the number of rounds."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]
    rounds: int


def round_robin(queries: NDArray[np.float64], table: Features, m: int, name: str) -> Turns:
    """The first `m` different rows of `table` [N, d] that the unit `queries` [n, d] take in turns, 1 <= m <= N.

    Order: by round; within a round by descending cosine to the query that takes it, ties by smaller position. So of
    the last round the most similar are kept. A row taken before is passed over, and its taker gets no other one.

    Reads the table once and, where the queries share so many rows that twice m / n rounds are not enough, again with
    four times as many. Memory: 36 bytes per query and round, 12 per row of the table. FeatureError as `nearest_rows`.
    """
    rounds = min(len(table), 2 * -(-m // len(queries)))
    taken, scores = _first_turns(queries, table, rounds, name)
    while np.count_nonzero(taken < rounds) < m:
        rounds = min(len(table), 4 * rounds)
        taken, scores = _first_turns(queries, table, rounds, name)
    order = np.lexsort((-scores, taken))[:m]
    return Turns(order.astype(np.int64), scores[order], int(taken[order[-1]]) + 1)


def _first_turns(
    queries: NDArray[np.float64], table: Features, rounds: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Round [N] in which every row of the table is taken first, `rounds` where it is not, and the best cosine then."""
    positions, cosines = nearest_rows(queries, table, rounds, name)
    turns = np.broadcast_to(np.arange(rounds), positions.shape)
    taken = np.full(len(table), rounds, dtype=np.int64)
    np.minimum.at(taken, positions, turns)
    scores = np.full(len(table), -np.inf, dtype=np.float32)
    first = turns == taken[positions]
    np.maximum.at(scores, positions[first], cosines[first])
    return taken, scores
