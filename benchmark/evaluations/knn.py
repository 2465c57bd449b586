"""Evaluation `knn`: every test image gets the class that its nearest training images vote for."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluations import Evaluation, Question
from benchmark.evaluations._features import directed_features
from benchmark.evaluations._measures import MEASURE_SOURCES, MeasuredValue, write_measures
from benchmark.evaluations._predictions import labels_of
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.progress import Progress, silent
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind

BLOCK = 4096
"""Test images at once: their neighbours and votes are all that is held beside the features."""


class NearestNeighbours(Spec):
    """The `neighbours` training images of highest cosine vote by exp(cosine / temperature); of equal classes the lower
    one is taken. One accuracy for each number of neighbours.

    From the released code (`util/knn_evaluation.py`), which counts top-1 for every target (`released`); `clean` takes
    the target's own metric. The released code also loses a few columns of the last batch of training images. That is
    not reproduced: it depends on the batch size, which no source states.
    """

    kind: Literal["knn"] = "knn"
    embedding: Embedding
    metric: Metric
    neighbours: tuple[int, ...] = (20, 200)
    temperature: float = 0.07


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.knn",
    ("benchmark/evaluations/knn.py", "baselines/core/neighbours.py", "baselines/core/scoring.py", *MEASURE_SOURCES),
    verb="evaluate",
)


def votes(
    train: NDArray[np.float32],
    labels: NDArray[np.int64],
    test: NDArray[np.float32],
    neighbours: tuple[int, ...],
    temperature: float,
    progress: Progress = silent,
) -> dict[int, NDArray[np.int32]]:
    """The class of every row of `test` [m, d] by each number of `neighbours`, int32 [m], from the rows of `train`
    [n, d] with `labels` [n]. Where there are fewer training images all of them vote. Exact by float32 cosines; beside
    the tables it holds `BLOCK` rows with their neighbours."""
    from baselines.core.neighbours import nearest_rows
    from baselines.core.scoring import unit_rows

    most = min(max(neighbours), len(train))
    predicted = {k: np.empty(len(test), np.int32) for k in neighbours}
    for first in range(0, len(test), BLOCK):
        block = unit_rows(np.asarray(test[first : first + BLOCK]))
        positions, cosines = nearest_rows(block, train, most, "train")
        for k, classes in predicted.items():
            classes[first : first + BLOCK] = _elected(labels[positions[:, :k]], cosines[:, :k], temperature)
        progress("images", min(first + BLOCK, len(test)), len(test))
    return predicted


def _elected(classes: NDArray[np.int64], cosines: NDArray[np.float32], temperature: float) -> NDArray[np.int32]:
    """The class with the most votes in every row of `classes` and `cosines` [m, k]."""
    count = int(classes.max()) + 1
    weights = np.exp((cosines.astype(np.float64) - cosines[:, :1]) / temperature)
    # The best neighbour's vote is 1: no sum can overflow at a low temperature, none is lost but what counts nothing.
    places = np.arange(len(classes))[:, None] * count + classes
    sums = np.bincount(places.ravel(), weights.ravel(), len(classes) * count).reshape(len(classes), count)
    best: NDArray[np.int32] = sums.argmax(axis=1).astype(np.int32)
    return best


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the class of every test image by each number of neighbours."""
    spec = task.stage.spec
    assert isinstance(spec, NearestNeighbours)
    train, test = (directed_features(task, name, spec.embedding) for name in ("train", "test"))
    known, labels = labels_of(task, "train"), labels_of(task, "test").astype(np.int32)
    predicted = votes(train, known, test, spec.neighbours, spec.temperature, task.progress)
    measures = {
        measure_name(k): MeasuredValue.of_predictions(classes, labels, spec.metric) for k, classes in predicted.items()
    }
    info: dict[str, Any] = {"training_images": len(train)}
    if len(train) < max(spec.neighbours):
        info["note"] = f"all {len(train)} training images vote where more neighbours are asked for"
    return write_measures(measures, folder, evaluation="knn", labels=labels, metric=spec.metric, info=info)


def measure_name(neighbours: int) -> str:
    """The measure of an accuracy by so many neighbours."""
    return f"knn_{neighbours}"


def _spec(question: Question) -> NearestNeighbours:
    metric: Metric = "top1" if question.protocol == "released" else question.metric
    return NearestNeighbours(embedding=question.embedding, metric=metric)


MEASURES = tuple(Measure(measure_name(k), f"kNN, k = {k}", unit="%") for k in (20, 200))

entry = Evaluation("knn", "k nearest neighbours", KIND, MEASURES, _spec, features=("train", "test"))
