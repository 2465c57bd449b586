"""Stage `pretrain`: self-supervised training on X, the open-set or picks of it, or both."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.execution.task import StageResult, Stopped
from benchmark.images.data import ImageTask
from benchmark.images.sources import Source
from benchmark.methods import METHODS
from benchmark.specs.artefacts import CLASSIFIER, ENCODER, POSITIONS
from benchmark.specs.base import Spec
from benchmark.specs.recipes import Backbone, MethodSpec, Recipe, SeedAxes
from benchmark.specs.stages import Kind, Needs
from benchmark.training.backbone_names import NETWORKS

if TYPE_CHECKING:
    from benchmark.training.image_views import TrainingImages


INITIAL = "initial"
"""The input whose encoder a training starts from, where it does not start from random weights."""


class Pretraining(Spec):
    """The spec of a `pretrain` stage."""

    recipe: Recipe
    seeds: SeedAxes


KIND = Kind(
    "pretrain",
    1,
    "benchmark.stages.pretrain",
    (
        "benchmark/stages/pretrain.py",
        "benchmark/pretrain",
        "benchmark/specs/recipes.py",
        "benchmark/images/square_cache.py",
        "benchmark/images/growing.py",
        "benchmark/images/items.py",
        "benchmark/training/augment.py",
        "benchmark/training/backbones.py",
        "benchmark/training/checkpoint.py",
        "benchmark/training/distributed.py",
        "benchmark/training/image_views.py",
        "benchmark/training/loader.py",
        "benchmark/training/numerics.py",
        "benchmark/training/optimisers.py",
        "benchmark/training/schedule.py",
    ),
)


def read_pretraining(spec: dict[str, Any]) -> Pretraining:
    """The spec of a record, whatever its method; ValueError where it is none."""
    # Reading a method needs its class, so that all methods are imported.
    METHODS.names()
    return Pretraining.model_validate(spec)


def needs(spec: Pretraining) -> Needs:
    """The threads that the recipe fixes, and whether it trains in bfloat16."""
    return Needs(threads=spec.recipe.threads, bfloat16=spec.recipe.precision == "bfloat16")


def check(spec: Pretraining, *, installed: bool = True) -> None:
    """UserError where the recipe's engine cannot do what it asks, and where the method cannot train a network that is
    not registered. `installed`: also where the engine is not there, with the line that installs it."""
    from benchmark.pretrain.engines import ENGINES, find_engine

    recipe = spec.recipe
    ENGINES.get(recipe.engine).check(recipe)
    if recipe.backbone.name not in NETWORKS:
        _check_trainable(recipe.backbone, recipe.augmentation.size, recipe.method)
    if installed:
        find_engine(recipe.engine)


@cache
def _check_trainable(backbone: Backbone, size: int, method: MethodSpec) -> None:
    # Builds the network: once for all stages of a plan.
    from benchmark.training.backbones import check_trainable

    check_trainable(backbone, size, method)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write `encoder.safetensors`; the record tells samples seen, exposures of X, the loss curve."""
    from benchmark.pretrain.lcr_maps import MAPS, save_maps
    from benchmark.pretrain.train import Watch, train
    from benchmark.training.distributed import usable
    from benchmark.training.schedule import course

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
        initial=task.file(INITIAL, ENCODER) if task.has(INITIAL) else None,
    )
    if result.encoder is None:
        raise Stopped(f"is saved at step {result.steps} of {steps.steps}")
    result.encoder.rename(folder / ENCODER)
    if spec.recipe.online is not None:
        (scratch / CLASSIFIER).rename(folder / CLASSIFIER)
    if spec.recipe.method.wraps_encoder:
        save_maps(spec.recipe, folder / ENCODER, images, folder / MAPS)
    exposures = result.exposures[:own]
    return StageResult(
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
            "images": {name: _images_record(task, name) for name in ("target", "openset") if task.has(name)},
            **({"statistics": result.statistics} if result.statistics else {}),
            **({"notes": result.notes} if result.notes else {}),
            **({"resumed": list(result.resumed)} if result.resumed else {}),
            "peak_device_memory_mb": round(result.peak_device_memory / 2**20, 1),
        },
    )


def _images_record(task: ImageTask, name: str) -> dict[str, object]:
    """What a reader of the record should know of the images of an input: which, how many, whether they are real."""
    manifest = _source(task, name).manifest
    return {"split": manifest.label, "images": len(manifest), "standins": task.data.standins}


def _labels(task: ImageTask, others: int) -> NDArray[np.int64]:
    """X's labels, and -1 for the `others` images of the open-set."""
    own = _source(task, "target").manifest.labels if task.has("target") else ()
    return np.array([*own, *[-1] * others], dtype=np.int64)


def training_images(task: ImageTask) -> "tuple[TrainingImages, int, int]":
    """The images to train on, X first, with the numbers of them from X and from the open-set."""
    from benchmark.training.image_views import FileImages, SquareImages

    spec = task.stage.spec
    assert isinstance(spec, Pretraining)
    rows: dict[str, NDArray[np.int64] | None] = {"target": None, "openset": None}
    if task.has("coreset"):
        rows["openset"] = np.load(task.file("coreset", POSITIONS))
    sources = {name: _source(task, name) for name in rows if task.has(name)}
    sizes = {name: len(source) if rows[name] is None else len(rows[name]) for name, source in sources.items()}  # type: ignore[arg-type]
    stored = spec.recipe.augmentation.stored
    images: TrainingImages
    if stored == "original":
        images = FileImages(tuple((source, rows[name]) for name, source in sources.items()))
    else:
        images = SquareImages(
            tuple((task.data.squares(task.images(name), stored, task.progress), rows[name]) for name in sources)
        )
    return images, sizes.get("target", 0), sizes.get("openset", 0)


def _source(task: ImageTask, name: str) -> Source:
    return task.data.verified_source(task.images(name), task.progress)
