"""A solo-learn method as a learner: its own class, forward passes, loss, queues and averages."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import patch

import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.methods.all4one import All4One
from benchmark.methods.dino import DINO
from benchmark.methods.mae import MAE
from benchmark.methods.swav import SwAV
from benchmark.pretrain.engines.solo_learn.config import config_for
from benchmark.pretrain.engines.solo_learn.construct import construct
from benchmark.pretrain.learner import (
    Learner,
    Outputs,
    TrainingPosition,
    average_buffers,
    tau,
    teacher_temperature,
    without_gradients,
)
from benchmark.specs.recipes import MethodSpec, Recipe
from benchmark.training.backbones import build, feature_dimension
from benchmark.training.optimisers import Group


class SoloLearner(Learner):
    """The method of `recipe` with a backbone of this suite. Every key is compared with the recipe."""

    def __init__(self, recipe: Recipe, method: MethodSpec) -> None:
        super().__init__()
        self.spec = method
        with torch.random.fork_rng(devices=[]):
            width = feature_dimension(build(recipe.backbone))
        config = config_for(method, width)
        self.method = construct(recipe, config)
        if isinstance(recipe.method, DINO) and recipe.method.teacher == "own":
            self._own_teacher(construct(recipe, config))
        self.views_in_a_pass = recipe.augmentation.views

    def _own_teacher(self, other: Any) -> None:
        """Give the teacher the random weights of a second network, as the released `ssl/dino.py` does."""
        self.method.momentum_backbone.load_state_dict(other.backbone.state_dict())
        self.method.momentum_head.load_state_dict(other.head.state_dict())

    @property
    def backbone(self) -> nn.Module:
        return cast(nn.Module, self.method.backbone)

    def encoder(self) -> nn.Module:
        if isinstance(self.spec, DINO) and self.spec.probed == "teacher":
            return cast(nn.Module, self.method.momentum_backbone)
        return self.backbone

    def normalised_by_groups(self) -> Iterable[nn.Module]:
        if isinstance(self.spec, All4One):
            # Its loss calls the other heads once more, with one view at a time, which is a group of its own.
            return self.method.backbone, self.method.momentum_backbone, self.method.momentum_projector
        return (self.backbone,) if isinstance(self.spec, SwAV) else (self,)

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        outputs = _rows(self.method.forward(views))
        if hasattr(self.method, "momentum_backbone"):
            teacher = _rows(self.method.momentum_forward(views))
            outputs |= {f"momentum_{name}": tensor for name, tensor in teacher.items()}
        if local is not None:
            # Not multicrop_forward: DINO has none of its own, and its base's leaves out the head.
            outputs |= {f"local_{name}": tensor for name, tensor in _rows(self.method.forward(local)).items()}
        if isinstance(self.spec, MAE):
            outputs["images"] = views
        return outputs

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        views = self.method.num_large_crops
        images_seen = len(outputs["feats"]) // views
        # Constant: no label of any image reaches solo-learn.
        labels = torch.full((images_seen,), -1, device=outputs["feats"].device)
        parts = {name: list(tensor.chunk(views)) for name, tensor in outputs.items() if not name.startswith("local_")}
        for name in [name for name in outputs if name.startswith("local_")]:
            parts[name.removeprefix("local_")] += torch.split(outputs[name], images_seen)
        images = parts.pop("images", [None] * views)
        queue = getattr(self.spec, "queue", images_seen)
        if queue % images_seen:
            raise UserError(
                f"solo-learn's queue of {queue} takes no batch of {images_seen} images: the data are fewer than a batch"
            )
        # Nothing of solo-learn's label classifier: its loss is left at zero.
        self.method.given, self.method.seen = {**parts, "loss": outputs["feats"].new_zeros(())}, {}
        with _quiet_distributed():
            step = self.method.training_step((torch.arange(images_seen), images, labels), moment.step)
        return cast(torch.Tensor, step)

    def groups(self) -> list[Group]:
        return [self._group(named) for named in self.method.learnable_params if named.get("name") != "classifier"]

    def _group(self, named: dict[str, Any]) -> Group:
        group: Group = {"params": [weight for weight in named["params"] if weight.requires_grad]}
        if named.get("static_lr"):
            group["static"] = True
        if "lr" in named:
            assert isinstance(self.spec, All4One)
            group["lr"] = self.spec.transformer_lr
        return group

    def begin(self, moment: TrainingPosition) -> None:
        self.method.epoch = moment.epoch - 1
        if isinstance(self.spec, DINO):
            loss = self.method.dino_loss_func
            loss.teacher_temp_schedule, loss.epoch = [teacher_temperature(self.spec, moment)], 0

    def before_update(self, moment: TrainingPosition) -> None:
        frozen = {SwAV: "prototypes", DINO: "head.last_layer"}.get(type(self.spec))
        if frozen and moment.share < cast(SwAV | DINO, self.spec).frozen:
            without_gradients(self.method.get_submodule(frozen).parameters())

    def after_update(self, moment: TrainingPosition) -> None:
        ema = getattr(self.spec, "ema", None)
        if ema is None:
            return
        self.method.momentum_updater.cur_tau = tau(ema, moment)
        for online, teacher in self.method.momentum_pairs:
            self.method.momentum_updater.update(online, teacher)
            if ema.buffers == "averaged":
                average_buffers(teacher, online, tau(ema, moment))

    def statistics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.method.seen.items()}


def _rows(outputs: dict[str, torch.Tensor]) -> Outputs:
    return {name: tensor for name, tensor in outputs.items() if name != "logits"}


@contextmanager
def _quiet_distributed() -> Iterator[None]:
    """solo-learn's losses gather over ranks by themselves. Here the outputs are gathered before the loss, so that is
    off."""
    with patch.object(torch.distributed, "is_initialized", lambda: False):
        yield
