"""Every target image's nearest rows of the pool, in exact order, for targets of any size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from baselines.core.ranking import Candidates, FeatureRanking, Mask
from baselines.core.selection import Features

IMAGES = 4096
"""Target images compared with the pool in one pass at most; more of them take further passes."""
PAIRS = 2**22
"""Candidates of all images of one pass together, about 128 MiB while it runs."""


def nearest_rows(pool: Features, points: NDArray[np.float64], m: int, taken: Mask) -> Iterator[Candidates]:
    """Yield for each of `points` [n, d], of length 1, the certain beginning of the order of the rows of `pool` [N, d]
    that are not in `taken` bool [N]: descending cosine, ties by smaller position.

    A list is up to `m` long, may be shorter where rows around the m-th are too close to call, and is complete where `m`
    is at least the number of free rows (see `Ranking.top`). ceil(n / min(4096, 2**22 / m)) passes over the pool.

    Raises FeatureError as `FeatureRanking` does.
    """
    step = max(1, min(IMAGES, PAIRS // m))
    for first in range(0, len(points), step):
        yield from FeatureRanking(pool, points[first : first + step]).top(m, taken)
