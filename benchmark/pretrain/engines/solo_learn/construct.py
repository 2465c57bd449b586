"""Building a solo-learn method from a recipe: its configuration, the backbones of this suite, and the resolved
settings.

solo-learn computes a loss in `training_step`, which first runs every view through the networks. The training loop has
done that already, for both views at once and on all devices. So a class stands between the method and solo-learn's
base: it hands over the outputs that are already there.
"""

from functools import partial
from typing import Any, cast
from unittest.mock import patch

import torch
from omegaconf import OmegaConf
from solo import methods as solo_methods
from solo.backbones.vit.vit_mae import MaskedAutoencoderViT
from solo.methods.base import BaseMethod, BaseMomentumMethod
from torch import nn

from benchmark.errors import UserError
from benchmark.methods.dino import DINO
from benchmark.methods.mae import MAE
from benchmark.pretrain.engines.solo_learn.config import SoloLearnConfig
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, check_maskable, feature_dimension


class _Given:
    """Stands over solo-learn's base classes. It hands over outputs that are already there, and has no trainer."""

    given: dict[str, Any]
    seen: dict[str, torch.Tensor]
    epoch = 0
    trainer = None

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        return self.given

    def log(self, name: str, value: Any, **_options: Any) -> None:
        self.seen[name] = torch.as_tensor(value).detach()

    def log_dict(self, values: dict[str, Any], **_options: Any) -> None:
        for name, value in values.items():
            self.log(name, value)

    @property
    def current_epoch(self) -> int:
        return self.epoch


class _GivenBase(_Given, BaseMethod):  # type: ignore[misc]
    pass


class _GivenMomentum(_Given, BaseMomentumMethod):  # type: ignore[misc]
    pass


def construct(recipe: Recipe, config: SoloLearnConfig) -> Any:
    """solo-learn's method of the recipe. Raises UserError where it resolved a key to another value than the requested
    one."""
    method = getattr(solo_methods, config.class_name)
    given = _GivenMomentum if issubclass(method, BaseMomentumMethod) else _GivenBase
    name = f"suite_vit:{recipe.backbone.name}"
    # solo-learn knows networks by a name in a dictionary; the networks here are ours, for every engine the same.
    cls = type(config.class_name, (method, given), {"_BACKBONES": {name: networks(recipe)}})
    requested = settings(recipe, config, name)
    with patch.dict(BaseMethod._BACKBONES, {name: None}):
        built = cls(OmegaConf.create(requested))
    built.seen = {}
    built.classifier.requires_grad_(False)
    if config.name == "swav":
        built.on_train_start()
    if config.name == "all4one":
        # Filled in by the first step: as part of the state it would keep a resumed run from loading its own.
        built.pos_enc.penc.penc.register_buffer("cached_penc", None, persistent=False)
    if isinstance(recipe.method, DINO) and recipe.augmentation.local:
        built.dino_loss_func.num_large_crops += recipe.augmentation.local.count
    if lines := differences(requested, resolved(built, config)):
        raise UserError(f"solo-learn resolved the recipe differently: {'; '.join(lines)}")
    return built


def networks(recipe: Recipe) -> Any:
    """The function that solo-learn calls for the online network and then for a teacher. A teacher has no stochastic
    depth of its own."""
    rates = iter([getattr(recipe.method, "drop_path", 0.0), 0.0])

    def make(_method: str, **_options: Any) -> nn.Module:
        network: Any = build(recipe.backbone, next(rates))
        if isinstance(recipe.method, MAE):
            network = _masked(network, recipe)
        network.num_features = feature_dimension(network)
        return cast(nn.Module, network)

    return make


def _masked(network: Any, recipe: Recipe) -> nn.Module:
    """solo-learn's masked form of timm's vision transformer `network`, held to the same weights by name and shape."""
    check_maskable(network, recipe.backbone)
    masked = MaskedAutoencoderViT(
        img_size=network.patch_embed.img_size[0],
        patch_size=network.patch_embed.patch_size[0],
        embed_dim=network.embed_dim,
        depth=len(network.blocks),
        num_heads=network.blocks[0].attn.num_heads,
        mlp_ratio=network.blocks[0].mlp.fc1.out_features / network.embed_dim,
        norm_layer=partial(nn.LayerNorm, eps=network.norm.eps),
    )
    shapes, network_shapes = ({name: t.shape for name, t in n.state_dict().items()} for n in (masked, network))
    if shapes != network_shapes:
        raise UserError(f"solo-learn's MAE has other weights than {recipe.backbone.name}; use engine lightly")
    return cast(nn.Module, masked)


def settings(recipe: Recipe, config: SoloLearnConfig, backbone: str) -> dict[str, Any]:
    """solo-learn's configuration of `recipe`.

    The optimiser and the schedule are stated too, although the loop of this suite runs them. So no default of
    solo-learn stands for them.
    """
    optimiser = recipe.optimiser.model_dump(mode="json", exclude={"kind", "lr", "weight_decay"})
    local = recipe.augmentation.local
    patch_size = recipe.backbone.patch_size or _patch_size(recipe)
    return {
        "method": config.name,
        "backbone": {"name": backbone, "kwargs": {"patch_size": patch_size} if patch_size else {}},
        "method_kwargs": config.settings,
        **_momentum(config),
        "data": {
            "dataset": "custom",
            "num_classes": 1,
            "num_large_crops": recipe.augmentation.views,
            "num_small_crops": local.count if local else 0,
        },
        "max_epochs": 2,
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


def _momentum(config: SoloLearnConfig) -> dict[str, Any]:
    if config.ema is None:
        return {}
    return {"momentum": {"base_tau": config.ema.base, "final_tau": config.ema.final, "classifier": False}}


def _patch_size(recipe: Recipe) -> int | None:
    """The patch size in a vision transformer's name, which solo-learn's MAE asks its configuration for."""
    if not isinstance(recipe.method, MAE):
        return None
    with torch.random.fork_rng(devices=[]):
        network: Any = build(recipe.backbone)
    return int(network.patch_embed.patch_size[0]) if hasattr(network, "patch_embed") else None


def resolved(built: Any, config: SoloLearnConfig) -> dict[str, Any]:
    """The settings that a built solo-learn method really has, with the keys of `settings`."""
    resolved_settings = {
        "backbone": {"name": built.backbone_name, "kwargs": dict(built.backbone_args)},
        "method_kwargs": config.built_settings(built),
        "data": {
            "num_classes": built.num_classes,
            "num_large_crops": built.num_large_crops,
            "num_small_crops": built.num_small_crops,
        },
        "max_epochs": built.max_epochs,
        "accumulate_grad_batches": built.accumulate_grad_batches,
        "optimizer": {
            "name": built.optimizer,
            "batch_size": built.batch_size,
            "lr": built.lr,
            "weight_decay": built.weight_decay,
            "classifier_lr": built.classifier_lr,
            "exclude_bias_n_norm_wd": built.exclude_bias_n_norm_wd,
            "kwargs": _plain(built.extra_optimizer_args),
        },
        "scheduler": {"name": built.scheduler, "interval": built.scheduler_interval},
        "knn_eval": {"enabled": built.knn_eval},
    }
    if config.ema:
        updater = built.momentum_updater
        classifier = built.momentum_classifier is not None
        resolved_settings["momentum"] = {
            "base_tau": updater.base_tau,
            "final_tau": updater.final_tau,
            "classifier": classifier,
        }
    return resolved_settings


UNREAD = {"method", "dataset", "auto_resume"}
"""Keys of `settings` that leave no trace in a built method: its class, solo-learn's data pipeline and its resuming,
of which the last two are never started."""


def _plain(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if not isinstance(value, str) and hasattr(value, "__iter__") else value


def differences(requested: dict[str, Any], resolved_settings: dict[str, Any], path: str = "") -> list[str]:
    """Every requested key that the resolved settings lack ("dropped") or have with another value ("path: resolved, not
    requested")."""
    lines = [f"{path}{key}: dropped" for key in requested if key not in resolved_settings and key not in UNREAD]
    for key, value in resolved_settings.items():
        if isinstance(value, dict) and isinstance(requested.get(key), dict):
            lines += differences(requested[key], value, f"{path}{key}.")
        elif value != requested.get(key):
            lines.append(f"{path}{key}: {value!r}, not {requested.get(key)!r}")
    return lines
