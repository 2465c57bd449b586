"""Stage `embed`: features of every image of a split by a trained (or untrained) encoder."""

from collections import OrderedDict
from pathlib import Path

from torch import nn

from benchmark.execution.task import Outcome, Task
from benchmark.pretrain.encoder import load_encoder, with_weights
from benchmark.specs.artefacts import ENCODER, FEATURES
from benchmark.specs.recipes import Embedding
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import Pretraining
from benchmark.training.backbones import PatchMean, Rescale, build
from benchmark.training.features import embed
from benchmark.training.image_views import FileImages, SquareImages, TrainingImages


def run(task: Task, folder: Path) -> Outcome:
    """Write `features.npy`, float32 [N, d], rows in manifest order."""
    spec = task.stage.spec
    assert isinstance(spec, Embedding)
    images = images_of(task, "images", spec.stored)
    features = embed(
        load(task, spec),
        images,
        spec,
        path=folder / FEATURES,
        device=task.device,
        progress=task.progress,
        workers=task.workers,
    )
    return Outcome(metrics={"images": int(features.shape[0]), "dimension": int(features.shape[1])})


def load(task: Task, embedding: Embedding) -> nn.Module:
    """The network of the input `encoder`, in eval mode, giving the features that `embedding` reads."""
    network = _network(task)
    return PatchMean(network).eval() if embedding.token == "patches" else network


def _network(task: Task) -> nn.Module:
    """The network of the input `encoder`, trained by a `pretrain` stage or brought by a `frozen` one, in eval mode."""
    record, weights = task.record("encoder"), task.file("encoder", ENCODER)
    if record.kind == "pretrain":
        return load_encoder(Pretraining.model_validate(record.identity["spec"]).recipe, weights)
    spec = FrozenEncoder.model_validate(record.identity["spec"])
    network = with_weights(build(spec.backbone), weights)
    return nn.Sequential(OrderedDict(rescale=Rescale(spec.mean, spec.std), network=network)).eval()


def images_of(task: Task, name: str, stored: int | str) -> TrainingImages:
    """All images of an input: from its square cache, or from its files."""
    if isinstance(stored, int):
        return SquareImages.of((task.squares(name, stored), None))
    return FileImages.of((task.source(name), None))
