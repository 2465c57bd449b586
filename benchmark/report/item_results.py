"""What an evaluation keeps: of every test image predicted classes or outcomes, by measure; what others follow from."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.geometry import rank_of_spectrum
from benchmark.errors import UserError
from benchmark.execution.record import Record
from benchmark.specs.artefacts import OUTCOMES, PREDICTIONS
from benchmark.specs.cells import ACCURACY
from benchmark.specs.datasets import Metric
from benchmark.statistics import item_weights

PREDICTED, OUTCOME, POTENTIAL, SPECTRUM = "predicted_", "outcome_", "potential_", "spectrum_"
"""How arrays of a measure begin in `OUTCOMES`. Potentials are uniformity's, a spectrum is the effective rank's."""


@dataclass(frozen=True)
class ItemResults:
    """By measure, the `predicted` classes int32 [n] of the test images of `labels` int32 [n], and the `outcomes`
    float64 [n] that the measure is the mean of (NaN for an image that has none). `metric` weighs images. `of_all` are
    measures that follow from what is kept and are no means over images."""

    labels: NDArray[np.int32]
    metric: Metric
    predicted: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    outcomes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    of_all: Mapping[str, float] = field(default_factory=dict)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that are means over images of what is kept."""
        return (*self.predicted, *self.outcomes)

    @property
    def values(self) -> dict[str, float]:
        """All measures that follow from what is kept, computed again."""
        return {name: self.value(name) for name in self.measures} | dict(self.of_all)

    def points(self, measure: str) -> NDArray[np.float64]:
        """What each image adds to a measure, float64 [n]: 100 for a right class, 0 for a wrong one, or its outcome.
        KeyError for a measure of which nothing is kept, ValueError for another number of images than of labels."""
        kept = 100.0 * (self.predicted[measure] == self.labels) if measure in self.predicted else self.outcomes[measure]
        if np.shape(kept) != np.shape(self.labels):
            raise ValueError(f"{measure} has results of {np.shape(kept)} test images, labels are {self.labels.shape}")
        return np.asarray(kept, np.float64)

    def value(self, measure: str) -> float:
        """The measure again. ValueError where no image has an outcome."""
        points = self.points(measure)
        known = ~np.isnan(points)
        if not known.any():
            raise ValueError(f"no test image has an outcome of {measure}")
        return float(points[known] @ item_weights(self.labels[known], self.metric))


def keeps_results(record: Record) -> bool:
    """Whether a record is of an evaluation that keeps something of every image."""
    return not {PREDICTIONS, OUTCOMES}.isdisjoint(record.files)


def results_file(record: Record) -> str:
    """The file of the stage that has it."""
    return PREDICTIONS if PREDICTIONS in record.files else OUTCOMES


def read_item_results(path: Path, record: Record) -> ItemResults:
    """What is kept in the file `path` of an evaluation. UserError for a file that cannot be read."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if results_file(record) == PREDICTIONS:
        return of_predictions(arrays["predicted"], arrays["labels"], record)
    predicted, outcomes = _by_measure(arrays, PREDICTED), _by_measure(arrays, OUTCOME)
    count = len(next(iter((predicted | outcomes).values()), ()))
    # Without labels every image weighs the same.
    labels = arrays.get("labels", np.zeros(count, np.int32))
    metric: Metric = record.metrics.get("metric", "top1")
    means = {name: one.astype(np.float64) for name, one in outcomes.items()}
    return ItemResults(labels, metric, predicted, means, _of_all(arrays))


def _of_all(arrays: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Uniformity from every image's potential, the effective rank from the spectrum of the features."""
    potentials, spectra = _by_measure(arrays, POTENTIAL), _by_measure(arrays, SPECTRUM)
    return {name: float(np.log(one.astype(np.float64).mean())) for name, one in potentials.items()} | {
        name: rank_of_spectrum(one) for name, one in spectra.items()
    }


def of_predictions(predicted: NDArray[np.int32], labels: NDArray[np.int32], record: Record) -> ItemResults:
    """Those of an evaluation whose one measure is an accuracy."""
    return ItemResults(labels, record.metrics["metric"], {ACCURACY.name: predicted})


def _by_measure(arrays: Mapping[str, NDArray[Any]], begin: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(begin): one for name, one in arrays.items() if name.startswith(begin)}
