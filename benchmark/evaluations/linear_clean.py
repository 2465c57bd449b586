"""Evaluation `linear-clean`: logistic regression on the features of a frozen encoder, nothing chosen on test images."""

from pathlib import Path
from typing import Literal

from benchmark.evaluations import ACCURACY, ClassSizes, Evaluation, Question
from benchmark.evaluations._features import finite_features
from benchmark.evaluations._predictions import SOURCES, labels_of, write_predictions
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind


class CleanProbe(Spec):
    """Frozen eval-mode features, extracted once; multinomial logistic regression, L2 strength chosen on a validation
    part of train (the last `validation` of every class, contiguous, since neighbours are near-duplicates), refit on all
    of train, one number on test."""

    kind: Literal["clean"] = "clean"
    embedding: Embedding
    metric: Metric
    strengths: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
    validation: float = 0.25


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.linear_clean",
    ("benchmark/evaluations/linear_clean.py", "benchmark/evaluations/_logistic_regression.py", *SOURCES),
    verb="fit",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the predictions of the classifier that is fitted on the features of `train`."""
    from benchmark.evaluations._logistic_regression import clean_probe

    spec = task.stage.spec
    assert isinstance(spec, CleanProbe)
    train, test = (finite_features(task, name, spec.embedding) for name in ("train", "test"))
    labels = [labels_of(task, name) for name in ("train", "test")]
    result = clean_probe(train, labels[0], test, labels[1], spec, progress=task.progress)
    return write_predictions(result, spec.kind, spec.metric, folder)


def _spec(question: Question) -> CleanProbe:
    return CleanProbe(embedding=question.embedding, metric=question.metric)


def _lacks(_spec: Spec, sizes: ClassSizes) -> str:
    return "" if max(sizes["train"]) > 1 else "no class of its train split has two images, to choose a penalty on"


entry = Evaluation(
    "linear-clean", "linear probe, clean", KIND, (ACCURACY,), _spec, features=("train", "test"), lacks=_lacks
)
