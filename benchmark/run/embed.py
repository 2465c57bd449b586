"""Stage `embed`: features of every image of a split by a trained (or untrained) encoder."""

from pathlib import Path

from benchmark.embed import embed
from benchmark.run.artefacts import FEATURES
from benchmark.run.encoder import images_of, load
from benchmark.run.task import Outcome, Task
from benchmark.specs import Embedding


def run(task: Task, folder: Path) -> Outcome:
    """Write `features.npy`, float32 [N, d], rows in manifest order."""
    spec = task.stage.spec
    assert isinstance(spec, Embedding)
    images = images_of(task, "images", spec.stored)
    features = embed(
        load(task, spec),
        images,
        spec,
        path=folder / FEATURES,
        device=task.device,
        progress=task.progress,
        workers=task.workers,
    )
    return Outcome(metrics={"images": int(features.shape[0]), "dimension": int(features.shape[1])})
