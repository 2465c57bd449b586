"""Checkpoints of other code: whose layout a file has, its backbone's weights by torchvision's names, its network.

A layout names every prefix that it knows. A name that is neither the backbone's nor of a part that the layout leaves
out is an error: no layer is passed over in silence.
"""

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors.torch import load_file

from benchmark.errors import UserError
from benchmark.specs.recipes import Backbone
from benchmark.training.backbones import build

Weights = dict[str, torch.Tensor]
NETWORKS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2"),
)
"""Networks of torchvision that a file without a name is held against."""
_SHOWN = 5


@dataclass(frozen=True)
class Layout:
    """How a program names what it saves. `backbone` is the prefix of the backbone's weights, `left` are the prefixes of
    parts that are no part of it. `parts` are the torchvision names of a backbone that is saved as a sequence."""

    name: str
    title: str
    backbone: str
    left: tuple[str, ...]
    parts: tuple[str, ...] = ()

    def has(self, names: Iterable[str]) -> bool:
        """Whether a file with these names of weights has this layout."""
        if not self.backbone:
            return "conv1.weight" in names
        first = f"{self.backbone}0.weight" if self.parts else f"{self.backbone}conv1.weight"
        return first in names

    def split(self, weights: Weights) -> tuple[Weights, list[str]]:
        """The backbone's weights by torchvision's names, and the names that this layout does not know."""
        backbone_weights: Weights = {}
        unknown: list[str] = []
        for name, tensor in weights.items():
            if name.startswith(self.backbone) and not (not self.backbone and name.startswith(self.left)):
                backbone_weights[self._of_torchvision(name.removeprefix(self.backbone))] = tensor
            elif not name.startswith(self.left):
                unknown.append(name)
        return backbone_weights, unknown

    def _of_torchvision(self, name: str) -> str:
        number, _, rest = name.partition(".")
        place = int(number) if self.parts and number.isdigit() else -1
        return f"{self.parts[place]}.{rest}" if 0 <= place < len(self.parts) else name


_SEQUENCE = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool")
_MOMENTUM = (
    "momentum_backbone.",
    "momentum_projector.",
    "momentum_predictor.",
    "momentum_classifier.",
    "momentum_head.",
)

OFFICIAL = Layout(
    "official",
    "SimCore's released code",
    "backbone.",
    (
        *("head.", "classifier.", "online_encoder.", "online_predictor.", "online_projector.", "online_net."),
        *("target_encoder.", "prototypes.", "encoder_q.", "encoder_k.", "projector_q.", "projector_k.", "queue"),
    ),
)
SOLO_LEARN = Layout(
    "solo-learn",
    "solo-learn",
    "backbone.",
    ("projector.", "predictor.", "classifier.", "head.", "prototypes.", "queue", "transformer.", *_MOMENTUM),
)
LIGHTLY = Layout(
    "lightly",
    "lightly",
    "backbone.",
    (
        *("projection_head.", "prediction_head.", "projection_head_momentum.", "backbone_momentum.", "prototypes."),
        *("projection_head_teacher.", "teacher_backbone.", "teacher_head.", "student_head.", "criterion.", "loss."),
        *("memory_bank.", "online_classifier.", "classifier."),
    ),
    _SEQUENCE,
)
TORCHVISION = Layout("torchvision", "a ResNet of torchvision", "", ("fc.",))
LAYOUTS = {layout.name: layout for layout in (OFFICIAL, SOLO_LEARN, LIGHTLY, TORCHVISION)}


@dataclass(frozen=True)
class Checkpoint:
    """A file of a known layout: the backbone's `weights` by torchvision's names. `picks` are the positions that the
    released code saved of its coreset, `target` the data set that it names; None where there are none."""

    layout: Layout
    weights: Weights
    picks: tuple[int, ...] | None = None
    target: str | None = None


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file. UserError, naming the file, for one that cannot be read safely, of no known layout, or
    with weights that its layout does not know. Nothing in the file is run."""
    content = _content(path)
    envelope = content if isinstance(content, Mapping) else {}
    official = {"args", "model", "optimizer", "epoch"} <= set(envelope)
    weights = _tensors(envelope["model"] if official else envelope.get("state_dict", envelope))
    if not weights:
        raise _refused(path, "it holds no weights by name")
    layout = _layout(set(weights), official)
    if layout is None:
        first = ", ".join(list(weights)[:_SHOWN])
        known = ", ".join(one.title for one in LAYOUTS.values())
        raise _refused(
            path, f"its layout is none of {known} (it begins with {first}); a file of timm needs timm:NAME={path}"
        )
    backbone_weights, unknown = layout.split(weights)
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise _refused(path, f"{layout.title} has no weights named {', '.join(unknown[:_SHOWN])}{more}")
    return Checkpoint(layout, backbone_weights, _picks(path, envelope), _target(envelope) if official else None)


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        loader: Any = load_file
    else:

        def loader(file: Path) -> Any:
            # The released code saves its options beside the weights; nothing else but tensors and plain values loads.
            with torch.serialization.safe_globals([argparse.Namespace]):
                return torch.load(file, map_location="cpu", weights_only=True)

    try:
        return loader(path)
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except Exception as error:
        # Unpicklers raise dozens of unrelated types.
        raise _refused(path, str(error).strip().partition("\n")[0] or type(error).__name__) from error


def _refused(path: Path, why: str) -> UserError:
    return UserError(f"checkpoint {path} cannot be used: {why}")


def _tensors(state: Any) -> Weights:
    """The tensors of a state dict, without the names that DataParallel puts before and between."""
    if not isinstance(state, Mapping):
        return {}
    items = [(str(name), tensor) for name, tensor in state.items() if isinstance(tensor, torch.Tensor)]
    return {re.sub(r"(^|\.)module\.", r"\1", name): tensor for name, tensor in items}


def _layout(names: set[str], official: bool) -> Layout | None:
    if official:
        return OFFICIAL if OFFICIAL.has(names) else None
    heads = any(name.startswith(("projection_head.", "prediction_head.")) for name in names)
    if LIGHTLY.has(names):
        return LIGHTLY
    if SOLO_LEARN.has(names):
        # A backbone that lightly's users keep whole, not as a sequence, has the names that solo-learn gives it.
        return LIGHTLY if heads else SOLO_LEARN
    return TORCHVISION if TORCHVISION.has(names) else None


def _picks(path: Path, envelope: Mapping[str, Any]) -> tuple[int, ...] | None:
    picks = envelope.get("indices")
    if picks is None:
        return None
    values = picks.tolist() if isinstance(picks, torch.Tensor) else picks
    if not isinstance(values, list | tuple | set) or not all(type(one) is int and one >= 0 for one in values):
        raise _refused(path, "its 'indices' are no list of positions")
    return tuple(values)


def _target(envelope: Mapping[str, Any]) -> str | None:
    options = envelope["args"]
    named = getattr(options, "dataset1", None) or getattr(options, "dataset", None)
    return named if isinstance(named, str) else None


def backbone_of(checkpoint: Checkpoint, path: Path) -> Backbone:
    """The network whose names and shapes the weights have. UserError with the nearest one, and how it differs."""
    shapes = {name: tuple(tensor.shape) for name, tensor in checkpoint.weights.items() if not _is_counter(name)}
    forms = [(backbone, _form(backbone)) for backbone in _candidates()]
    for backbone, form in forms:
        if form == shapes:
            return backbone
    nearest, form = min(forms, key=lambda one: len(set(one[1].items()) ^ set(shapes.items())))
    raise _refused(path, f"it fits no network; from {nearest.full_name} it differs: {_difference(form, shapes)}")


def _candidates() -> list[Backbone]:
    known = set(torchvision.models.list_models(module=torchvision.models))
    stems = ("imagenet", "cifar")
    names = [name for name in NETWORKS if name in known]
    return [Backbone(name=name, library="torchvision", stem=stem) for stem in stems for name in names]  # type: ignore[arg-type]


@cache
def _form(backbone: Backbone) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's weights by name; nothing is allocated."""
    with torch.device("meta"):
        state = build(backbone).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items() if not _is_counter(name)}


def _is_counter(name: str) -> bool:
    # Older files have none; they play no part in features.
    return name.endswith("num_batches_tracked")


def _difference(form: Mapping[str, tuple[int, ...]], shapes: Mapping[str, tuple[int, ...]]) -> str:
    kinds = {
        "missing": form.keys() - shapes.keys(),
        "not the network's": shapes.keys() - form.keys(),
        "of another shape": {name for name in form.keys() & shapes.keys() if form[name] != shapes[name]},
    }
    parts = []
    for what, names in kinds.items():
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            parts.append(f"{len(names)} weights are {what}: {', '.join(sorted(names)[:_SHOWN])}{more}")
    return "; ".join(parts)
