"""Stage `embed`: features of every image of a split by a trained (or untrained) encoder."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import ENCODER, FEATURES
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Images, Kind, Stage
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import read_pretraining

if TYPE_CHECKING:
    from torch import nn

    from benchmark.training.image_views import TrainingImages

KIND = Kind(
    "embed",
    1,
    "benchmark.stages.embed",
    (
        "benchmark/stages/embed.py",
        "benchmark/training/features.py",
        "benchmark/images/square_cache.py",
        "benchmark/images/growing.py",
        "benchmark/images/items.py",
        "benchmark/pretrain/encoder.py",
        "benchmark/pretrain/lcr.py",
        "benchmark/training/augment.py",
        "benchmark/training/backbones.py",
        "benchmark/training/image_views.py",
        "benchmark/training/numerics.py",
    ),
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write `features.npy`, float32 [N, d], rows in manifest order."""
    spec = task.stage.spec
    assert isinstance(spec, Embedding)
    features = features_of(task, "images", spec, folder / FEATURES)
    return StageResult(metrics={"images": int(features.shape[0]), "dimension": int(features.shape[1])})


def embed_stage(encoder: Stage, images: Images, embedding: Embedding) -> Stage:
    """The stage that takes the features of a split by `encoder`."""
    return Stage(KIND, embedding, (("encoder", encoder), ("images", images)), f"{images.label} by {encoder.label}")


def features_name(split: str) -> str:
    """The name of a derived stage that has the features of the input `split`."""
    return f"{split} features"


def features_of(task: ImageTask, name: str, embedding: Embedding, path: Path | None = None) -> NDArray[np.float32]:
    """Features float32 [N, d] of the images of an input by the input `encoder`; also written to `path`, if given.

    They are read where a derived stage has them.
    """
    from benchmark.training.features import embed

    made = task.stage.input(features_name(name))
    if isinstance(made, Stage) and made.spec == embedding:
        features: NDArray[np.float32] = np.load(task.file(features_name(name), FEATURES), mmap_mode="r")
        return features
    return embed(
        load_encoder_of(task, embedding),
        images_of(task, name, embedding.stored),
        embedding,
        path=path,
        device=task.device,
        progress=task.progress,
        workers=task.workers,
    )


def load_encoder_of(task: ImageTask, embedding: Embedding) -> "nn.Module":
    """The network of the input `encoder`, in eval mode, giving the features that `embedding` reads."""
    from benchmark.pretrain.encoder import plain_network
    from benchmark.training.backbones import PatchMean

    network = _network(task)
    if embedding.token == "plain":
        return plain_network(network)
    return PatchMean(network).eval() if embedding.token == "patches" else network


def _network(task: ImageTask) -> "nn.Module":
    """The network of the input `encoder`, trained by a `pretrain` stage or brought by a `frozen` one, in eval mode."""
    from benchmark.pretrain.encoder import load_encoder, with_weights
    from benchmark.training.backbones import build, rescaled

    record, weights = task.record("encoder"), task.file("encoder", ENCODER)
    if record.kind == "pretrain":
        return load_encoder(read_pretraining(record.identity["spec"]).recipe, weights)
    spec = FrozenEncoder.model_validate(record.identity["spec"])
    return rescaled(with_weights(build(spec.backbone), weights), spec.mean, spec.std)


def images_of(task: ImageTask, name: str, stored: int | str, rows: NDArray[np.int64] | None = None) -> "TrainingImages":
    """The images of an input, all or those of `rows`: from its square cache, or from its files."""
    from benchmark.training.image_views import FileImages, SquareImages

    images = task.images(name)
    if isinstance(stored, int):
        return SquareImages.of((task.data.squares(images, stored, task.progress), rows))
    return FileImages.of((task.data.verified_source(images, task.progress), rows))
