"""What the stages that look through an encoder share: the encoder itself, and images prepared for it."""

from torch import nn

from benchmark.plan import Pretraining
from benchmark.pretrain.images import FileImages, SquareImages, TrainingImages
from benchmark.pretrain.train import ENCODER, load_encoder
from benchmark.run.task import Task


def load(task: Task) -> nn.Module:
    """The trained network of the input `encoder`, in eval mode."""
    spec = Pretraining.model_validate(task.record("encoder").identity["spec"])
    return load_encoder(spec.recipe.backbone, task.file("encoder", ENCODER))


def images_of(task: Task, name: str, stored: int | str) -> TrainingImages:
    """All images of an input: from its square cache, or from its files."""
    if isinstance(stored, int):
        return SquareImages.of((task.squares(name, stored), None))
    return FileImages.of((task.source(name), None))
