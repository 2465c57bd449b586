"""The rounds of SimCore spelled out slowly: full sorts, Python queues. The samplers are held against it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest


class Picks(NamedTuple):
    indices: list[int]
    scores: list[float]
    stopped_by: str
    values: list[float]
    threshold: float | None
    trimmed: int
    duplicates: int


def reference_rounds(
    sim: np.ndarray,
    limit: int,
    *,
    tau: float | None = None,
    reference_round: int = 1,
    failing_round: str = "kept",
    overshoot: str = "trim",
    seed: int = 0,
) -> Picks:
    """Algorithm 1 over a similarity matrix [N, k]; `tau` None is no stopping rule."""
    n, k = sim.shape
    queues = [deque(sorted(range(n), key=lambda u, c=c: (-sim[u, c], u))) for c in range(k)]
    rng = np.random.Generator(np.random.PCG64(seed))
    scores: dict[int, float] = {}
    values: list[float] = []
    threshold, trimmed, duplicates, stopped_by = None, 0, 0, "budget"
    while True:
        if len(scores) >= limit:
            break
        if len(scores) == n:
            stopped_by = "exhausted"
            break
        popped = []
        for queue in queues:
            while queue[0] in scores:
                queue.popleft()
            popped.append(queue.popleft())
        first = {u: float(sim[u, popped.index(u)]) for u in dict.fromkeys(popped)}
        duplicates += k - len(first)
        values.append(math.fsum(float(sim[u, c]) for c, u in enumerate(popped)) / k)
        failed = False
        if tau is not None:
            if len(values) == reference_round:
                threshold = tau * values[-1]
            failed = values[-1] < (0 if threshold is None else threshold)
        if failed and failing_round == "dropped":
            stopped_by = "threshold"
            break
        room = limit - len(scores)
        if overshoot == "trim" and len(first) > room:
            trimmed = len(first) - room
            kept = sorted(rng.choice(len(first), size=room, replace=False))
            first = {u: first[u] for u in np.array(list(first))[kept].tolist()}
        scores.update(first)
        if failed:
            stopped_by = "threshold"
            break
    return Picks(list(scores), list(scores.values()), stopped_by, values, threshold, trimmed, duplicates)


@pytest.fixture(scope="session")
def reference() -> Callable[..., Picks]:
    return reference_rounds


@pytest.fixture(scope="session")
def same_picks() -> Callable[[Any, Picks], None]:
    """Assert that a selection is, in every respect, what the reference did."""

    def check(selection: Any, expected: Picks) -> None:
        assert selection.indices.tolist() == expected.indices
        assert selection.scores.tolist() == np.array(expected.scores, dtype=np.float32).tolist()
        assert selection.stopped_by == expected.stopped_by
        assert selection.info["f_curve"] == expected.values
        assert selection.info["threshold"] == expected.threshold
        assert selection.info["trimmed"] == expected.trimmed
        assert selection.info["duplicates"] == expected.duplicates
        assert selection.info["rounds"] == len(expected.values)

    return check


class Sliced:
    """Rows that can be had by slice only, as from a sharded store; remembers the longest slice."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        self.longest = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice, /) -> Any:
        assert isinstance(rows, slice)
        part = self._rows[rows]
        self.longest = max(self.longest, len(part))
        return part


@pytest.fixture(scope="session")
def sliced() -> type[Sliced]:
    """Makes rows that are read in slices."""
    return Sliced
