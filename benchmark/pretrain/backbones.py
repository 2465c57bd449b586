"""Backbones by name, without classifier and from random weights, and BatchNorm over groups of a forward pass."""

from collections.abc import Callable
from typing import cast

import timm
import torch
import torchvision
from torch import nn

from benchmark.errors import UnknownName, UserError
from benchmark.specs import Backbone


def build(spec: Backbone) -> nn.Module:
    """The network `spec` names, giving pooled features [B, d] for images [B, 3, S, S].

    Weights are drawn from torch's global generator: seed it first. Raises UnknownName for a name that the library does
    not have, UserError for a torchvision network whose classifier is not a single layer at its end.
    """
    match spec:
        case Backbone(name=name, library="timm"):
            return _from_timm(name)
        case Backbone(name=name):
            return _from_torchvision(name)


def _from_timm(name: str) -> nn.Module:
    if not timm.is_model(name):
        raise UnknownName("timm backbone", name, timm.list_models())
    return cast(nn.Module, timm.create_model(name, pretrained=False, num_classes=0))


def _from_torchvision(name: str) -> nn.Module:
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise UnknownName("torchvision backbone", name, torchvision.models.list_models(module=torchvision.models))
    network = cast(nn.Module, torchvision.models.get_model(name, weights=None))
    ending = next((part for part in ("fc", "classifier", "heads", "head") if hasattr(network, part)), None)
    if ending is None:
        raise UserError(f"torchvision's {name} has no classifier at its end to take off; use the one of timm")
    setattr(network, ending, nn.Identity())
    return network


def feature_dimension(backbone: nn.Module) -> int:
    """d of the backbone's features, found by one forward pass in eval mode, which changes nothing in it."""
    training = backbone.training
    parameter = next(backbone.parameters())
    with torch.no_grad():
        features = backbone.eval()(torch.zeros(1, 3, 224, 224, device=parameter.device))
    backbone.train(training)
    return int(features.shape[1])


def groups_of(crops: int, group: int | None) -> int:
    """How many BatchNorm groups a full forward pass of `crops` crops has; one when the group is larger than it.

    Raises UserError when the groups would not be of one size.
    """
    if group is None or group >= crops:
        return 1
    if crops % group:
        raise UserError(f"batchnorm_group {group} does not divide the {crops} crops of a step (two views of the batch)")
    return crops // group


def group_batchnorm(module: nn.Module, groups: int) -> nn.Module:
    """Make every BatchNorm of `module` normalise `groups` consecutive parts of a batch separately; returns `module`.

    As nn.DataParallel did on as many GPUs in the released code: parts as torch.chunk cuts them (so that a smaller last
    batch has smaller parts), and running statistics those of the first part, because DataParallel keeps the buffers of
    replica 0 and drops the others. The parameters and the state's names stay as they are.
    """
    if groups == 1:
        return module
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.forward = _grouped(layer, groups)  # type: ignore[method-assign, assignment]
    return module


def _grouped(layer: nn.modules.batchnorm._BatchNorm, groups: int) -> Callable[[torch.Tensor], torch.Tensor]:
    whole = layer.forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        if not layer.training:
            return whole(x)
        first, *others = x.chunk(groups)
        return torch.cat([whole(first), *(_own_statistics(layer, part) for part in others)])

    return forward


def _own_statistics(layer: nn.modules.batchnorm._BatchNorm, x: torch.Tensor) -> torch.Tensor:
    """Batch normalisation by the statistics of `x`, leaving the running ones alone."""
    return torch.batch_norm(x, layer.weight, layer.bias, None, None, True, 0.0, layer.eps, torch.backends.cudnn.enabled)
