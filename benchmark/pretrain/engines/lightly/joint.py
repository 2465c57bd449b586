"""Methods that compare the projections of two views: SimCLR, Barlow Twins, VICReg."""

from typing import Any, cast

import torch
from lightly.loss import BarlowTwinsLoss, NTXentLoss, VICRegLoss
from lightly.models.modules.heads import BarlowTwinsProjectionHead, SimCLRProjectionHead
from torch import nn

from benchmark.methods import barlow_twins, simclr, vicreg
from benchmark.pretrain.learner import Learner, Outputs, TrainingPosition
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, feature_dimension


class JointEmbedding(Learner):
    """A backbone and a projector; `criterion` takes both views' projections [n, output]."""

    projector: nn.Module
    criterion: Any
    scale = 1.0

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.trunk = build(recipe.backbone)
        self.dimension = feature_dimension(self.trunk)

    @property
    def backbone(self) -> nn.Module:
        return self.trunk

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        return {"z": self.projector(self.trunk(views))}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        return self.scale * cast(torch.Tensor, self.criterion(*outputs["z"].chunk(2)))


class SimCLR(JointEmbedding):
    """lightly's SimCLRProjectionHead (two layers; with `batchnorm` one BatchNorm after each) and NTXentLoss."""

    def __init__(self, recipe: Recipe, method: simclr.SimCLR) -> None:
        super().__init__(recipe)
        hidden = method.hidden or self.dimension
        self.projector = SimCLRProjectionHead(
            self.dimension, hidden, method.output, num_layers=2, batch_norm=method.batchnorm
        )
        self.criterion = NTXentLoss(temperature=method.temperature)


class BarlowTwins(JointEmbedding):
    """lightly's BarlowTwinsProjectionHead and BarlowTwinsLoss, times the method's scale."""

    def __init__(self, recipe: Recipe, method: barlow_twins.BarlowTwins) -> None:
        super().__init__(recipe)
        self.projector = BarlowTwinsProjectionHead(self.dimension, method.hidden, method.output)
        self.criterion, self.scale = BarlowTwinsLoss(lambda_param=method.off_diagonal), method.scale


class VICReg(JointEmbedding):
    """lightly's VICRegLoss over its three-layer head, which is Barlow Twins' (VICReg, Section 4.2)."""

    def __init__(self, recipe: Recipe, method: vicreg.VICReg) -> None:
        super().__init__(recipe)
        self.projector = BarlowTwinsProjectionHead(self.dimension, method.hidden, method.output)
        self.criterion = VICRegLoss(
            lambda_param=method.invariance, mu_param=method.variance, nu_param=method.covariance
        )
