"""Stage `pretrain`: self-supervised training on X, the open-set or picks of it, or both."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.plan import Pretraining
from benchmark.pretrain.images import FileImages, SquareImages, TrainingImages
from benchmark.pretrain.train import ENCODER, train
from benchmark.run.artefacts import POSITIONS
from benchmark.run.task import Outcome, Task


def run(task: Task, folder: Path) -> Outcome:
    """Write `encoder.safetensors`; the record tells samples seen, exposures of X, the loss curve."""
    spec = task.stage.spec
    assert isinstance(spec, Pretraining)
    images, own, chosen = training_images(task)
    scratch = task.store.scratch(task.stage)
    result = train(
        spec.recipe,
        images,
        spec.seeds,
        device=task.device,
        checkpoint_dir=scratch,
        progress=task.progress,
        coreset_size=chosen,
        devices=task.devices,
        workers=task.workers,
    )
    assert result.encoder is not None
    result.encoder.rename(folder / ENCODER)
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
            "peak_device_memory_mb": round(result.peak_device_memory / 2**20, 1),
        },
    )


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
