"""An encoder of this suite as one of timm's networks, held to giving the same features."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.pretrain.lcr import RationaleEncoder
from benchmark.specs.recipes import MEAN, STD, Backbone, Embedding
from benchmark.training.backbones import build
from benchmark.training.checkpoint import write

WEIGHTS = "model.safetensors"
BRANCH = "branch.safetensors"
CONFIG = "config.json"
_KEPT = ("first_conv", "classifier", "fixed_input_size")
"""Fields of timm's own description of a network that its loader reads."""


@dataclass(frozen=True)
class Exported:
    """A network of timm: `timm.create_model(architecture, num_classes=0, **arguments)` with `weights`.

    `inner` is this suite's network, whose features it must give. `branch` is LCR's, None for all other methods.
    """

    architecture: str
    inner: nn.Module
    weights: dict[str, torch.Tensor]
    arguments: dict[str, int] = field(default_factory=dict)
    branch: dict[str, torch.Tensor] | None = None


def timm_form(backbone: Backbone, encoder: nn.Module) -> Exported:
    """`encoder`, trained on `backbone`, as a network of timm; of LCR's encoder its inner network.

    Raises UserError for a stem and for a torchvision network that timm does not have in the same form.
    """
    if backbone.stem != "imagenet":
        raise UserError(f"stem '{backbone.stem}' of {backbone.name} cannot be exported: timm has no such network")
    inner, branch = encoder, None
    if isinstance(encoder, RationaleEncoder):
        inner, branch = encoder.network, encoder.branch.state_dict()
    weights = inner.state_dict()
    match backbone:
        case Backbone(library="torchvision", name=name):
            _check_same_form(name, weights)
    sizes = {"img_size": backbone.image_size, "patch_size": backbone.patch_size}
    arguments = {name: size for name, size in sizes.items() if size is not None}
    return Exported(backbone.name, inner, weights, arguments, branch)


def check_exportable(backbone: Backbone) -> None:
    """UserError, before anything is trained, for a network that timm does not have."""
    with torch.random.fork_rng(devices=[]):
        timm_form(backbone, build(backbone))


def _check_same_form(name: str, weights: dict[str, torch.Tensor]) -> None:
    problem = f"torchvision's {name} cannot be exported: timm has no network of that name and the same weights"
    if not timm.is_model(name):
        raise UserError(problem)
    with torch.random.fork_rng(devices=[]):
        expected = build(Backbone(name=name, library="timm")).state_dict()
    if {key: tensor.shape for key, tensor in expected.items()} != {
        key: tensor.shape for key, tensor in weights.items()
    }:
        raise UserError(problem)


def write_network(exported: Exported, embedding: Embedding, folder: Path) -> int:
    """Write weights and configuration; the number of features.

    UserError when timm, given them, would compute other features.
    """
    write(folder / WEIGHTS, exported.weights, {"format": "pt"})
    if exported.branch is not None:
        write(folder / BRANCH, exported.branch, {"format": "pt"})
    with torch.random.fork_rng(devices=[]):
        loaded = timm.create_model(
            exported.architecture, num_classes=0, checkpoint_path=str(folder / WEIGHTS), **exported.arguments
        )
        images = torch.randn(2, 3, embedding.crop, embedding.crop)
    features = _same_features(exported.inner, loaded, images)
    if features is None:
        raise UserError(f"{exported.architecture} cannot be exported: timm's network of that name computes otherwise")
    (folder / CONFIG).write_text(json.dumps(config(exported, loaded, embedding), indent=2) + "\n")
    for name in (WEIGHTS, BRANCH) if exported.branch else (WEIGHTS,):
        # Checkpoints are their writer's alone; this folder is to be passed on.
        shutil.copymode(folder / CONFIG, folder / name)
    return features


@torch.no_grad()
def _same_features(exported: nn.Module, loaded: nn.Module, images: torch.Tensor) -> int | None:
    """How many features both networks give of an image, None where they are not the same."""
    first, second = exported.eval()(images), loaded.eval()(images)
    same = first.shape == second.shape and torch.allclose(first, second, rtol=1e-4, atol=1e-5, equal_nan=True)
    return int(first.shape[1]) if same else None


def config(exported: Exported, network: Any, embedding: Embedding) -> dict[str, Any]:
    """The configuration in timm's form, with images prepared as they were for this suite's probes."""
    kept = {name: network.pretrained_cfg[name] for name in _KEPT if name in network.pretrained_cfg}
    prepared = {
        "input_size": [3, embedding.crop, embedding.crop],
        "mean": list(MEAN),
        "std": list(STD),
        "interpolation": "bilinear",
        "crop_pct": embedding.crop / embedding.resize,
        "crop_mode": "center",
        "num_classes": 0,
    }
    return {
        "architecture": exported.architecture,
        "num_classes": 0,
        "num_features": network.num_features,
        "model_args": exported.arguments,
        "pretrained_cfg": {**kept, **prepared},
    }
