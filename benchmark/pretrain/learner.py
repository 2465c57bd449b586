"""Learners: what an engine makes of a recipe. They have networks, a loss over a step's outputs, and calls around a
step."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from benchmark.methods.dino import DINO
from benchmark.specs.recipes import EMA
from benchmark.training.optimisers import Group

Outputs = dict[str, torch.Tensor]
"""Tensors by name, each with a row for every crop (or image) that the step made it of, in the step's order."""


@dataclass(frozen=True)
class TrainingPosition:
    """Where a training is: `step` (from 0) of `steps`, in epoch `epoch` (from 1) of `epochs`."""

    step: int
    steps: int
    epoch: int
    epochs: int

    @property
    def share(self) -> float:
        """The share of all steps that is done, 0 to 1."""
        return self.step / max(1, self.steps)

    @property
    def epochs_share(self) -> float:
        """The share of all epochs that is done, 0 to 1."""
        return min(1.0, (self.epoch - 1) / max(1, self.epochs))


def tau(ema: EMA, moment: TrainingPosition) -> float:
    """The teacher's momentum at `moment` (BYOL, Section 3.2; per epoch as the released `ssl/byol.py` on_epoch_end)."""
    done = moment.epochs_share if ema.per == "epoch" else moment.share
    return ema.final - (ema.final - ema.base) * (math.cos(math.pi * done) + 1) / 2


def teacher_temperature(method: DINO, moment: TrainingPosition) -> float:
    """DINO's temperature of the teacher: linear over the first `warmup` share of the epochs, then constant."""
    low, high = method.teacher_temperature
    warm = method.warmup * moment.epochs
    return high if moment.epoch - 1 >= warm else low + (high - low) * (moment.epoch - 1) / warm


class Learner(nn.Module, ABC):
    """A backbone, what a method trains beside it, and its loss.

    The trainer calls `begin`, `forward` on this rank's crops, `loss` on the outputs of all ranks, `before_update` once
    gradients are there and `after_update` once weights have moved.
    """

    views_in_a_pass = 2
    """How many views go through a network together; BatchNorm groups are cut out of one pass."""

    @property
    @abstractmethod
    def backbone(self) -> nn.Module:
        """The network that the method trains."""

    @abstractmethod
    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        """Outputs of crops [m, 3, S, S], the first `first` of them of view 1, and of local crops [l, 3, s, s]."""

    @abstractmethod
    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        """The scalar loss of a whole step's outputs, in float32."""

    def groups(self) -> list[Group]:
        """What the optimiser moves."""
        return [{"params": [parameter for parameter in self.parameters() if parameter.requires_grad]}]

    def normalised_by_groups(self) -> Iterable[nn.Module]:
        """The modules whose BatchNorm is taken over the recipe's groups."""
        return (self,)

    def encoder(self) -> nn.Module:
        """The network whose weights are kept, of the form that `pretrain.encoder.build_encoder` builds."""
        return self.backbone

    def begin(self, moment: TrainingPosition) -> None:
        """Before a step's forward pass."""

    def before_update(self, moment: TrainingPosition) -> None:
        """Between the gradients and the optimiser's step."""

    def after_update(self, moment: TrainingPosition) -> None:
        """After the optimiser's step."""

    def statistics(self) -> dict[str, float]:
        """Numbers of the last step that tell whether the method works; for the record."""
        return {}


def start_from(learner: Learner, weights: Mapping[str, torch.Tensor]) -> None:
    """Put `weights` into the network that a learner trains, and into every copy of it: a teacher starts where its
    student does. ValueError for weights of another network."""
    form = _form(weights)
    networks = [module for module in learner.modules() if _form(module.state_dict()) == form]
    if learner.backbone not in networks:
        raise ValueError("the initial weights are not of the network that is trained")
    for network in networks:
        network.load_state_dict(weights)


def _form(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in weights.items()}


def without_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Keep the optimiser from moving `parameters` in this step, weight decay included."""
    for parameter in parameters:
        parameter.grad = None


def average_buffers(teacher: nn.Module, online: nn.Module, momentum: float) -> None:
    """Move the teacher's buffers as its weights are moved: the released `_update_moving_average` does so."""
    for mean, latest in zip(teacher.buffers(), online.buffers(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(latest, 1 - momentum)


class LearnerWrapper(Learner):
    """A learner around another one, `inner`. Where it does nothing else it does what `inner` does."""

    def __init__(self, inner: Learner) -> None:
        super().__init__()
        self.inner = inner
        self.views_in_a_pass = inner.views_in_a_pass

    @property
    def backbone(self) -> nn.Module:
        return self.inner.backbone

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        return cast(Outputs, self.inner(views, first, local))

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        return self.inner.loss(outputs, moment)

    def groups(self) -> list[Group]:
        return self.inner.groups()

    def normalised_by_groups(self) -> Iterable[nn.Module]:
        return self.inner.normalised_by_groups()

    def encoder(self) -> nn.Module:
        return self.inner.encoder()

    def begin(self, moment: TrainingPosition) -> None:
        self.inner.begin(moment)

    def before_update(self, moment: TrainingPosition) -> None:
        self.inner.before_update(moment)

    def after_update(self, moment: TrainingPosition) -> None:
        self.inner.after_update(moment)

    def statistics(self) -> dict[str, float]:
        return self.inner.statistics()


class WithOnlineClassifier(LearnerWrapper):
    """`inner` with a linear classifier on its backbone's features, which do not learn from it."""

    def __init__(self, inner: Learner, dimension: int, classes: int, lr: float) -> None:
        super().__init__(inner)
        self.lr = lr
        self.classifier = nn.Linear(dimension, classes)
        self._features: list[torch.Tensor] = []
        self.backbone.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: object, features: torch.Tensor) -> None:
        if self.training:
            self._features.append(features.detach())

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        self._features.clear()
        outputs = super().forward(views, first, local)
        return {**outputs, "online": self.classifier(self._features[0].float())}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        labels = outputs["labels"].repeat(len(outputs["online"]) // len(outputs["labels"]))
        known = labels >= 0
        loss = nn.functional.cross_entropy(outputs["online"][known], labels[known]) if known.any() else 0.0
        return super().loss(outputs, moment) + loss

    def groups(self) -> list[Group]:
        own: Group = {"params": list(self.classifier.parameters()), "lr": self.lr, "weight_decay": 0.0}
        return [*super().groups(), own]
