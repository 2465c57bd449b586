from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.round_robin import round_robin
from baselines.core.scoring import unit_rows


def in_turns(cosines: np.ndarray, m: int) -> tuple[list[int], list[float], int]:
    """Round after round, by the rule as it is written."""
    orders = np.argsort(-cosines, axis=1, kind="stable")
    taken: list[int] = []
    scores: list[float] = []
    rounds = 0
    while len(taken) < m:
        best: dict[int, float] = {}
        for query, row in enumerate(orders[:, rounds].tolist()):
            if row not in taken:
                best[row] = max(best.get(row, -2), cosines[query, row])
        for row in sorted(best, key=lambda row: (-best[row], row)):
            taken.append(row)
            scores.append(best[row])
        rounds += 1
    return taken[:m], scores[:m], rounds


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 8), n_table=st.integers(1, 30), shared=st.booleans(), data=st.data())
def test_turns_are_those_of_the_rule(n: int, n_table: int, shared: bool, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, n_table))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    # Queries that are nearly the same share their nearest rows, so that many rounds are needed.
    queries = unit_rows(rng.standard_normal((1, 4)) + (1e-3 if shared else 1) * rng.standard_normal((n, 4)))
    table = rng.standard_normal((n_table, 4))
    turns = round_robin(queries, table, m)
    positions, scores, rounds = in_turns(queries @ unit_rows(table).T, m)
    assert turns.positions.tolist() == positions
    np.testing.assert_allclose(turns.scores, scores, atol=1e-6)
    assert turns.rounds == rounds


def test_by_hand() -> None:
    queries = np.array([[1.0, 0.0], [0.0, 1.0]])
    table = np.array([[3.0, 4.0], [1.0, 0.0], [1.0, 0.1], [0.6, 0.8]])
    # Round 1: query 0 takes row 1, query 1 row 0 (3 ties and comes later). Round 2: rows 2 and 3.
    turns = round_robin(queries, table, 4)
    assert turns.positions.tolist() == [1, 0, 2, 3]
    np.testing.assert_allclose(turns.scores, [1, 0.8, 1 / np.sqrt(1.01), 0.8], rtol=1e-6)
    assert turns.rounds == 2
