"""SimCore (Kim et al., CVPR 2023): the part of the pool that lies closest to the target's centroids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from baselines.core.candidates import Ranking
from baselines.core.kmeans import centroids
from baselines.core.ranking import BLOCK_ROWS, FeatureRanking, SimilarityRanking
from baselines.core.rounds import FailingRound, Overshoot, StopRule, greedy_rounds
from baselines.core.selection import Budget, BudgetError, Features, Selection, check_shape, parse_budget
from baselines.registry import Entry

__all__ = ["SimCore", "StopRule", "greedy_rounds"]


@dataclass(frozen=True)
class SimCore:
    """SimCore with the fields of the released code; `--sampler simcore` has those of its profile and protocol.

    `show mini` prints them. The two pick different images.

    `select` needs scikit-learn, for k-means; this package is imported with NumPy alone.

    k: number of centroids; with k at least the size of the target every image is one. The paper's dagger
        rows use 1.
    tau: a round below tau times the reference round's value ends the picking. For budget None only.
    reference_round: round whose value is the reference, counted from 1. Earlier rounds cannot stop the
        picking (except by a negative value, see `StopRule`).
    failing_round: whether the round below the threshold is "kept" or "dropped".
    overshoot: "trim" the round that goes beyond the budget at random to fill it exactly, or "keep" all of it.
    budget_factor: with budget None at most this many picks per target image.
    n_init: k-means starts. What produced the published numbers predates scikit-learn 1.4 and so
        used its default of that time, 10, as the suite's tables do; one is nine tenths faster.
    block_rows: pool rows read at once.
    device: where the pool is multiplied with the centroids: None is numpy; any other value is a device
        of torch, such as "cuda".

    The last two move time and memory only: the picks are the same to the last bit of their scores.

    Raises ValueError for a field out of its range.
    """

    k: int = 100
    tau: float = 0.95
    reference_round: int = 20
    failing_round: FailingRound = "dropped"
    overshoot: Overshoot = "trim"
    budget_factor: int = 50
    n_init: int = 1
    block_rows: int = BLOCK_ROWS
    device: str | None = None

    def __post_init__(self) -> None:
        for name in ("k", "reference_round", "budget_factor", "n_init", "block_rows"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be an int of at least 1, got {value!r}")
        for name, kind in (("failing_round", FailingRound), ("overshoot", Overshoot)):
            if getattr(self, name) not in get_args(kind):
                raise ValueError(f"{name} must be one of {get_args(kind)}, got {getattr(self, name)!r}")
        if not 0 < self.tau <= 1:
            raise ValueError(f"tau must be above 0 and at most 1, got {self.tau!r}")
        if self.device is not None and not isinstance(self.device, str):
            raise ValueError(f"device must be None (numpy) or the name of a torch device, got {self.device!r}")

    @classmethod
    def released(cls, **overrides: Any) -> SimCore:
        """The stopping rule of the released code (util/sampling.py): reference is round 20, the default
        patience; the failing round is dropped; a round beyond the budget is trimmed at random.
        """
        reading = {"reference_round": 20, "failing_round": "dropped", "overshoot": "trim"}
        return cls(**{**reading, **overrides})

    @classmethod
    def paper(cls, **overrides: Any) -> SimCore:
        """The stopping rule of the paper's Algorithm 1: reference is round 1; the failing round is added and
        then the loop ends; the last round may go beyond the budget.
        """
        reading = {"reference_round": 1, "failing_round": "kept", "overshoot": "keep"}
        return cls(**{**reading, **overrides})

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]: float16, float32 or float64, any lengths but 0.

        budget: as in `parse_budget`; None applies the stopping rule, with at most min(budget_factor * n, N)
            picks; otherwise the rule is not applied. Ends "exhausted" when the rule would go on but all N are
            picked.
        seed: of k-means and of the trimming draw.

        Scores are cosines to the centroid that picked. The picks are those of an all-float64 computation for
        the given centroids: block size, thread count and device do not move them. `info["near_ties"]` counts
        successive picks of a centroid that only float64 rounding, or an exact tie, sets in order.

        Raises BudgetError, FeatureError; ValueError when a centroid is the zero vector or torch lacks the device.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        parse_budget(budget, n_pool)  # before k-means: a bad budget should not cost its time
        centres = centroids(target, self.k, n_init=self.n_init, seed=seed)
        ranking = FeatureRanking(pool, centres, block_rows=self.block_rows, device=self.device)
        return self.select_from(ranking, budget=budget, n_target=n_target, seed=seed)

    def select_from_similarity(
        self, similarity: NDArray[np.floating], *, budget: Budget, n_target: int | None = None, seed: int = 0
    ) -> Selection:
        """As `select`, given the similarity [N, k], float32 or float64, of pool rows and centroids.

        The number of centroids is the width of `similarity`.
        n_target: size of the target, needed for the cap when budget is None.

        Raises BudgetError, and ValueError for a similarity that cannot be ordered.
        """
        ranking = SimilarityRanking(similarity, block_rows=self.block_rows)
        return self.select_from(ranking, budget=budget, n_target=n_target, seed=seed)

    def select_from(self, ranking: Ranking, *, budget: Budget, n_target: int | None = None, seed: int = 0) -> Selection:
        """As `select`, given where the candidates come from: a `FeatureRanking` for centroids of your own, a
        `FaissRanking` for approximate ones. The number of centroids is the ranking's.

        n_target: size of the target, needed for the cap when budget is None.

        Raises BudgetError, and what the ranking raises.
        """
        limit, rule = parse_budget(budget, ranking.n), None
        if limit is None:
            if n_target is None:
                raise BudgetError("budget None: the cap of the stopping rule needs n_target")
            limit = self.budget_factor * n_target
            rule = StopRule(self.tau, self.reference_round, self.failing_round)
        picks = greedy_rounds(ranking, limit=limit, rule=rule, overshoot=self.overshoot, seed=seed)
        return Selection(picks.indices, picks.scores, picks.stopped_by, {**picks.info, "cap": min(limit, ranking.n)})


entry = Entry("simcore", "baselines.simcore:SimCore", "Kim, Bae, Yun, CVPR 2023", stops=True, place=2)
