"""Samplers and coreset metrics: arrays of features in, picked positions out.

>>> from baselines import SimCore
>>> picks = SimCore.released().select(target, pool, budget="1%")  # doctest: +SKIP

Nothing here knows files, models or the benchmark harness. Importing the package needs numpy only;
scikit-learn and threadpoolctl are imported when k-means first runs.
"""

from baselines.core.selection import Budget, BudgetError, FeatureError, Features, Sampler, Selection, parse_budget
from baselines.purity import Purity, base_rate, ceiling, purity, purity_report
from baselines.random import Random
from baselines.registry import SAMPLERS, Entry
from baselines.simcore import SimCore

__all__ = [
    "SAMPLERS",
    "Budget",
    "BudgetError",
    "Entry",
    "FeatureError",
    "Features",
    "Purity",
    "Random",
    "Sampler",
    "Selection",
    "SimCore",
    "base_rate",
    "ceiling",
    "parse_budget",
    "purity",
    "purity_report",
]
