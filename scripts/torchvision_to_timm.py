"""Weights of a network in torchvision's form, under the names that timm has for the same network.

    python -m scripts.torchvision_to_timm efficientnet_b0 weights.pth efficientnet_b0.safetensors

    python -m scripts.torchvision_to_timm tf_efficientnet_lite0 weights.pth lite0.safetensors --torchvision ""

Both state dicts list their tensors in the order of the layers, so that the n-th of one is the n-th of the other. All
shapes must agree. Where torchvision has a network of that name too (or of the one that --torchvision gives), both are
run on an image, and nothing is written unless their outputs agree. `--encoder timm:NAME=FILE` then takes the file.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.errors import UserError

State = dict[str, torch.Tensor]
COUNTER = "num_batches_tracked"
"""What BatchNorm layers count beside their weights; older files lack it, and nothing depends on it."""


def read(path: Path) -> State:
    """The state dict of a file, alone or below "state_dict" or "model". UserError for anything else."""
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:
        # Unpicklers raise any type.
        raise UserError(f"{path} cannot be read as weights: {error}") from error
    for key in ("state_dict", "model"):
        content = content.get(key, content) if isinstance(content, Mapping) else content
    if not isinstance(content, Mapping) or not all(isinstance(one, torch.Tensor) for one in content.values()):
        raise UserError(f"{path} holds no state dict")
    return dict(content)


def paired(source: Mapping[str, torch.Tensor], network: nn.Module) -> State:
    """The tensors of `source` under the names of `network`'s state dict, paired by order. UserError where their number
    or a shape differs, with the first pair that does."""
    names = [name for name in network.state_dict() if not name.endswith(COUNTER)]
    tensors = {name: tensor for name, tensor in source.items() if not name.endswith(COUNTER)}
    for name, (other, tensor) in zip(names, tensors.items(), strict=False):
        expected = network.state_dict()[name].shape
        if tensor.shape != expected:
            raise UserError(f"{other} {tuple(tensor.shape)} stands where {name} {tuple(expected)} does")
    if len(names) != len(tensors):
        raise UserError(f"the file has {len(tensors)} tensors and the network {len(names)}")
    return dict(zip(names, (tensor.contiguous() for tensor in tensors.values()), strict=True))


def same_outputs(first: nn.Module, second: nn.Module, side: int = 224) -> bool:
    """Whether both networks give the same for an image of noise, but for a thousandth of its length."""
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, other = (network.eval()(image) for network in (first, second))
    return bool((one - other).norm() <= 1e-3 * one.norm())


def convert(name: str, source: State, torchvision_name: str) -> State:
    """The weights under timm's names for its network `name`. `torchvision_name` is torchvision's network to compare
    with, "" for none. UserError where they do not fit or compute otherwise."""
    if not timm.is_model(name):
        raise UserError(f"timm has no network {name}")
    classes = next(reversed(source.values())).shape[0]
    network = timm.create_model(name, num_classes=classes)
    weights = paired(source, network)
    network.load_state_dict(weights, strict=False)
    if torchvision_name:
        original = torchvision.models.get_model(torchvision_name, num_classes=classes)
        original.load_state_dict(source, strict=False)
        if not same_outputs(original, network):
            whose = f"timm's {name} computes otherwise than torchvision's {torchvision_name}"
            raise UserError(f"all shapes fit, but {whose}")
    return weights


def main() -> None:
    """Read the arguments, convert, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="timm's name of the network")
    parser.add_argument("file", type=Path, help="weights in torchvision's form")
    parser.add_argument("out", type=Path, help="the file to write, .safetensors")
    parser.add_argument("--torchvision", help="torchvision's name, to compare outputs; default: the same if it has one")
    options = parser.parse_args()
    known = torchvision.models.list_models()
    compared = (options.name if options.name in known else "") if options.torchvision is None else options.torchvision
    try:
        weights = convert(options.name, read(options.file), compared)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    save_file(weights, options.out)
    print(f"wrote {options.out}: {len(weights)} tensors, " + (f"outputs equal those of torchvision's {compared}"
          if compared else "paired by shape alone; no network of torchvision to compare outputs with"))  # fmt: skip


if __name__ == "__main__":
    main()
