"""Code for evaluations with a prediction for every test image: the result, its file, its metrics."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import PREDICTIONS
from benchmark.specs.datasets import Metric
from benchmark.statistics import accuracy_interval, predictions_sha256

SOURCES = (
    "benchmark/evaluations/_predictions.py",
    "benchmark/evaluations/_features.py",
    "benchmark/training/features.py",
    "benchmark/stages/embed.py",
    "benchmark/statistics.py",
    "benchmark/images/square_cache.py",
    "benchmark/images/growing.py",
    "benchmark/images/items.py",
    "benchmark/pretrain/encoder.py",
    "benchmark/pretrain/lcr.py",
    "benchmark/training/augment.py",
    "benchmark/training/backbones.py",
    "benchmark/training/image_views.py",
    "benchmark/training/numerics.py",
)
"""The sources that move the numbers of every evaluation that looks at images through an encoder."""


@dataclass(frozen=True)
class ProbeResult:
    """`predicted` and `labels` are int32 [n_test], `accuracy` is in percent; `info` is JSON-able."""

    predicted: NDArray[np.int32]
    labels: NDArray[np.int32]
    accuracy: float
    info: dict[str, Any]


def labels_of(task: ImageTask, name: str) -> NDArray[np.int64]:
    """The labels int64 [n] of the images of an input."""
    return np.array(task.data.verified_source(task.images(name), task.progress).manifest.labels, dtype=np.int64)


def write_predictions(result: ProbeResult, probe: str, metric: Metric, folder: Path) -> StageResult:
    """Write `predictions.npz`: `predicted` and `labels`, int32 [n_test], in manifest order.

    Arrays of `result.info` whose names begin with "predicted_" are written beside them and leave the record.
    """
    others = {name: np.array(result.info[name], np.int32) for name in result.info if name.startswith("predicted_")}
    arrays: dict[str, Any] = {"predicted": result.predicted, "labels": result.labels, **others}
    np.savez_compressed(folder / PREDICTIONS, **arrays)
    info = {name: value for name, value in result.info.items() if name not in others}
    metrics = {
        "accuracy": result.accuracy,
        "intervals": {"accuracy": list(accuracy_interval(result.predicted, result.labels, metric))},
        "metric": metric,
        "n": len(result.labels),
        "predictions_sha256": predictions_sha256(result.predicted),
    }
    return StageResult(metrics=metrics, info={"probe": probe, **info})
