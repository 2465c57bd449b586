"""Methods with a queue of past projections: MoCo (negatives) and NNCLR (neighbours)."""

from typing import cast

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import NNMemoryBankModule
from lightly.models.modules.heads import MoCoProjectionHead, NNCLRPredictionHead, NNCLRProjectionHead
from lightly.models.modules.memory_bank import MemoryBankModule
from torch import nn
from torch.nn import functional as F

from benchmark.methods import moco, nnclr
from benchmark.pretrain.engines.lightly.teacher import follow, teacher_of
from benchmark.pretrain.learner import Learner, Outputs, TrainingPosition
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, feature_dimension


def kept(bank: MemoryBankModule) -> None:
    """Make the queue part of the state. lightly leaves it out, and a resumed run would begin with a random one."""
    for name, buffer in list(bank.named_buffers(recurse=False)):
        delattr(bank, name)
        bank.register_buffer(name, buffer)


class MoCo(Learner):
    """lightly's MoCoProjectionHead and NTXentLoss with a memory bank per view that gives keys."""

    def __init__(self, recipe: Recipe, method: moco.MoCo) -> None:
        super().__init__()
        self.method = method
        trunk = build(recipe.backbone)
        width = feature_dimension(trunk)
        head = (
            MoCoProjectionHead(width, method.hidden or width, method.output)
            if method.layers == 2
            else nn.Linear(width, method.output)
        )
        self.online = nn.Sequential(trunk, head)
        self.teacher = teacher_of(self.online)
        sizes = (method.queue, method.output)
        self.criteria = nn.ModuleList(NTXentLoss(method.temperature, sizes) for _ in range(1 + method.symmetric))
        for criterion in self.criteria:
            kept(criterion.memory_bank)
        self.views_in_a_pass = 1 + method.symmetric

    @property
    def backbone(self) -> nn.Module:
        return self.online[0]

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        asking, answering = (views, views) if self.method.symmetric else (views[:first], views[first:])
        with torch.no_grad():
            key = self.teacher(answering)
        return {"query": self.online(asking), "key": key}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        if not self.method.symmetric:
            return cast(torch.Tensor, self.criteria[0](outputs["query"], outputs["key"]))
        (q1, q2), (k1, k2) = outputs["query"].chunk(2), outputs["key"].chunk(2)
        return cast(torch.Tensor, (self.criteria[0](q1, k2) + self.criteria[1](q2, k1)) / 2)

    def after_update(self, moment: TrainingPosition) -> None:
        follow(self.teacher, self.online, self.method.ema, moment)


class NNCLR(Learner):
    """lightly's NNCLR heads and queue; the loss is the paper's equation 2, which lightly's symmetric NT-Xent is not."""

    def __init__(self, recipe: Recipe, method: nnclr.NNCLR) -> None:
        super().__init__()
        self.method = method
        self.trunk = build(recipe.backbone)
        width = feature_dimension(self.trunk)
        self.projector = NNCLRProjectionHead(width, method.hidden, method.output)
        self.predictor = NNCLRPredictionHead(method.output, method.predictor, method.output)
        self.queue = NNMemoryBankModule((method.queue, method.output))
        kept(self.queue)

    @property
    def backbone(self) -> nn.Module:
        return self.trunk

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        z = self.projector(self.trunk(views))
        return {"z": z.detach(), "p": self.predictor(z)}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        (z1, z2), (p1, p2) = F.normalize(outputs["z"], dim=1).chunk(2), outputs["p"].chunk(2)
        near2 = self.queue(z2)
        near1 = self.queue(z1, update=True)
        return (self._contrast(near1, p2) + self._contrast(near2, p1)) / 2

    def _contrast(self, near: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        logits = F.normalize(near, dim=1) @ F.normalize(predicted, dim=1).T / self.method.temperature
        return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
