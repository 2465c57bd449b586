"""Stage `decode`: what is kept of every image of a split to compare and to embed it, made before it is asked for.

It makes no number. Whoever asks for what is kept makes it where it is not there; this stage makes it on a core that has
nothing else to do, while an encoder is trained.
"""

from pathlib import Path

from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.images.looks import look_at_split
from benchmark.specs.base import Spec
from benchmark.specs.stages import Images, Kind, Stage


class Decoding(Spec):
    """The spec of a `decode` stage. `stored`: also squares of this side in pixels."""

    stored: int | None


KIND = Kind(
    "decode",
    1,
    "benchmark.stages.decode",
    (
        "benchmark/stages/decode.py",
        "benchmark/images/decoding.py",
        "benchmark/images/looks.py",
        "benchmark/images/square_cache.py",
        "benchmark/images/growing.py",
        "benchmark/images/items.py",
    ),
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Fill the store's caches; the stage has no file of its own."""
    spec, images = task.stage.spec, task.images("images")
    assert isinstance(spec, Decoding)
    source = task.data.verified_source(images, task.progress)
    look_at_split(source.items, task.data.cache, task.progress, jobs=1)
    if spec.stored is not None:
        task.data.squares(images, spec.stored, task.progress)
    return StageResult(metrics={"images": len(source)})


def decode_stage(images: Images, stored: int | None = None) -> Stage:
    """The stage that decodes a split. `stored`: the side of its squares in pixels, None where none are needed."""
    return Stage(KIND, Decoding(stored=stored), (("images", images),), images.label)
