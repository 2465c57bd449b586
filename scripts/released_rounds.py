"""SimCore's rounds the way of the released code, written from the pseudo-code: what the fast way is held against.

Every centroid sorts the whole open-set and keeps the order as a Python deque. Nothing here is made slow on purpose:
float32, one contiguous row of similarities per centroid, numpy's sorts.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray


def released_rounds(
    similarity: NDArray[np.float32], limit: int, *, sort: Literal["stable", "quicksort"], seed: int = 0
) -> list[list[int]]:
    """The positions that every round picks from `similarity` [k, N], contiguous, without the stopping rule.

    sort: "stable" puts ties in the order of their positions; "quicksort" is numpy's fastest and leaves it to chance.
    A last round that goes beyond `limit` is trimmed at random.
    """
    queues = [deque(np.argsort(-row, kind=sort).tolist()) for row in similarity]
    taken: set[int] = set()
    rounds: list[list[int]] = []
    while len(taken) < limit:
        fresh = list(dict.fromkeys(_pop(queue, taken) for queue in queues))
        if len(fresh) > limit - len(taken):
            fresh = random.Random(seed).sample(fresh, limit - len(taken))
        rounds.append(fresh)
        taken.update(fresh)
    return rounds


def _pop(queue: deque[int], taken: set[int]) -> int:
    while True:
        position = queue.popleft()
        if position not in taken:
            return position
