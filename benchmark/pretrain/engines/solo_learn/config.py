"""The configuration of a method in solo-learn: the class, its keys, and the values that a built method really has.

Every key has its value and a function that reads the value from a built method. The function reads attributes and
layers, never the configuration. Comparing the two shows each key that solo-learn drops or changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from benchmark.errors import UserError
from benchmark.methods.all4one import All4One
from benchmark.methods.barlow_twins import BarlowTwins
from benchmark.methods.byol import BYOL
from benchmark.methods.dino import DINO
from benchmark.methods.mae import MAE
from benchmark.methods.moco import MoCo
from benchmark.methods.nnclr import NNCLR
from benchmark.methods.simclr import SimCLR
from benchmark.methods.simsiam import SimSiam
from benchmark.methods.swav import SwAV
from benchmark.methods.vicreg import VICReg
from benchmark.specs.recipes import EMA

Keys = dict[str, tuple[Any, Callable[[Any], Any]]]
"""A method's own keys: the value that is told, and what reads it off a built method."""


@dataclass(frozen=True)
class SoloLearnConfig:
    """One method: the name of its class in `solo.methods`, its name in solo-learn, and its keys."""

    class_name: str
    name: str
    keys: Keys
    ema: EMA | None = None
    refused: dict[str, bool] = field(default_factory=dict)
    """What the recipe asks and solo-learn cannot do, with whether it is asked."""

    @property
    def settings(self) -> dict[str, Any]:
        """The keys as solo-learn is configured with them."""
        return {key: value for key, (value, _) in self.keys.items()}

    def built_settings(self, built: Any) -> dict[str, Any]:
        """The same keys as the built method has them."""
        return {key: read(built) for key, (_, read) in self.keys.items()}

    def check(self) -> None:
        """Raise UserError for settings that solo-learn has no key for."""
        if unsupported := [what for what, is_set in self.refused.items() if is_set]:
            raise UserError(f"solo-learn's {self.class_name} {' and '.join(unsupported)}; use engine lightly")


def config_for(method: Any, width: int) -> SoloLearnConfig:
    """The configuration of `method` (a spec of `benchmark.methods`) in solo-learn; `width` is the backbone's d."""
    return _CONFIGS[method.kind](method, width)


def _width(layers: str, index: int) -> Callable[[Any], Any]:
    """Reads the width of layer `index` of a built method's `layers`."""
    return lambda built: getattr(built, layers)[index].out_features


def _projector(hidden: int, output: int, last: int) -> Keys:
    """A projector whose last layer has the index `last`."""
    return {
        "proj_hidden_dim": (hidden, _width("projector", 0)),
        "proj_output_dim": (output, _width("projector", last)),
    }


def _predictor(hidden: int) -> Keys:
    return {"pred_hidden_dim": (hidden, _width("predictor", 0))}


def _attributes(**settings: Any) -> Keys:
    """Keys that a built method has as attributes of the same names."""
    return {key: (value, attrgetter(key)) for key, value in settings.items()}


def _simclr(method: SimCLR, width: int) -> SoloLearnConfig:
    keys = _attributes(temperature=method.temperature) | _projector(method.hidden or width, method.output, last=2)
    return SoloLearnConfig("SimCLR", "simclr", keys, refused={"has a head without BatchNorm": method.batchnorm})


def _moco(method: MoCo, width: int) -> SoloLearnConfig:
    keys = {
        **_attributes(temperature=method.temperature),
        "queue_size": (method.queue, lambda built: built.queue.shape[2]),
        **_projector(method.hidden or width, method.output, last=2),
    }
    refused = {"asks with both views": not method.symmetric, "has a head of two layers": method.layers == 1}
    return SoloLearnConfig("MoCoV2Plus", "mocov2plus", keys, method.ema, refused)


def _byol(method: BYOL, width: int) -> SoloLearnConfig:
    keys = _projector(method.hidden, method.output, last=3) | _predictor(method.predictor)
    return SoloLearnConfig("BYOL", "byol", keys, method.ema)


def _simsiam(method: SimSiam, width: int) -> SoloLearnConfig:
    return SoloLearnConfig(
        "SimSiam", "simsiam", _projector(method.hidden, method.output, last=6) | _predictor(method.predictor)
    )


def _swav(method: SwAV, width: int) -> SoloLearnConfig:
    keys: Keys = {
        **_projector(method.hidden, method.output, last=3),
        "num_prototypes": (method.prototypes, attrgetter("prototypes.out_features")),
        **_attributes(
            temperature=method.temperature,
            sk_epsilon=method.epsilon,
            sk_iters=method.iterations,
            queue_size=0,
            # Unused: there is no queue, and prototypes are frozen by a share of the training, not by epochs.
            epoch_queue_starts=0,
            freeze_prototypes_epochs=0,
        ),
    }
    return SoloLearnConfig("SwAV", "swav", keys)


def _dino(method: DINO, width: int) -> SoloLearnConfig:
    low, high = method.teacher_temperature

    def linear(index: int) -> Callable[[Any], Any]:
        return lambda built: [layer for layer in built.head.mlp if hasattr(layer, "out_features")][index].out_features

    def normalised(built: Any) -> bool:
        return any(type(layer).__name__ == "BatchNorm1d" for layer in built.head.mlp)

    def teacher(index: int) -> Callable[[Any], Any]:
        return lambda built: float(built.dino_loss_func.teacher_temp_schedule[index])

    keys: Keys = {
        "proj_hidden_dim": (method.hidden, linear(0)),
        "proj_output_dim": (method.bottleneck, linear(-1)),
        "num_prototypes": (method.prototypes, attrgetter("head.last_layer.out_features")),
        "use_bn_in_head": (method.batchnorm, normalised),
        "norm_last_layer": (
            method.norm_last_layer,
            lambda built: not built.head.last_layer.weight_g.requires_grad,
        ),
        "student_temperature": (method.student_temperature, attrgetter("dino_loss_func.student_temp")),
        "teacher_temperature": (high, teacher(-1)),
        "warmup_teacher_temperature": (low, teacher(0)),
        # Two epochs stand for the whole warm-up: the temperature of every step is set from the recipe.
        "warmup_teacher_temperature_epochs": (
            1,
            lambda built: len(built.dino_loss_func.teacher_temp_schedule) - 1,
        ),
        **_attributes(clip_grad=0, freeze_last_layer=0),
    }
    refused = {"moves its centre by 0.9": method.centre_momentum != 0.9}
    return SoloLearnConfig("DINO", "dino", keys, method.ema, refused)


def _mae(method: MAE, width: int) -> SoloLearnConfig:
    keys: Keys = {
        **_attributes(mask_ratio=method.mask, norm_pix_loss=method.normalise),
        "decoder_embed_dim": (method.width, attrgetter("decoder.decoder_embed.out_features")),
        "decoder_depth": (method.depth, lambda built: len(built.decoder.decoder_blocks)),
        "decoder_num_heads": (method.heads, lambda built: built.decoder.decoder_blocks[0].attn.num_heads),
    }
    return SoloLearnConfig("MAE", "mae", keys)


def _barlow_twins(method: BarlowTwins, width: int) -> SoloLearnConfig:
    keys = _projector(method.hidden, method.output, last=6)
    return SoloLearnConfig(
        "BarlowTwins", "barlow_twins", keys | _attributes(lamb=method.off_diagonal, scale_loss=method.scale)
    )


def _vicreg(method: VICReg, width: int) -> SoloLearnConfig:
    weights = _attributes(
        sim_loss_weight=method.invariance,
        # solo-learn sums the two views' variance terms, as the paper does; VICReg's own code takes their mean.
        var_loss_weight=method.variance / 2,
        cov_loss_weight=method.covariance,
    )
    return SoloLearnConfig("VICReg", "vicreg", _projector(method.hidden, method.output, last=6) | weights)


def _neighbours(method: NNCLR | All4One) -> Keys:
    return {
        **_attributes(temperature=method.temperature),
        "queue_size": (method.queue, lambda built: len(built.queue)),
        **_projector(method.hidden, method.output, last=6),
        **_predictor(method.predictor),
    }


def _nnclr(method: NNCLR, width: int) -> SoloLearnConfig:
    return SoloLearnConfig("NNCLR", "nnclr", _neighbours(method))


def _all4one(method: All4One, width: int) -> SoloLearnConfig:
    return SoloLearnConfig("All4One", "all4one", _neighbours(method), method.ema)


_CONFIGS: dict[str, Callable[[Any, int], SoloLearnConfig]] = {
    "simclr": _simclr,
    "moco": _moco,
    "byol": _byol,
    "simsiam": _simsiam,
    "swav": _swav,
    "dino": _dino,
    "mae": _mae,
    "barlow-twins": _barlow_twins,
    "vicreg": _vicreg,
    "nnclr": _nnclr,
    "all4one": _all4one,
}
