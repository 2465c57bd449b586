"""Two contenders of `bench_pretrain`: the bare step of the model, and the trainer of this suite."""

from __future__ import annotations

import math

import numpy as np
import torch

from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.learner import Learner, TrainingPosition
from benchmark.pretrain.train import Watch, train
from benchmark.specs.recipes import Recipe, SeedAxes
from benchmark.training.backbones import Groups, group_batchnorm, groups_of
from benchmark.training.image_views import SquareImages
from benchmark.training.numerics import autocast, fixed
from benchmark.training.optimisers import optimiser
from scripts.bench_process_pairs import CLASSES, IMAGES, READS, Case, Pacer


def bare(case: Case, pacer: Pacer, compiled: bool = False, contiguous: bool = False) -> None:
    """The learner's step on crops that never change: what a trainer that costs nothing would reach."""
    recipe, chosen = case.recipe, case.recipe.augmentation
    layout = torch.contiguous_format if contiguous else torch.channels_last
    with fixed(recipe.threads):
        learner = _learner(case).to(memory_format=layout).train()
        if compiled:
            learner.backbone.compile()
        update = optimiser(recipe.optimiser, learner.groups())
        local = chosen.local
        sizes = [(chosen.views * recipe.batch, chosen.size)]
        sizes += [(local.count * recipe.batch, local.size)] if local else []
        crops = [torch.randn(n, 3, side, side).contiguous(memory_format=layout) for n, side in sizes]
        labels = {"labels": torch.arange(recipe.batch) % CLASSES} if recipe.online else {}
        while True:
            _step(recipe, learner, update, crops, labels)
            pacer()


def _learner(case: Case) -> Learner:
    """The learner as our trainer makes it."""
    recipe = case.recipe
    learner = find_engine(recipe.engine).build(recipe, 0, case.classes)
    views = recipe.augmentation.views
    groups = groups_of(views * recipe.batch, recipe.batchnorm_group) * learner.views_in_a_pass // views
    for module in learner.normalised_by_groups():
        group_batchnorm(module, Groups(max(1, groups)))
    return learner


def _step(
    recipe: Recipe,
    learner: Learner,
    update: torch.optim.Optimizer,
    crops: list[torch.Tensor],
    labels: dict[str, torch.Tensor],
) -> None:
    moment = TrainingPosition(step=500, steps=1000, epoch=5, epochs=10)
    views, *local = crops
    learner.begin(moment)
    with autocast(torch.device("cpu"), recipe.precision):
        outputs = learner(views, recipe.batch, *local)
    outputs = {name: tensor.float() for name, tensor in outputs.items()} | labels
    loss = learner.loss(outputs, moment)
    update.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    learner.before_update(moment)
    update.step()
    learner.after_update(moment)


def trainer(case: Case, pacer: Pacer) -> None:
    """Our training loop, on squares of pixels in a file that is mapped into memory; it never saves a checkpoint."""
    squares = np.load(case.folder / "squares.npy", mmap_mode="r")
    images = SquareImages.of((squares, np.arange(READS) % IMAGES))
    train(
        case.recipe,
        images,
        SeedAxes(init=0, data=0),
        checkpoint_dir=case.folder / "run",
        checkpoint_every=math.inf,
        watch=Watch(progress=lambda *_: pacer()),
        labels=np.arange(READS) % CLASSES,
    )
