"""Optimisers by their specs, over groups of parameters that may have a learning rate or a weight decay of their own."""

from collections.abc import Iterable, Iterator
from typing import Any, NotRequired, TypedDict

import timm.optim
import torch
from torch import nn

from benchmark.specs.recipes import LARS, SGD, Adam, AdamW, Optimiser


class Group(TypedDict):
    """Parameters that the optimiser treats alike; without an own `lr` or `weight_decay` they have the recipe's.

    The learning rate of a `static` group stays at its peak.
    """

    params: list[nn.Parameter]
    lr: NotRequired[float]
    static: NotRequired[bool]
    weight_decay: NotRequired[float]


def optimiser(spec: Optimiser, groups: Iterable[Group]) -> torch.optim.Optimizer:
    """The optimiser `spec` over `groups`; each of its groups holds its "peak" learning rate and whether it is "static".

    The released code decays biases and BatchNorm too, unless the spec says otherwise.
    """
    split = [part for group in groups for part in _parts(spec, group)]
    for part in split:
        part["peak"] = part.setdefault("lr", spec.lr)
        part.setdefault("static", False)
    match spec:
        case SGD():
            sgd = torch.optim.SGD(
                split, spec.lr, spec.momentum, weight_decay=spec.weight_decay, nesterov=spec.nesterov, fused=True
            )
            if spec.momentum:
                # The fused step takes all of a group's momenta or none: a layer that is frozen at first has none.
                for group in sgd.param_groups:
                    for parameter in group["params"]:
                        sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
            return sgd
        case Adam():
            return torch.optim.Adam(split, spec.lr, spec.betas, weight_decay=spec.weight_decay, fused=True)
        case AdamW():
            return torch.optim.AdamW(split, spec.lr, spec.betas, weight_decay=spec.weight_decay, fused=True)
        case LARS():
            made: torch.optim.Optimizer = timm.optim.Lars(
                split,
                spec.lr,
                spec.momentum,
                weight_decay=spec.weight_decay,
                trust_coeff=spec.trust,
                trust_clip=spec.clip,
            )
            return made


def _parts(spec: Optimiser, group: Group) -> Iterator[dict[str, Any]]:
    """The group, cut in two where one-dimensional parameters are treated otherwise."""
    spares = isinstance(spec, LARS) or (isinstance(spec, AdamW) and not spec.decay_vectors)
    if not spares:
        yield {**group}
        return
    matrices: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for parameter in group["params"]:
        (matrices if parameter.ndim > 1 else vectors).append(parameter)
    # timm's LARS adapts a group without weight decay only if it is told to.
    adapted = {"always_adapt": True} if isinstance(spec, LARS) else {}
    yield {**group, "params": matrices, **adapted}
    yield {**group, "params": vectors, "weight_decay": 0.0}


def linear_group(layer: nn.Module) -> list[Group]:
    """All parameters of `layer` as one group."""
    return [{"params": list(layer.parameters())}]
