"""Evaluation `online-classifier`: the linear classifier that was trained beside the method."""

from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.evaluations import ACCURACY, Evaluation, Question
from benchmark.evaluations._features import finite_features
from benchmark.evaluations._predictions import SOURCES, ProbeResult, labels_of, write_predictions
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import CLASSIFIER
from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind, Stage
from benchmark.stages.pretrain import Pretraining
from benchmark.statistics import accuracy


class OnlineProbe(Spec):
    """The accuracy on test of the linear classifier that was trained beside the method (`Online`), on eval-mode
    features of the trained encoder."""

    kind: Literal["online"] = "online"
    embedding: Embedding
    metric: Metric


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.online_classifier",
    ("benchmark/evaluations/online_classifier.py", *SOURCES),
    verb="fit",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the predictions of the classifier that the pretraining left, on the test images."""
    from safetensors.numpy import load_file

    spec = task.stage.spec
    assert isinstance(spec, OnlineProbe)
    features = finite_features(task, "test", spec.embedding)
    layer = load_file(task.file("encoder", CLASSIFIER))
    predicted = (features @ layer["weight"].T + layer["bias"]).argmax(1).astype(np.int32)
    labels = labels_of(task, "test").astype(np.int32)
    result = ProbeResult(predicted, labels, accuracy(predicted, labels, spec.metric), {})
    return write_predictions(result, spec.kind, spec.metric, folder)


def _spec(question: Question) -> OnlineProbe:
    return OnlineProbe(embedding=question.embedding, metric=question.metric)


def _obstacle(encoder: Stage) -> str:
    trained = encoder.spec
    online = isinstance(trained, Pretraining) and trained.recipe.online is not None
    return "" if online else "no classifier was trained beside it"


entry = Evaluation(
    "online-classifier", "online classifier", KIND, (ACCURACY,), _spec, features=("test",), obstacle=_obstacle
)
