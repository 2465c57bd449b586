"""Our methods in solo-learn's words: the class, the keys that it is configured with, and what a built one really has.

`Words.found` reads attributes and layers of the built method, never its configuration: a key that solo-learn drops, or
takes otherwise, is found by comparing the two.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmark import method_specs as methods
from benchmark.errors import UserError

Settings = dict[str, Any]


@dataclass(frozen=True)
class Words:
    """One method: the name of its class in `solo.methods`, its own settings, and the same read from a built one."""

    class_name: str
    name: str
    settings: Settings
    found: Callable[[Any], Settings]
    ema: methods.EMA | None = None
    refused: dict[str, bool] = field(default_factory=dict)
    """What the recipe asks and solo-learn cannot do, with whether it is asked."""

    def check(self) -> None:
        """Raise UserError for what solo-learn has no key for."""
        for what, asked in self.refused.items():
            if asked:
                raise UserError(f"solo-learn's {self.class_name} {what}; use engine lightly")


def _widths(layers: Any, *places: int) -> list[int]:
    return [layers[place].out_features for place in places]


def words(method: Any, width: int) -> Words:
    """`method` (a spec of `benchmark.method_specs`) in solo-learn's words; `width` is the backbone's d."""
    return _WORDS[method.kind](method, width)


def _simclr(method: methods.SimCLR, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 2)
        return {"temperature": built.temperature, "proj_hidden_dim": hidden, "proj_output_dim": output}

    settings = {
        "temperature": method.temperature,
        "proj_hidden_dim": method.hidden or width,
        "proj_output_dim": method.output,
    }
    refused = {"has a head without BatchNorm": method.batchnorm}
    return Words("SimCLR", "simclr", settings, found, refused=refused)


def _moco(method: methods.MoCo, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 2)
        return {
            "temperature": built.temperature,
            "queue_size": built.queue.shape[2],
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
        }

    settings = {
        "temperature": method.temperature,
        "queue_size": method.queue,
        "proj_hidden_dim": method.hidden or width,
        "proj_output_dim": method.output,
    }
    refused = {"asks with both views": not method.symmetric, "has a head of two layers": method.layers == 1}
    return Words("MoCoV2Plus", "mocov2plus", settings, found, method.ema, refused)


def _byol(method: methods.BYOL, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 3)
        return {
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "pred_hidden_dim": built.predictor[0].out_features,
        }

    settings = {
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "pred_hidden_dim": method.predictor,
    }
    return Words("BYOL", "byol", settings, found, method.ema)


def _simsiam(method: methods.SimSiam, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 6)
        return {
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "pred_hidden_dim": built.predictor[0].out_features,
        }

    settings = {
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "pred_hidden_dim": method.predictor,
    }
    return Words("SimSiam", "simsiam", settings, found)


def _swav(method: methods.SwAV, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 3)
        return {
            "temperature": built.temperature,
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "num_prototypes": built.prototypes.out_features,
            "sk_epsilon": built.sk_epsilon,
            "sk_iters": built.sk_iters,
            "queue_size": built.queue_size,
            "epoch_queue_starts": built.epoch_queue_starts,
            "freeze_prototypes_epochs": built.freeze_prototypes_epochs,
        }

    settings = {
        "temperature": method.temperature,
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "num_prototypes": method.prototypes,
        "sk_epsilon": method.epsilon,
        "sk_iters": method.iterations,
        "queue_size": 0,
        # Unused: there is no queue, and prototypes are frozen by a share of the training, not by epochs.
        "epoch_queue_starts": 0,
        "freeze_prototypes_epochs": 0,
    }
    return Words("SwAV", "swav", settings, found)


def _dino(method: methods.DINO, width: int) -> Words:
    low, high = method.teacher_temperature

    def found(built: Any) -> Settings:
        layers = [layer for layer in built.head.mlp if hasattr(layer, "out_features")]
        loss = built.dino_loss_func
        return {
            "proj_hidden_dim": layers[0].out_features,
            "proj_output_dim": layers[-1].out_features,
            "num_prototypes": built.head.last_layer.out_features,
            "use_bn_in_head": any(type(layer).__name__ == "BatchNorm1d" for layer in built.head.mlp),
            "norm_last_layer": not built.head.last_layer.weight_g.requires_grad,
            "student_temperature": loss.student_temp,
            "teacher_temperature": float(loss.teacher_temp_schedule[-1]),
            "warmup_teacher_temperature": float(loss.teacher_temp_schedule[0]),
            "warmup_teacher_temperature_epochs": len(loss.teacher_temp_schedule) - 1,
            "clip_grad": built.clip_grad,
            "freeze_last_layer": built.freeze_last_layer,
        }

    settings = {
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.bottleneck,
        "num_prototypes": method.prototypes,
        "use_bn_in_head": method.batchnorm,
        "norm_last_layer": method.norm_last_layer,
        "student_temperature": method.student_temperature,
        "teacher_temperature": high,
        "warmup_teacher_temperature": low,
        # Two epochs stand for the whole warm-up: the temperature of every step is set from the recipe.
        "warmup_teacher_temperature_epochs": 1,
        "clip_grad": 0,
        "freeze_last_layer": 0,
    }
    refused = {"moves its centre by 0.9": method.centre_momentum != 0.9}
    return Words("DINO", "dino", settings, found, method.ema, refused)


def _mae(method: methods.MAE, width: int) -> Words:
    def found(built: Any) -> Settings:
        decoder = built.decoder
        return {
            "mask_ratio": built.mask_ratio,
            "norm_pix_loss": built.norm_pix_loss,
            "decoder_embed_dim": decoder.decoder_embed.out_features,
            "decoder_depth": len(decoder.decoder_blocks),
            "decoder_num_heads": decoder.decoder_blocks[0].attn.num_heads,
        }

    settings = {
        "mask_ratio": method.mask,
        "norm_pix_loss": method.normalise,
        "decoder_embed_dim": method.width,
        "decoder_depth": method.depth,
        "decoder_num_heads": method.heads,
    }
    return Words("MAE", "mae", settings, found)


def _barlow_twins(method: methods.BarlowTwins, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 6)
        return {
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "lamb": built.lamb,
            "scale_loss": built.scale_loss,
        }

    settings = {
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "lamb": method.off_diagonal,
        "scale_loss": method.scale,
    }
    return Words("BarlowTwins", "barlow_twins", settings, found)


def _vicreg(method: methods.VICReg, width: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, 6)
        return {
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "sim_loss_weight": built.sim_loss_weight,
            "var_loss_weight": built.var_loss_weight,
            "cov_loss_weight": built.cov_loss_weight,
        }

    settings = {
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "sim_loss_weight": method.invariance,
        # solo-learn sums the two views' variance terms, the paper takes their mean.
        "var_loss_weight": method.variance / 2,
        "cov_loss_weight": method.covariance,
    }
    return Words("VICReg", "vicreg", settings, found)


def _with_queue(class_name: str, name: str, method: methods.NNCLR | methods.All4One, last: int) -> Words:
    def found(built: Any) -> Settings:
        hidden, output = _widths(built.projector, 0, last)
        return {
            "temperature": built.temperature,
            "queue_size": len(built.queue),
            "proj_hidden_dim": hidden,
            "proj_output_dim": output,
            "pred_hidden_dim": built.predictor[0].out_features,
        }

    settings = {
        "temperature": method.temperature,
        "queue_size": method.queue,
        "proj_hidden_dim": method.hidden,
        "proj_output_dim": method.output,
        "pred_hidden_dim": method.predictor,
    }
    ema = method.ema if isinstance(method, methods.All4One) else None
    return Words(class_name, name, settings, found, ema)


def _nnclr(method: methods.NNCLR, width: int) -> Words:
    return _with_queue("NNCLR", "nnclr", method, 6)


def _all4one(method: methods.All4One, width: int) -> Words:
    return _with_queue("All4One", "all4one", method, 6)


_WORDS: dict[str, Callable[[Any, int], Words]] = {
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
