"""Stage `pretrain`: self-supervised training on X, the open-set or picks of it, or both."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.execution.task import Outcome, Stopped, Task
from benchmark.pretrain.lcr_maps import MAPS, save_maps
from benchmark.pretrain.train import Watch, train
from benchmark.specs.artefacts import CLASSIFIER, ENCODER, POSITIONS
from benchmark.specs.base import Spec
from benchmark.specs.method_specs import LCR
from benchmark.specs.recipes import Recipe, SeedAxes
from benchmark.training.backbone_names import NETWORKS
from benchmark.training.distributed import usable
from benchmark.training.image_views import FileImages, SquareImages, TrainingImages
from benchmark.training.schedule import course


class Pretraining(Spec):
    """The spec of a `pretrain` stage."""

    recipe: Recipe
    seeds: SeedAxes


def check_method(recipe: Recipe) -> None:
    """UserError where the recipe's engine cannot do what it asks, and where the method cannot train a network that is
    not registered. The engine need not be there."""
    from benchmark.pretrain.engines import ENGINES

    ENGINES.get(recipe.engine).check(recipe)
    if recipe.backbone.name not in NETWORKS:
        from benchmark.training.backbones import check_trainable

        check_trainable(recipe.backbone, recipe.augmentation.size, recipe.method)


def check_recipe(recipe: Recipe) -> None:
    """UserError for what `check_method` refuses, and, with the line that installs it, for an engine that is not
    there."""
    from benchmark.pretrain.engines import find_engine

    check_method(recipe)
    find_engine(recipe.engine)


def run(task: Task, folder: Path) -> Outcome:
    """Write `encoder.safetensors`; the record tells samples seen, exposures of X, the loss curve."""
    spec = task.stage.spec
    assert isinstance(spec, Pretraining)
    images, own, chosen = training_images(task)
    scratch = task.store.scratch(task.stage)
    steps = course(spec.recipe, len(images), spec.seeds.data, chosen)
    result = train(
        spec.recipe,
        images,
        spec.seeds,
        device=task.device,
        checkpoint_dir=scratch,
        watch=Watch(task.progress, task.say, task.stopping),
        coreset_size=chosen,
        devices=usable(spec.recipe, task.devices, steps.batches),
        workers=task.workers,
        labels=None if spec.recipe.online is None else _labels(task, chosen),
    )
    if result.encoder is None:
        raise Stopped(f"is saved at step {result.steps} of {steps.steps}")
    result.encoder.rename(folder / ENCODER)
    if spec.recipe.online is not None:
        (scratch / CLASSIFIER).rename(folder / CLASSIFIER)
    if isinstance(spec.recipe.method, LCR):
        save_maps(spec.recipe, folder / ENCODER, images, folder / MAPS)
    exposures = result.exposures[:own]
    return Outcome(
        metrics={
            "steps": result.steps,
            "samples": result.samples,
            "target_images": own,
            "coreset_images": chosen,
            "exposures_of_target": float(exposures.mean()) if own else None,
            "final_loss": result.losses[-1] if result.losses else None,
            "seconds": round(result.seconds, 1),
        },
        info={
            "curve": [[step, round(loss, 4)] for step, loss in result.curve],
            "epochs": result.epochs,
            "engine": result.engine,
            "images": {name: _told(task, name) for name in ("target", "openset") if task.has(name)},
            **({"statistics": result.statistics} if result.statistics else {}),
            **({"notes": result.notes} if result.notes else {}),
            **({"resumed": list(result.resumed)} if result.resumed else {}),
            "peak_device_memory_mb": round(result.peak_device_memory / 2**20, 1),
        },
    )


def _told(task: Task, name: str) -> dict[str, object]:
    """What a reader of the record should know of the images of an input: which, how many, whether they are real."""
    manifest = task.source(name).manifest
    return {"split": manifest.label, "images": len(manifest), "standins": task.data.standins}


def _labels(task: Task, others: int) -> NDArray[np.int64]:
    """X's labels, and -1 for the `others` images of the open-set."""
    own = task.source("target").manifest.labels if task.has("target") else ()
    return np.array([*own, *[-1] * others], dtype=np.int64)


def training_images(task: Task) -> tuple[TrainingImages, int, int]:
    """The images to train on, X first, with the numbers of them from X and from the open-set."""
    spec = task.stage.spec
    assert isinstance(spec, Pretraining)
    rows: dict[str, NDArray[np.int64] | None] = {"target": None, "openset": None}
    if task.has("coreset"):
        rows["openset"] = np.load(task.file("coreset", POSITIONS))
    sources = {name: task.source(name) for name in rows if task.has(name)}
    sizes = {name: len(source) if rows[name] is None else len(rows[name]) for name, source in sources.items()}  # type: ignore[arg-type]
    stored = spec.recipe.augmentation.stored
    images: TrainingImages
    if stored == "original":
        images = FileImages(tuple((source, rows[name]) for name, source in sources.items()))
    else:
        images = SquareImages(tuple((task.squares(name, stored), rows[name]) for name in sources))
    return images, sizes.get("target", 0), sizes.get("openset", 0)
