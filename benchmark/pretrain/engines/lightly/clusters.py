"""Methods that predict soft cluster assignments: SwAV (Sinkhorn) and DINO (a sharpened teacher)."""

from collections.abc import Iterable
from typing import cast

import torch
from lightly.loss import DINOLoss, SwaVLoss
from lightly.models.modules.heads import DINOProjectionHead, SwaVProjectionHead, SwaVPrototypes
from lightly.models.utils import deactivate_requires_grad
from torch import nn
from torch.nn import functional as F

from benchmark.methods import dino, swav
from benchmark.pretrain.engines.lightly.teacher import follow
from benchmark.pretrain.learner import Learner, Outputs, TrainingPosition, teacher_temperature, without_gradients
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import build, feature_dimension


class SwAV(Learner):
    """lightly's SwAV head, prototypes without lightly's bias (the paper has none), and SwaVLoss."""

    def __init__(self, recipe: Recipe, method: swav.SwAV) -> None:
        super().__init__()
        self.method = method
        self.trunk = build(recipe.backbone)
        self.projector = SwaVProjectionHead(feature_dimension(self.trunk), method.hidden, method.output)
        self.prototypes = SwaVPrototypes(method.output, method.prototypes)
        self.prototypes.heads[0].register_parameter("bias", None)
        self._criterion = SwaVLoss(method.temperature, method.iterations, method.epsilon)

    @property
    def backbone(self) -> nn.Module:
        return self.trunk

    def normalised_by_groups(self) -> Iterable[nn.Module]:
        # Released `ssl/swav.py`: only the backbone is spread over devices.
        return (self.trunk,)

    def begin(self, moment: TrainingPosition) -> None:
        # Not while they are frozen: normalising what has been normalised moves the last digits.
        if moment.step == 0 or moment.share >= self.method.frozen:
            self.prototypes.normalize()

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        outputs = {"scores": self._scores(views)}
        return outputs if local is None else {**outputs, "local": self._scores(local)}

    def _scores(self, crops: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.prototypes(F.normalize(self.projector(self.trunk(crops)), dim=1)))

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        views = list(outputs["scores"].chunk(2))
        local = list(torch.split(outputs["local"], len(views[0]))) if "local" in outputs else []
        return cast(torch.Tensor, self._criterion(views, local)).squeeze()

    def before_update(self, moment: TrainingPosition) -> None:
        if moment.share < self.method.frozen:
            without_gradients(self.prototypes.parameters())


class DINO(Learner):
    """lightly's DINO head and loss; student and teacher as the recipe makes them."""

    def __init__(self, recipe: Recipe, method: dino.DINO) -> None:
        super().__init__()
        self.method = method
        self.student = self._network(recipe, method.drop_path, method.norm_last_layer)
        # Without stochastic depth; its last layer starts at norm one (released `ssl/dino.py`).
        self.teacher = self._network(recipe, 0.0, norm_last_layer=True)
        if method.teacher == "copy":
            self.teacher.load_state_dict(self.student.state_dict())
        deactivate_requires_grad(self.teacher)
        self._criterion = DINOLoss(
            method.prototypes, student_temp=method.student_temperature, center_momentum=method.centre_momentum
        )

    def _network(self, recipe: Recipe, drop_path: float, norm_last_layer: bool) -> nn.Sequential:
        backbone = build(recipe.backbone, drop_path)
        head = DINOProjectionHead(
            feature_dimension(backbone),
            self.method.hidden,
            self.method.bottleneck,
            self.method.prototypes,
            batch_norm=self.method.batchnorm,
            norm_last_layer=norm_last_layer,
        )
        return nn.Sequential(backbone, head)

    @property
    def backbone(self) -> nn.Module:
        return self.student[0]

    def encoder(self) -> nn.Module:
        return (self.teacher if self.method.probed == "teacher" else self.student)[0]

    def forward(self, views: torch.Tensor, first: int, local: torch.Tensor | None = None) -> Outputs:
        with torch.no_grad():
            target = self.teacher(views)
        outputs = {"student": self.student(views), "teacher": target}
        return outputs if local is None else {**outputs, "local": self.student(local)}

    def loss(self, outputs: Outputs, moment: TrainingPosition) -> torch.Tensor:
        student, teacher = list(outputs["student"].chunk(2)), list(outputs["teacher"].chunk(2))
        if "local" in outputs:
            student += torch.split(outputs["local"], len(student[0]))
        temperature = teacher_temperature(self.method, moment)
        return cast(torch.Tensor, self._criterion(teacher, student, teacher_temp=temperature))

    def before_update(self, moment: TrainingPosition) -> None:
        if moment.share < self.method.frozen:
            without_gradients(self.student.get_submodule("1.last_layer").parameters())

    def after_update(self, moment: TrainingPosition) -> None:
        follow(self.teacher, self.student, self.method.ema, moment)
