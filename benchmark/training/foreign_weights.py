"""Weights that were trained elsewhere, loaded by name into a network of this suite."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import constants, get_session, try_to_load_from_cache
from safetensors.torch import load_file
from timm.models import load_state_dict
from torch import nn

from benchmark.errors import UserError
from benchmark.specs.recipes import Backbone
from benchmark.training.backbones import build
from benchmark.training.checkpoint_layouts import LAYOUTS, read_checkpoint

CLASSIFIERS = ("fc", "head", "classifier")
"""Layers that a file may have and the network has not, beside the classifier that timm names for the network."""
HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm calls the weights of a network on the Hub."""
PATIENCE = 5.0
"""Seconds in which the Hub is to answer."""
_SHOWN = 5
_MISFITS = (
    (re.compile(r"Missing key\(s\) in state_dict: (.*)"), "missing"),
    (re.compile(r"Unexpected key\(s\) in state_dict: (.*)"), "not the network's"),
)


def foreign_network(backbone: Backbone, origin: str, path: Path | None, seed: int | None = None) -> nn.Module:
    """The network with the weights of `path`. Where `path` is None: those that timm gets by the network's name, or of
    `origin` "random" those that `seed` draws.

    UserError for weights that cannot be had or that do not fit the network; it names what is missing or too many.
    """
    if origin == "random":
        return _random(backbone, seed or 0)
    try:
        return _network(backbone, origin, path)
    except UserError:
        raise
    except Exception as error:
        # Hub clients, unpicklers and state dicts raise dozens of unrelated types.
        where = f"in {path}" if path else "of timm (it asks the Hub: is there a network?)"
        raise UserError(
            f"the weights of {backbone.name} {where} cannot be used: {_reason(error)}; "
            "give a local file with --encoder timm:NAME=FILE"
        ) from error


@cache
def check_fits(weights: Backbone, network: Backbone) -> None:
    """UserError, with the layers, where weights of one network cannot be put into another one."""
    with torch.random.fork_rng(devices=[]):
        try:
            build(network).load_state_dict(build(weights).state_dict())
        except RuntimeError as error:
            raise UserError(
                f"weights of {weights.full_name} do not fit {network.full_name}, which is trained: {_reason(error)}"
            ) from error


def saved_picks(path: Path) -> tuple[int, ...] | None:
    """The positions of the coreset that the released code saved in `path`; None where it saved none."""
    return read_checkpoint(path).picks


def _random(backbone: Backbone, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(backbone)


def _network(backbone: Backbone, origin: str, path: Path | None) -> nn.Module:
    """The network with its weights. Every name of a weight is compared with the network's: no layer keeps its random
    weights without an error."""
    if path is None:
        return _of_hub(backbone)
    if origin == "file":
        return _of_file(backbone, path)
    network = build(backbone)
    network.load_state_dict(read_checkpoint(path).weights if origin in LAYOUTS else load_file(path))
    return network


def _of_file(backbone: Backbone, path: Path) -> nn.Module:
    """timm's loader, which knows the older forms of its checkpoints, on the file without its classifier.

    Where timm removes the classifier itself, it does not report other names that are missing or too many.
    """
    network: Any = build(backbone)
    own, named = network.state_dict(), network.pretrained_cfg.get("classifier") or ()
    layers = {*CLASSIFIERS, *([named] if isinstance(named, str) else named)}
    weights = load_state_dict(str(path), weights_only=True)
    kept = {name: weights[name] for name in weights if name in own or name.rpartition(".")[0] not in layers}
    overlay = {"state_dict": kept, "num_classes": 0}
    loaded: nn.Module = timm.create_model(backbone.name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    return loaded


def _of_hub(backbone: Backbone) -> nn.Module:
    """timm's own weights, loaded with the classifier that they were trained with, because only then is timm strict."""
    check_obtainable(backbone.name)
    whole: Any = timm.create_model(backbone.name, pretrained=True)
    whole.reset_classifier(0)
    network = build(backbone)
    network.load_state_dict(whole.state_dict())
    return network


def check_obtainable(name: str) -> None:
    """UserError, after seconds at most, where timm's weights of the network `name` are not in the Hub's cache and the
    Hub does not answer. A download asks again and again for over a minute."""
    source = timm.get_pretrained_cfg(name)
    if source is None or not source.hf_hub_id or _is_cached(source.hf_hub_id, source.hf_hub_filename):
        return
    if not _hub_answers():
        raise UserError(
            f"the weights of {name} are not on this machine, and the Hub that has them does not answer; "
            f"give a local file with --encoder timm:{name}=FILE"
        )


def _is_cached(model: str, file: str | None) -> bool:
    repository, _, revision = model.partition("@")
    names = (file,) if file else HUB_FILES
    paths = (try_to_load_from_cache(repository, name, revision=revision or None) for name in names)
    return any(isinstance(path, str) for path in paths)


def _hub_answers() -> bool:
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception:
        # The library's client raises dozens of unrelated types. Any answer, an error's too, is an answer.
        return False
    return True


def _reason(error: Exception) -> str:
    """One line: which layers do not fit, or the first line of another error."""
    text = str(error).strip()
    return "; ".join(_misfits(text)) or text.partition("\n")[0] or type(error).__name__


def _misfits(text: str) -> Iterator[str]:
    """What a strict `load_state_dict` found, by kind: how many weights, and the first layers by name."""
    for pattern, problem in _MISFITS:
        for names in pattern.findall(text):
            yield _counted(re.findall(r'"([^"]+)"', names), problem)
    if shapes := re.findall(r"size mismatch for (\S+): ", text):
        yield _counted(shapes, "of another shape")


def _counted(names: list[str], problem: str) -> str:
    layers = list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))
    more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
    return f"{len(names)} weights of {len(layers)} layers are {problem}: {', '.join(layers[:_SHOWN])}{more}"
