"""kNN distance (Sun et al., ICML 2022): the pool rows whose k-th nearest target row is nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.exact import exact_cosines, grid_rows
from baselines.core.fields import check_count
from baselines.core.selection import Budget, Features, Selection, check_features, check_shape
from baselines.core.top import images_of, selection
from baselines.registry import Entry

_SCORES = 2**24
"""Cosines held at once, 128 MiB."""


@dataclass(frozen=True)
class KNNDistance:
    """Deep nearest neighbours (Sun, Ming, Zhu and Li, "Out-of-Distribution Detection with Deep Nearest Neighbors",
    ICML 2022), turned round: what is least out of the target's distribution is picked.

    The score of a pool row z is -||z - x_(k)||, with x_(k) its k-th nearest target row, in L2-normalised features
    (their section 3). Highest first, ties by smaller position.

    k: which neighbour; a target of fewer rows takes its farthest. The paper validates k per data set: 50 on CIFAR-10
        with all 50,000 training rows, 1000 on ImageNet's 1.28 million. 50 is about one per cent of a
        fine-grained target's training split.

    Deviations: no threshold lambda, as the budget says how many rows are taken; the search is exhaustive, by blocked
    products in float64, where the paper uses faiss in float32. Unit rows are rounded to multiples of 2**-26, and their
    distances are exact (`baselines.core.exact`): equal rows tie, and neither block size, threads nor processor moves a
    pick.

    Time is that of one float64 product [N, d] x [d, n] and a partial sort of each of its rows; memory beside the
    target 128 MiB and one block of the pool. Raises ValueError for a `k` that is no int of at least 1.
    """

    k: int = 50

    def __post_init__(self) -> None:
        check_count("k", self.k)

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; nothing is left to chance, `seed` is not used.

        Scores are negative distances, between -2 and 0. `info["k"]` is the neighbour used.
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images_of(budget, n_pool, "knn")
        check_features(target, "target")
        points = grid_rows(np.asarray(target[0:n_target]))
        k = min(self.k, n_target)
        return selection(pool, lambda rows: -_distances(grid_rows(rows), points, k), budget, "knn", {"k": k})


def _distances(rows: NDArray[np.float64], points: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Distances [b] of the grid rows `rows` [b, d] to their k-th nearest of the grid rows `points` [n, d]."""
    n = len(points)
    step = max(1, _SCORES // n)
    cosines = [
        np.partition(exact_cosines(rows[first : first + step], points), n - k, axis=1)[:, n - k]
        for first in range(0, len(rows), step)
    ]
    return np.sqrt(np.maximum(2 - 2 * np.concatenate(cosines), 0))


entry = Entry("knn", "baselines.knn:KNNDistance", "Sun et al., ICML 2022", version=2, place=12)
