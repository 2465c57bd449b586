"""SimCLR by lightly: its projection head and its NT-Xent loss (smoke and mini profiles)."""

from typing import cast

import torch

from benchmark.pretrain.backbones import build, feature_dimension
from benchmark.pretrain.engines import Engine, Learner
from benchmark.specs import Recipe


class LightlySimCLR(Learner):
    """lightly's SimCLRProjectionHead (two layers; with `batchnorm` one BatchNorm after each) and NTXentLoss."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        from lightly.loss import NTXentLoss
        from lightly.models.modules.heads import SimCLRProjectionHead

        method = recipe.method
        self.backbone = build(recipe.backbone)
        width = feature_dimension(self.backbone)
        self.projector = SimCLRProjectionHead(
            width, method.hidden or width, method.output, num_layers=2, batch_norm=method.batchnorm
        )
        self._criterion = NTXentLoss(temperature=method.temperature)

    def contrast(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self._criterion(first, second))


class Lightly(Engine):
    name = "lightly"
    distribution = "lightly"
    modules = ("lightly",)
    install = "pip install lightly"

    def _build(self, recipe: Recipe) -> Learner:
        return LightlySimCLR(recipe)


entry = Lightly()
