"""Methods that predict one view's projection from the other's: BYOL and SimSiam."""

from typing import cast

import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules.heads import (
    BYOLPredictionHead,
    BYOLProjectionHead,
    SimSiamPredictionHead,
    SimSiamProjectionHead,
)
from torch import nn

from benchmark.methods import byol, simsiam
from benchmark.pretrain.engines.lightly.teacher import follow, teacher_of
from benchmark.pretrain.learner import Learner, Outputs, TrainingPosition
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, feature_dimension
from benchmark.training.optimisers import Group


class BYOL(Learner):
    """lightly's BYOL heads and NegativeCosineSimilarity as 2 - 2 cos, both ways, summed."""

    def __init__(self, recipe: Recipe, method: byol.BYOL) -> None:
        super().__init__()
        self.method = method
        trunk = build(recipe.backbone)
        self.online = nn.Sequential(trunk, BYOLProjectionHead(feature_dimension(trunk), method.hidden, method.output))
        self.predictor = BYOLPredictionHead(method.output, method.predictor, method.output)
        self.teacher = teacher_of(self.online)
        self._negative_cosine = NegativeCosineSimilarity()

    @property
    def backbone(self) -> nn.Module:
        return self.online[0]

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        with torch.no_grad():
            target = self.teacher(views)
        return {"p": self.predictor(self.online(views)), "target": target}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        (p1, p2), (t1, t2) = outputs["p"].chunk(2), outputs["target"].chunk(2)
        return cast(torch.Tensor, 4 + 2 * (self._negative_cosine(p1, t2) + self._negative_cosine(p2, t1)))

    def after_update(self, moment: TrainingPosition) -> None:
        follow(self.teacher, self.online, self.method.ema, moment)


class SimSiam(Learner):
    """lightly's SimSiam heads; the predictor's learning rate does not decay (SimSiam, Section 4.2)."""

    def __init__(self, recipe: Recipe, method: simsiam.SimSiam) -> None:
        super().__init__()
        self.trunk = build(recipe.backbone)
        self.projector = SimSiamProjectionHead(feature_dimension(self.trunk), method.hidden, method.output)
        self.predictor = SimSiamPredictionHead(method.output, method.predictor, method.output)
        self._negative_cosine = NegativeCosineSimilarity()

    @property
    def backbone(self) -> nn.Module:
        return self.trunk

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        z = self.projector(self.trunk(views))
        return {"z": z.detach(), "p": self.predictor(z)}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        (p1, p2), (z1, z2) = outputs["p"].chunk(2), outputs["z"].chunk(2)
        return cast(torch.Tensor, (self._negative_cosine(p1, z2) + self._negative_cosine(p2, z1)) / 2)

    def groups(self) -> list[Group]:
        return [
            {"params": [*self.trunk.parameters(), *self.projector.parameters()]},
            {"params": list(self.predictor.parameters()), "static": True},
        ]
