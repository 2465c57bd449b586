"""Samplers and coreset metrics: arrays of features in, picked positions out.

>>> from baselines import SimCore
>>> picks = SimCore.released().select(target, pool, budget="1%")  # doctest: +SKIP

Nothing here knows files, models or the benchmark harness. Importing the package needs numpy only; scikit-learn, scipy,
faiss and torch are imported by the samplers that use them, when they first run.
"""

from baselines.core.selection import Budget, BudgetError, FeatureError, Features, Sampler, Selection, parse_budget
from baselines.metrics import CoresetMetrics, coreset_metrics
from baselines.purity import Purity, base_rate, ceiling, purity, purity_report
from baselines.random import Random
from baselines.registry import SAMPLERS, Entry
from baselines.simcore import SimCore

__all__ = [
    "SAMPLERS",
    "Budget",
    "BudgetError",
    "CoresetMetrics",
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
    "coreset_metrics",
    "parse_budget",
    "purity",
    "purity_report",
]
