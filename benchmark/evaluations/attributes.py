"""Evaluation `attributes`: a linear probe for each attribute of the images (SimCore, Table 7d)."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.evaluations import Evaluation, Question, linear_clean
from benchmark.evaluations._features import finite_features
from benchmark.evaluations._measures import MEASURE_SOURCES, MeasuredValue, write_measures
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.execution.task import StageResult
from benchmark.images.attributes import ATTRIBUTES
from benchmark.images.data import ImageTask
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind
from benchmark.statistics import mean_interval


class AttributeProbes(Spec):
    """The clean `probe` once for each attribute of `labels.csv`, by top-1, on the images that have a value of it. The
    number is the mean of the accuracies over attributes. A test image whose value no training image has is wrong.

    Both protocols read this evaluation alike: how the paper averages, and over which attributes, is not known.
    """

    kind: Literal["attributes"] = "attributes"
    probe: CleanProbe

    @property
    def embedding(self) -> Embedding:
        """How features are taken."""
        return self.probe.embedding


KIND = Kind(
    "evaluate",
    2,
    "benchmark.evaluations.attributes",
    (
        "benchmark/evaluations/attributes.py",
        "benchmark/images/attributes.py",
        *dict.fromkeys((*MEASURE_SOURCES, *linear_clean.KIND.sources)),
    ),
    verb="evaluate",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write which test images each attribute's probe is right on; the record has every attribute's accuracy."""
    spec = task.stage.spec
    assert isinstance(spec, AttributeProbes)
    train, test = (finite_features(task, name, spec.embedding) for name in ("train", "test"))
    attributes = task.data.attributes_of(task.images(ATTRIBUTES))
    values = {}
    for split in ("train", "test"):
        rows = attributes.of(split, task.data.verified_source(task.images(split)).manifest.ids)
        values[split] = np.array(rows, dtype=object)
    right, info = {}, {}
    for place, name in enumerate(attributes.names):
        columns = values["train"][:, place], values["test"][:, place]
        right[name], info[name] = _probed(spec.probe, train, test, *columns, f"{attributes.place}: attribute {name}")
    measured = mean_accuracy(np.stack(list(right.values())))
    return write_measures({ATTRIBUTES: measured}, folder, evaluation=spec.kind, info={"attributes": info})


def _probed(
    probe: CleanProbe,
    train: NDArray[np.float32],
    test: NDArray[np.float32],
    train_values: NDArray[Any],
    test_values: NDArray[Any],
    what: str,
) -> tuple[NDArray[np.float64], dict[str, object]]:
    """Whether each test image [m] is classified right by an attribute (NaN: it has no value), and the record."""
    from benchmark.evaluations._logistic_regression import clean_probe

    known, with_value = (np.flatnonzero(values != "") for values in (train_values, test_values))
    classes = {value: number for number, value in enumerate(sorted(set(train_values[known])))}
    if len(classes) < 2 or not with_value.size:
        lack = (
            "fewer than two values among the training images" if with_value.size else "no value among the test images"
        )
        raise UserError(f"{what} has {lack}: nothing can be told apart by it")
    labels = np.array([classes[value] for value in train_values[known]], np.int64)
    test_labels = np.array([classes.get(value, -1) for value in test_values[with_value]], np.int64)
    result = clean_probe(np.asarray(train[known]), labels, np.asarray(test[with_value]), test_labels, probe)
    right = np.full(len(test), np.nan)
    right[with_value] = result.predicted == test_labels
    info = {
        "accuracy": result.accuracy,
        "values": len(classes),
        "n": len(with_value),
        "strength": result.info["strength"],
    }
    return right, info


def mean_accuracy(right: NDArray[np.float64]) -> MeasuredValue:
    """The mean over attributes of the share of images that are right, per cent, of [attributes, images] (NaN: without
    a value). What an image contributes is the mean and its deviation from every attribute's own share, which weighs
    one over the attribute's number of images. Without a value it deviates by nothing."""
    counts = (~np.isnan(right)).sum(axis=1, keepdims=True)
    shares = np.nanmean(right, axis=1, keepdims=True)
    deviations = np.nan_to_num((right - shares) / counts).mean(axis=0)
    outcomes = 100 * (shares.mean() + right.shape[1] * deviations)
    interval = mean_interval(outcomes) if len(outcomes) > 1 else None
    return MeasuredValue(float(outcomes.mean()), len(outcomes), interval, {"outcome": outcomes.astype(np.float32)})


def _spec(question: Question) -> AttributeProbes:
    return AttributeProbes(probe=CleanProbe(embedding=question.embedding, metric="top1"))


entry = Evaluation(
    ATTRIBUTES,
    "linear probe of attributes",
    KIND,
    (Measure(ATTRIBUTES, "mean over attributes", unit="%"),),
    _spec,
    splits=("train", "test", ATTRIBUTES),
    features=("train", "test"),
    reads_labels=False,
)
