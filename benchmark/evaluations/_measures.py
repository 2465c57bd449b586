"""What evaluations of several measures share: one measure with its interval, the file and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluations._predictions import SOURCES
from benchmark.execution.task import StageResult
from benchmark.specs.artefacts import OUTCOMES
from benchmark.specs.datasets import Metric
from benchmark.statistics import accuracy, accuracy_interval, mean_interval

MEASURE_SOURCES = ("benchmark/evaluations/_measures.py", *SOURCES)
"""The sources that move the numbers of every evaluation of several measures."""


@dataclass(frozen=True)
class MeasuredValue:
    """The `value` of one measure over `n` items, its 95 % `interval` over other items like these (None where it cannot
    be known), and `arrays` by name: what each item contributed [items], or what the value follows from otherwise."""

    value: float
    n: int
    interval: tuple[float, float] | None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def of_predictions(cls, predicted: NDArray[np.int32], labels: NDArray[np.int32], metric: Metric) -> Self:
        """An accuracy in percent, from classes int32 [n]."""
        value, interval = accuracy(predicted, labels, metric), accuracy_interval(predicted, labels, metric)
        return cls(value, len(labels), interval, {"predicted": predicted})

    @classmethod
    def of_outcomes(cls, outcomes: NDArray[np.float64]) -> Self:
        """A mean of outcomes [items], without those that are NaN. ValueError if all are."""
        known = outcomes[~np.isnan(outcomes)]
        if not known.size:
            raise ValueError("no item has an outcome")
        interval = mean_interval(known) if known.size > 1 else None
        return cls(float(known.mean()), int(known.size), interval, {"outcome": outcomes.astype(np.float32)})


def write_measures(
    measures: Mapping[str, MeasuredValue],
    folder: Path,
    *,
    evaluation: str,
    labels: NDArray[np.int32] | None = None,
    metric: Metric | None = None,
    info: Mapping[str, Any] | None = None,
) -> StageResult:
    """Write `outcomes.npz`: `labels` int32 [n] where there are any, and the arrays of every measure as
    `<array>_<measure>`. The metrics are every measure by its name, `n` and `intervals` by measure."""
    arrays: dict[str, Any] = {} if labels is None else {"labels": labels}
    for name, measured in measures.items():
        arrays |= {f"{array}_{name}": values for array, values in measured.arrays.items()}
    np.savez_compressed(folder / OUTCOMES, **arrays)
    metrics: dict[str, Any] = {name: measured.value for name, measured in measures.items()}
    metrics["n"] = max(measured.n for measured in measures.values())
    metrics["intervals"] = {name: measured.interval and list(measured.interval) for name, measured in measures.items()}
    if metric is not None:
        metrics["metric"] = metric
    return StageResult(metrics=metrics, info={"evaluation": evaluation, **(info or {})})
