"""Stage `measure`: the geometry of a coreset in feature space, and which sources it comes from."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.metrics import NEIGHBOURS, coreset_metrics, source_shares
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import FEATURES, POSITIONS
from benchmark.specs.base import Spec
from benchmark.specs.stages import Kind


class CoresetMetricsSpec(Spec):
    """The spec of a `measure` stage: the geometry of a coreset in the space that it was picked in."""


KIND = Kind(
    "measure",
    2,
    "benchmark.stages.measure",
    (
        "benchmark/stages/measure.py",
        "baselines/metrics.py",
        "baselines/core/pairs.py",
        "baselines/core/exact.py",
        "baselines/core/rows.py",
        "baselines/core/scoring.py",
        "benchmark/images/relevance.py",
    ),
    verb="compute",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Metrics of `baselines.metrics`, and `sources`: the share of the picks from each, where labels say."""
    picks = np.load(task.file("coreset", POSITIONS))
    target, pool = (np.load(task.file(name, FEATURES), mmap_mode="r") for name in ("target", "pool"))
    metrics = _geometry(target, pool, picks)
    if task.has("sources"):
        origins = task.data.origins(task.images("sources")) or []
        metrics["sources"] = {origin: share for origin, share in source_shares(picks, origins).items() if share}
    return StageResult(metrics=metrics)


def _geometry(target: NDArray[np.float32], pool: NDArray[np.float32], picks: NDArray[np.int64]) -> dict[str, Any]:
    """Nothing for a single image on either side, which has no neighbours; fewer neighbours for a handful."""
    if min(len(target), len(picks)) < 2:
        return {}
    return asdict(coreset_metrics(target, pool, picks, k=min(NEIGHBOURS, len(target) - 1)))
