"""Encoders of this suite: the network of a recipe, and its weights from a file."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from benchmark.methods._lcr import LCR
from benchmark.pretrain.lcr import RationaleEncoder
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build


def build_encoder(recipe: Recipe) -> nn.Module:
    """The form of the encoder that `recipe` trains, with random weights."""
    network = build(recipe.backbone)
    if isinstance(recipe.method, LCR):
        return RationaleEncoder(network, recipe.method)
    return network


def load_encoder(recipe: Recipe, path: Path) -> nn.Module:
    """The encoder of `recipe` with the weights of an `encoder.safetensors`, in eval mode on the CPU."""
    with torch.random.fork_rng(devices=[]):
        return with_weights(build_encoder(recipe), path)


def plain_network(encoder: nn.Module) -> nn.Module:
    """The network under an encoder that wraps one; any other encoder as it is."""
    return encoder.network if isinstance(encoder, RationaleEncoder) else encoder


def with_weights(network: nn.Module, path: Path) -> nn.Module:
    """`network` with the weights of an `encoder.safetensors`, in eval mode on the CPU."""
    network.load_state_dict(load_file(path))
    laid_out: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out.eval()
