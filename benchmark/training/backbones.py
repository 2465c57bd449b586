"""Backbones by name, without classifier and from random weights, and BatchNorm over groups of a forward pass."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import timm.layers
import torch
import torchvision
from torch import nn

from benchmark.errors import UnknownName, UserError
from benchmark.specs.recipes import MEAN, STD, Backbone, MethodSpec


def build(spec: Backbone, drop_path: float = 0.0) -> nn.Module:
    """The network `spec` names, giving pooled features [B, d] for images [B, 3, S, S]: global average pooling, or the
    class token of a vision transformer. `drop_path` is the rate of stochastic depth where it is not the network's own.

    Weights are drawn from torch's global generator: seed it first. Raises UnknownName for a name that the library does
    not have, UserError for a torchvision network whose classifier is not a single layer at its end, and for fields
    that the network has no use for.
    """
    rate = drop_path or spec.drop_path
    network = _from_timm(spec, rate) if spec.library == "timm" else _from_torchvision(spec, rate)
    if spec.stem != "imagenet":
        _small_stem(network, spec)
    return network


def _from_timm(spec: Backbone, drop_path: float) -> nn.Module:
    if not timm.is_model(spec.name):
        raise UnknownName("timm backbone", spec.name, timm.list_models())
    sizes = {"img_size": spec.image_size, "patch_size": spec.patch_size, "drop_path_rate": drop_path or None}
    options = {name: value for name, value in sizes.items() if value is not None}
    try:
        return cast(nn.Module, timm.create_model(spec.name, pretrained=False, num_classes=0, **options))
    except TypeError as error:
        raise UserError(f"timm's {spec.name} cannot be built with {options}: {error}") from error


def _from_torchvision(spec: Backbone, drop_path: float) -> nn.Module:
    name = spec.name
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise UnknownName("torchvision backbone", name, torchvision.models.list_models(module=torchvision.models))
    if spec.image_size or spec.patch_size or drop_path:
        raise UserError(f"torchvision's {name} takes no image_size, patch_size or drop_path; use the one of timm")
    network = cast(nn.Module, torchvision.models.get_model(name, weights=None))
    ending = next((part for part in ("fc", "classifier", "heads", "head") if hasattr(network, part)), None)
    if ending is None:
        raise UserError(f"torchvision's {name} has no classifier at its end to take off; use the one of timm")
    setattr(network, ending, nn.Identity())
    return network


def _small_stem(network: nn.Module, spec: Backbone) -> None:
    if not hasattr(network, "maxpool"):
        raise UserError(f"{spec.name} has no max-pool to take out: no stem '{spec.stem}'")
    network.maxpool = nn.Identity()
    if spec.stem == "cifar":
        first = getattr(network, "conv1", None)
        if not isinstance(first, nn.Conv2d):
            raise UserError(f"{spec.name} does not begin with one convolution: no stem 'cifar'")
        network.conv1 = nn.Conv2d(3, first.out_channels, kernel_size=3, stride=1, padding=2, bias=False)


def feature_dimension(backbone: nn.Module) -> int:
    """d of the backbone's features, found by one forward pass in eval mode, which changes nothing in it."""
    training = backbone.training
    parameter = next(backbone.parameters())
    side = getattr(getattr(backbone, "patch_embed", None), "img_size", None) or (224,)
    with torch.no_grad():
        features = backbone.eval()(torch.zeros(1, 3, side[0], side[0], device=parameter.device))
    backbone.train(training)
    return int(features.shape[1])


def check_trainable(spec: Backbone, size: int, method: MethodSpec) -> None:
    """Raise UserError for a network that cannot read crops of `size` px, with the library's own reason, or that
    `method` cannot train: MAE needs a plain vision transformer, LCR a pooled feature map."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = build(spec).eval()
        try:
            features = network(torch.zeros(1, 3, size, size))
        except (AssertionError, RuntimeError, ValueError) as error:
            raise UserError(f"{spec.name} cannot look at crops of {size} px: {error}") from error
    if features.ndim != 2:
        raise UserError(f"{spec.name} gives features of {features.ndim} dimensions, not one row for each image")
    if method.views == 1:
        check_maskable(network, spec)
    if method.wraps_encoder:
        pooling(network)


def check_maskable(network: nn.Module, spec: Backbone) -> None:
    """UserError unless MAE can take patches away from `network`."""
    if not hasattr(network, "patch_embed"):
        raise UserError(f"MAE masks patches of a vision transformer, and {spec.name} is none")
    plain = isinstance(network, timm.models.VisionTransformer)
    if not plain or not network.has_class_token or network.num_prefix_tokens != 1:
        raise UserError(f"MAE needs a plain vision transformer with one class token, and {spec.name} is none")


def take_any_size(module: nn.Module) -> None:
    """Let timm's vision transformers in `module` see images of other sizes than their own, local crops for one, by
    resampled positions. Images of their own size go through as before."""
    for network in cast(Any, module.modules()):
        if hasattr(network, "dynamic_img_size") and not network.dynamic_img_size:
            network.dynamic_img_size = True
            network.patch_embed.strict_img_size = False
            network.patch_embed.flatten, network.patch_embed.output_fmt = False, timm.layers.Format.NHWC


class PatchMean(nn.Module):
    """A vision transformer read as the released sampling reads MAE's: the mean of the normalised patch tokens, through
    the last normalisation a second time."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        if not hasattr(network, "patch_embed"):
            raise UserError("token 'patches' is of vision transformers: this network has no patches")
        self.network: Any = network
        self.patch_embed = network.patch_embed

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.network.forward_features(images)[:, self.network.num_prefix_tokens :]
        return cast(torch.Tensor, self.network.norm(tokens.mean(1)))


def pooling(network: nn.Module) -> nn.Module:
    """The layer that pools a convolutional network's last feature map. UserError for a network that has none."""
    layer = next((getattr(network, name) for name in ("avgpool", "global_pool") if hasattr(network, name)), None)
    if not isinstance(layer, nn.Module):
        raise UserError(f"{type(network).__name__} pools no feature map by a layer of its own to weight: use a ResNet")
    return layer


def groups_of(crops: int, group: int | None) -> int:
    """How many BatchNorm groups a full forward pass of `crops` crops has; one when the group is larger than it.

    Raises UserError when the groups would not be of one size.
    """
    if group is None or group >= crops:
        return 1
    if crops % group:
        raise UserError(f"batchnorm_group {group} does not divide the {crops} crops of a step (two views of the batch)")
    return crops // group


@dataclass
class Groups:
    """The consecutive parts of a forward pass that BatchNorm normalises separately: `count` of them as torch.chunk cuts
    them, so that a smaller last batch has smaller parts, or, on one of several devices, parts of `rows` rows."""

    count: int
    rows: int | None = None

    def cut(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parts = x.chunk(self.count) if self.rows is None else torch.split(x, self.rows)
        # One value a channel has no variance; the released code ends with an error at such a batch.
        return (x,) if parts[-1].numel() == x.shape[1] else parts


def has_batchnorm(module: nn.Module) -> bool:
    """Whether any BatchNorm of `module` normalises by the batch, because it is in training mode."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training for layer in module.modules())


def group_batchnorm(module: nn.Module, groups: Groups) -> nn.Module:
    """Make every BatchNorm of `module` normalise the parts that `groups` cuts a batch into; returns `module`.

    As nn.DataParallel did on as many GPUs in the released code: running statistics are those of the first part, because
    DataParallel keeps the buffers of replica 0 and drops the others. The parameters and the state's names stay as they
    are.
    """
    if groups.count == 1:
        return module
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.forward = _grouped(layer, groups)  # type: ignore[method-assign, assignment]
    return module


def _grouped(layer: nn.modules.batchnorm._BatchNorm, groups: Groups) -> Callable[[torch.Tensor], torch.Tensor]:
    whole = layer.forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        if not layer.training:
            return whole(x)
        first, *others = groups.cut(x)
        return torch.cat([whole(first), *(_own_statistics(layer, part) for part in others)])

    return forward


def _own_statistics(layer: nn.modules.batchnorm._BatchNorm, x: torch.Tensor) -> torch.Tensor:
    """Batch normalisation by the statistics of `x`. The running statistics do not change."""
    return torch.batch_norm(x, layer.weight, layer.bias, None, None, True, 0.0, layer.eps, torch.backends.cudnn.enabled)


class Rescale(nn.Module):
    """Images normalised as this suite does, [B, 3, S, S], to the mean and standard deviation that a network expects."""

    factor: torch.Tensor
    shift: torch.Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        suite, network = torch.tensor([MEAN, STD], dtype=torch.float64), torch.tensor([mean, std], dtype=torch.float64)
        factor, shift = suite[1] / network[1], (suite[0] - network[0]) / network[1]
        self.register_buffer("factor", factor.float().view(1, 3, 1, 1))
        self.register_buffer("shift", shift.float().view(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * self.factor + self.shift


def rescaled(network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> nn.Module:
    """`network`, which expects images normalised by `mean` and `std`, for this suite's images; in eval mode."""
    return nn.Sequential(OrderedDict(rescale=Rescale(mean, std), network=network)).eval()
