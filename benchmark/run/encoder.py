"""What the stages that look through an encoder share: the encoder itself, and images prepared for it."""

from collections import OrderedDict

import torch
from torch import nn

from benchmark.images.augment import MEAN, STD
from benchmark.plan import Pretraining
from benchmark.pretrain.backbones import PatchMean, build
from benchmark.pretrain.encoder import load_encoder, with_weights
from benchmark.pretrain.files import ENCODER
from benchmark.pretrain.images import FileImages, SquareImages, TrainingImages
from benchmark.recipe_specs import FrozenEncoder
from benchmark.run.task import Task
from benchmark.specs import Embedding


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


class Rescale(nn.Module):
    """Images normalised as this suite does, [B, 3, S, S], to the mean and standard deviation that a network expects."""

    factor: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        ours, theirs = torch.tensor([MEAN, STD], dtype=torch.float64), torch.tensor([mean, std], dtype=torch.float64)
        factor, shift = ours[1] / theirs[1], (ours[0] - theirs[0]) / theirs[1]
        self.register_buffer("factor", factor.float().view(1, 3, 1, 1))
        self.register_buffer("shift", shift.float().view(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * self.factor + self.shift


def images_of(task: Task, name: str, stored: int | str) -> TrainingImages:
    """All images of an input: from its square cache, or from its files."""
    if isinstance(stored, int):
        return SquareImages.of((task.squares(name, stored), None))
    return FileImages.of((task.source(name), None))
