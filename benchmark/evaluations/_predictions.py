"""Stage `evaluate`: a linear probe of an encoder, with the prediction for every test image."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from benchmark.evaluations import ProbeResult
from benchmark.evaluations._logistic_regression import clean_probe
from benchmark.evaluations._released_probe import released_probe
from benchmark.evaluations._specs import CleanProbe, OnlineProbe, Probe, ReleasedProbe
from benchmark.execution.task import Outcome, Task
from benchmark.specs.artefacts import CLASSIFIER, PREDICTIONS
from benchmark.stages.embed import images_of, load
from benchmark.statistics import accuracy, predictions_sha256
from benchmark.training.features import embed


def run(task: Task, folder: Path) -> Outcome:
    """Write `predictions.npz`: `predicted` and `labels`, int32 [n_test], in manifest order.

    The released probe adds `predicted_best` and `predicted_last`, one of which `predicted` is.
    """
    spec = task.stage.spec
    assert isinstance(spec, CleanProbe | ReleasedProbe | OnlineProbe)
    result = _probe(task, spec)
    others = {name: np.array(result.info[name], np.int32) for name in result.info if name.startswith("predicted_")}
    arrays: dict[str, Any] = {"predicted": result.predicted, "labels": result.labels, **others}
    np.savez_compressed(folder / PREDICTIONS, **arrays)
    info = {name: value for name, value in result.info.items() if name not in others}
    metrics = {
        "accuracy": result.accuracy,
        "metric": spec.metric,
        "n": len(result.labels),
        "predictions_sha256": predictions_sha256(result.predicted),
    }
    return Outcome(metrics=metrics, info={"probe": spec.kind, **info})


def _labels(task: Task, name: str) -> NDArray[np.int64]:
    return np.array(task.source(name).manifest.labels, dtype=np.int64)


def _probe(task: Task, spec: Probe) -> ProbeResult:
    match spec:
        case CleanProbe():
            return _clean(task, spec)
        case ReleasedProbe():
            return _released(task, spec)
        case OnlineProbe():
            return _online(task, spec)


def _online(task: Task, spec: OnlineProbe) -> ProbeResult:
    """The classifier that the pretraining left, on the test images."""
    embedding = spec.embedding
    images = images_of(task, "test", embedding.stored)
    features = embed(load(task, embedding), images, embedding, device=task.device, workers=task.workers)
    layer = load_file(task.file("encoder", CLASSIFIER))
    predicted = (features @ layer["weight"].T + layer["bias"]).argmax(1).astype(np.int32)
    labels = _labels(task, "test").astype(np.int32)
    return ProbeResult(predicted, labels, accuracy(predicted, labels, spec.metric), {})


def _clean(task: Task, spec: CleanProbe) -> ProbeResult:
    encoder, embedding = load(task, spec.embedding), spec.embedding
    train, test = (
        embed(encoder, images_of(task, name, embedding.stored), embedding, device=task.device, workers=task.workers)
        for name in ("train", "test")
    )
    return clean_probe(train, _labels(task, "train"), test, _labels(task, "test"), spec, progress=task.progress)


def _released(task: Task, spec: ReleasedProbe) -> ProbeResult:
    train = images_of(task, "train", spec.augmentation.stored)
    test = images_of(task, "test", spec.embedding.stored)
    return released_probe(
        load(task, spec.embedding),
        train,
        _labels(task, "train"),
        test,
        _labels(task, "test"),
        spec,
        device=task.device,
        progress=task.progress,
        workers=task.workers,
    )
