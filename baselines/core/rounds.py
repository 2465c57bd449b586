"""The rounds of SimCore: every centroid picks its best free row, round after round (SimCore, Algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from baselines.core.candidates import Candidates, Ranking
from baselines.core.selection import Selection, StoppedBy

FailingRound = Literal["kept", "dropped"]
Overshoot = Literal["trim", "keep"]

GROWTH = 4
"""Candidates per centroid grow by this factor when a centroid runs dry."""
MAX_PAIRS = 2**22
"""Candidates of all centroids together beyond which they stop growing, unless nothing else helps."""

_CHUNK = 256  # candidates turned into Python numbers at a time


@dataclass(frozen=True)
class StopRule:
    """Stop at the first round whose value is below `tau` times that of round `reference_round` (from 1).

    The threshold is 0 until that round, as in the released code: only a round of negative value can stop
    before.
    failing_round: whether the picks of the round that fell below belong to the selection.
    """

    tau: float
    reference_round: int
    failing_round: FailingRound


@dataclass
class _Rounds:
    """What has been picked so far, and the story of it."""

    taken: NDArray[np.bool_]
    picked: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    threshold: float | None = None
    duplicates: int = 0
    trimmed: int = 0

    def add(self, fresh: dict[int, float]) -> None:
        self.picked.extend(fresh)
        self.scores.extend(fresh.values())
        self.taken[list(fresh)] = True


class _Queues:
    """One queue of candidates per centroid, filled from a ranking; asks for more only when one runs dry."""

    def __init__(self, ranking: Ranking, m: int, taken: NDArray[np.bool_]) -> None:
        self._ranking = ranking
        self._taken = taken
        self._view = taken.data  # a memoryview reads single flags several times faster than the array does
        self._batches: Iterator[list[Candidates]] = iter(())
        self._queues: list[Iterator[tuple[int, float]]] = []
        self._given = np.zeros(ranking.k, dtype=np.int64)  # candidates of this pass, per centroid
        self._last = [math.inf] * ranking.k
        self.m = m
        self.passes = 0
        self.near_ties = 0
        self._begin_pass()

    def pop(self, centroid: int) -> tuple[int, float]:
        """Take the best row of `centroid` that no earlier round has taken; there must be one."""
        while True:
            for position, score in self._queues[centroid]:
                if not self._view[position]:
                    self.near_ties += self._last[centroid] - score <= self._ranking.rounding
                    self._last[centroid] = score
                    return position, score
            self._refill(centroid)

    def _refill(self, dry: int) -> None:
        """Append the next batch of every centroid; when the pass has none left, begin another with more room."""
        batch = next(self._batches, None)
        if batch is None:
            self._grow(fruitless=not self._given[dry])
            self._begin_pass()
            return
        for centroid, candidates in enumerate(batch):
            self._given[centroid] += candidates.positions.size
            self._queues[centroid] = chain(self._queues[centroid], self._stream(candidates))

    def _begin_pass(self) -> None:
        """Forget the old candidates; those already taken leave room for further ones."""
        self.m = min(self.m, self._ranking.n)
        self.passes += 1
        self._queues = [iter(()) for _ in self._given]
        self._given[:] = 0
        self._batches = self._ranking.batches(self.m, self._taken)

    def _grow(self, fruitless: bool) -> None:
        ceiling = max(self.m, MAX_PAIRS // self._ranking.k)
        self.m = self.m * GROWTH if fruitless else min(self.m * GROWTH, ceiling)

    def _stream(self, candidates: Candidates) -> Iterator[tuple[int, float]]:
        for start in range(0, candidates.positions.size, _CHUNK):
            positions = candidates.positions[start : start + _CHUNK]
            free = ~self._taken[positions]
            scores = candidates.scores[start : start + _CHUNK]
            yield from zip(positions[free].tolist(), scores[free].tolist(), strict=True)


def greedy_rounds(
    ranking: Ranking,
    *,
    limit: int,
    rule: StopRule | None = None,
    overshoot: Overshoot = "trim",
    seed: int = 0,
    first_m: int | None = None,
) -> Selection:
    """Pick rows round by round until `limit` rows are picked, `rule` stops it, or no row is left.

    In a round every centroid in turn takes its best row that no earlier round has taken. Two centroids may
    take the same one: it is picked once, at its first occurrence, with that centroid's score. The value of a
    round is the mean of the scores over the centroids, exactly rounded, such a row counted for each of them.

    limit: rows to pick; may exceed the pool, which then ends "exhausted".
    overshoot: what becomes of a last round that goes beyond `limit`: "trim" keeps a uniform draw (by `seed`)
        that fills it exactly, in pick order; "keep" keeps all.
    first_m: candidates per centroid in the first pass; moves time and memory only.

    A round below the threshold ends "threshold" even if, being kept, it also reaches the limit. Raises
    ValueError for `limit` or `first_m` below 1.
    """
    first = suggested_m(limit, ranking.k, ranking.margin) if first_m is None else first_m
    if limit < 1 or first < 1:
        raise ValueError(f"limit and first_m must be at least 1, got {limit} and {first}")
    rounds = _Rounds(taken=np.zeros(ranking.n, dtype=np.bool_))
    queues = _Queues(ranking, first, rounds.taken)
    rng = np.random.Generator(np.random.PCG64(seed))
    dropped = rule is not None and rule.failing_round == "dropped"
    stopped_by: StoppedBy | None = None
    while stopped_by is None:
        fresh = _one_round(queues, rounds, ranking.k)
        failed = rule is not None and _falls_below(rule, rounds)
        if not (failed and dropped):
            rounds.add(_fitting(fresh, limit, overshoot, rng, rounds))
        stopped_by = "threshold" if failed else _end(len(rounds.picked), limit, ranking.n)
    return Selection(
        np.array(rounds.picked, dtype=np.int64),
        np.array(rounds.scores, dtype=np.float32),
        stopped_by,
        _info(rounds, queues, ranking, rule),
    )


def suggested_m(limit: int, k: int, margin: int) -> int:
    """Candidates per centroid for a first pass that mostly is the only one: `margin` times the rounds that `limit`
    takes at least, as far as half of the memory bound goes.
    """
    return max(256, min(margin * -(-limit // k), MAX_PAIRS // (2 * k)))


def _one_round(queues: _Queues, rounds: _Rounds, k: int) -> dict[int, float]:
    fresh: dict[int, float] = {}
    popped = []
    for centroid in range(k):
        position, score = queues.pop(centroid)
        fresh.setdefault(position, score)
        popped.append(score)
    rounds.duplicates += k - len(fresh)
    # Exactly rounded: a value next to the threshold must not hang on the order of the sum.
    rounds.values.append(math.fsum(popped) / k)
    return fresh


def _falls_below(rule: StopRule, rounds: _Rounds) -> bool:
    if len(rounds.values) == rule.reference_round:
        rounds.threshold = rule.tau * rounds.values[-1]
    return rounds.values[-1] < (rounds.threshold or 0.0)


def _fitting(
    fresh: dict[int, float], limit: int, overshoot: Overshoot, rng: np.random.Generator, rounds: _Rounds
) -> dict[int, float]:
    room = limit - len(rounds.picked)
    if overshoot == "keep" or len(fresh) <= room:
        return fresh
    rounds.trimmed = len(fresh) - room
    positions = list(fresh)
    chosen = np.sort(rng.choice(len(positions), size=room, replace=False))
    return {positions[i]: fresh[positions[i]] for i in chosen}


def _end(n_picked: int, limit: int, n_pool: int) -> StoppedBy | None:
    if n_picked >= limit:
        return "budget"
    return "exhausted" if n_picked == n_pool else None


def _info(rounds: _Rounds, queues: _Queues, ranking: Ranking, rule: StopRule | None) -> dict[str, Any]:
    return {
        "k": ranking.k,
        "rounds": len(rounds.values),
        "f_curve": rounds.values,
        "threshold": rounds.threshold,
        "reference_round": None if rule is None else rule.reference_round,
        "duplicates": rounds.duplicates,
        "trimmed": rounds.trimmed,
        "passes": queues.passes,
        "m": queues.m,
        "near_ties": queues.near_ties,
    }
