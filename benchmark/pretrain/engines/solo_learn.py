"""SimCLR by solo-learn: its method class, projector and loss, set up from our recipe (paper profile).

Only what decides the weights is taken from it. Its label classifier is left out, its data pipeline, trainer and
auto-resume are never started (auto-resume matches runs by keys that do not tell the image sets apart).
"""

import types
from typing import Any, cast

import torch

from benchmark.errors import UserError
from benchmark.pretrain.backbones import build
from benchmark.pretrain.engines import Engine, Learner
from benchmark.specs import Backbone, Recipe

COMMIT = "9187ea39c2c3f43c455ab06664d2b019a9802954"


def settings(recipe: Recipe, width: int) -> dict[str, Any]:
    """solo-learn's configuration of `recipe`; `width` is the backbone's feature dimension.

    The optimiser and schedule are stated too, so that its defaults never stand for ours, although our loop runs them.
    """
    optimiser = recipe.optimiser.model_dump(mode="json", exclude={"kind", "lr", "weight_decay"})
    return {
        "method": "simclr",
        "backbone": {"name": recipe.backbone.name, "kwargs": {}},
        "method_kwargs": {
            "temperature": recipe.method.temperature,
            "proj_hidden_dim": recipe.method.hidden or width,
            "proj_output_dim": recipe.method.output,
        },
        "data": {"dataset": "custom", "num_classes": 1, "num_large_crops": 2, "num_small_crops": 0},
        "max_epochs": 1,
        "accumulate_grad_batches": 1,
        "optimizer": {
            "name": recipe.optimiser.kind,
            "batch_size": recipe.batch,
            "lr": recipe.optimiser.lr,
            "weight_decay": recipe.optimiser.weight_decay,
            "classifier_lr": 0.0,
            "exclude_bias_n_norm_wd": False,
            "kwargs": optimiser,
        },
        "scheduler": {"name": "none", "interval": "epoch"},
        "knn_eval": {"enabled": False},
        "auto_resume": {"enabled": False},
    }


def resolved(method: Any) -> dict[str, Any]:
    """What a built solo-learn method will really do, read from its attributes and layers and not from what it was told,
    in the words of `settings`."""
    hidden, _, output = method.projector
    return {
        "backbone": {"name": method.backbone_name, "kwargs": dict(method.backbone_args)},
        "method_kwargs": {
            "temperature": method.temperature,
            "proj_hidden_dim": hidden.out_features,
            "proj_output_dim": output.out_features,
        },
        "data": {
            "num_classes": method.num_classes,
            "num_large_crops": method.num_large_crops,
            "num_small_crops": method.num_small_crops,
        },
        "accumulate_grad_batches": method.accumulate_grad_batches,
        "optimizer": {
            "name": method.optimizer,
            "batch_size": method.batch_size,
            "lr": method.lr,
            "weight_decay": method.weight_decay,
            "exclude_bias_n_norm_wd": method.exclude_bias_n_norm_wd,
            "kwargs": _plain(method.extra_optimizer_args),
        },
        "scheduler": {"name": method.scheduler, "interval": method.scheduler_interval},
        "knn_eval": {"enabled": method.knn_eval},
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if not isinstance(value, str) and hasattr(value, "__iter__") else value


def differences(wanted: dict[str, Any], found: dict[str, Any], path: str = "") -> list[str]:
    """Every entry of `found` that `wanted` states otherwise, as "path: found, not wanted"."""
    lines = []
    for key, value in found.items():
        if isinstance(value, dict) and isinstance(wanted[key], dict):
            lines += differences(wanted[key], value, f"{path}{key}.")
        elif value != wanted[key]:
            lines.append(f"{path}{key}: {value!r}, not {wanted[key]!r}")
    return lines


class SoloSimCLR(Learner):
    """The backbone, projector and loss function of solo.methods.SimCLR."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        from omegaconf import OmegaConf
        from solo.losses.simclr import simclr_loss_func
        from solo.methods import SimCLR

        _refuse(recipe, SimCLR)
        with torch.random.fork_rng(devices=[]):
            reference = build(recipe.backbone).state_dict()
        width = next(iter(SimCLR._BACKBONES[recipe.backbone.name]("simclr").fc.parameters())).shape[1]
        wanted = settings(recipe, width)
        method = SimCLR(OmegaConf.create(wanted))
        if lines := differences(wanted, resolved(method)):
            raise UserError(f"solo-learn resolved the recipe differently: {'; '.join(lines)}")
        shapes = {name: tensor.shape for name, tensor in method.backbone.state_dict().items()}
        if shapes != {name: tensor.shape for name, tensor in reference.items()}:
            raise UserError(f"solo-learn's {recipe.backbone.name} is not the one of torchvision")
        self.backbone, self.projector = method.backbone, method.projector
        self._temperature: float = method.temperature
        self._criterion = _without_gathering(simclr_loss_func)

    def contrast(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        which = torch.arange(len(first), device=first.device).repeat(2)
        loss = self._criterion(torch.cat([first, second]), indexes=which, temperature=self._temperature)
        return cast(torch.Tensor, loss)


def _refuse(recipe: Recipe, method: Any) -> None:
    if recipe.method.batchnorm:
        raise UserError("solo-learn's SimCLR head has no BatchNorm; set method.batchnorm to false, or use lightly")
    known = sorted(name for name in method._BACKBONES if name.startswith("resnet"))
    if recipe.backbone not in [Backbone(name=name, library="torchvision") for name in known]:
        wanted = " ".join(recipe.backbone.model_dump().values())
        raise UserError(
            f"engine solo-learn builds torchvision's {', '.join(known)} only, not {wanted}; use engine lightly"
        )


def _without_gathering(function: Any) -> Any:
    """The same code, with its gathering over ranks switched off: our loop has gathered the projections already."""
    names = {**function.__globals__, "gather": lambda tensor: tensor, "get_rank": lambda: 0}
    return types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)


class SoloLearn(Engine):
    """PyPI's solo-learn (1.0.2) pins torch 1.9 and cannot be installed beside a current torch: hence the commit."""

    name = "solo-learn"
    distribution = "solo-learn"
    modules = ("solo", "omegaconf", "einops")
    install = (
        'pip install "setuptools<81" omegaconf einops hydra-core && pip install --no-build-isolation --no-deps '
        f'"solo-learn @ git+https://github.com/vturrisi/solo-learn@{COMMIT}"'
    )

    def _build(self, recipe: Recipe) -> Learner:
        return SoloSimCLR(recipe)


entry = SoloLearn()
