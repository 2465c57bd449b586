"""Random picks: the baseline that every sampler has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.core.selection import Budget, BudgetError, Features, Selection, parse_budget
from baselines.registry import Entry


@dataclass(frozen=True)
class Random:
    """Uniform picks without replacement, not balanced by class (SimCore paper, "random" rows).

    One seed shuffles the pool once, so a smaller budget is the beginning of a larger one. The generator is
    numpy's PCG64, not Python's `random` as in the released code: the same law, other picks.
    """

    def select(self, target: Features | None, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick `budget` rows of `pool`; only its length is read. `target` is not used. All scores are 0.

        Raises BudgetError for a budget that `parse_budget` refuses and for None.
        """
        n_pool = len(pool)
        images = parse_budget(budget, n_pool)
        if images is None:
            raise BudgetError('budget None: random has no stopping rule, give an int or a share such as "5%"')
        indices = np.random.Generator(np.random.PCG64(seed)).permutation(n_pool)[:images].astype(np.int64)
        return Selection(indices, np.zeros(images, dtype=np.float32), "budget", {"seed": int(seed)})


entry = Entry("random", "baselines.random:Random", "uniform, without replacement", place=1)
