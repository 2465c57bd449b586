"""A teacher beside an online network."""

import copy

import torch
from lightly.models.utils import deactivate_requires_grad, update_momentum
from torch import nn

from benchmark.pretrain.learner import TrainingPosition, average_buffers, tau
from benchmark.specs.recipes import EMA


def teacher_of(online: nn.Module) -> nn.Module:
    """A copy that gradients do not reach."""
    teacher = copy.deepcopy(online)
    deactivate_requires_grad(teacher)
    return teacher


@torch.no_grad()
def follow(teacher: nn.Module, online: nn.Module, ema: EMA, moment: TrainingPosition) -> None:
    """Move the teacher towards the online network by the momentum of this moment."""
    momentum = tau(ema, moment)
    update_momentum(online, teacher, momentum)
    if ema.buffers == "averaged":
        average_buffers(teacher, online, momentum)
