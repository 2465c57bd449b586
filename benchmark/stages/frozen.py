"""Stage `frozen`: the weights of a network that was trained elsewhere, as an encoder of this suite."""

from pathlib import Path
from typing import Literal

from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import ENCODER
from benchmark.specs.base import Spec
from benchmark.specs.recipes import Backbone
from benchmark.specs.stages import Kind


class FrozenEncoder(Spec):
    """A network whose weights come from elsewhere; images reach it normalised by `mean` and `std`.

    `origin` says whose: an encoder that this suite trained, a file in timm's form, or what timm gets by the network's
    name. `sha256` is that of the file; None for the last.
    """

    backbone: Backbone
    origin: Literal["suite", "file", "timm"]
    sha256: str | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


KIND = Kind(
    "frozen",
    1,
    "benchmark.stages.frozen",
    ("benchmark/stages/frozen.py", "benchmark/training/foreign_weights.py", "benchmark/training/backbones.py"),
    verb="load",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write `encoder.safetensors`. UserError for weights that cannot be had or that do not fit the network."""
    from benchmark.training.checkpoint import write
    from benchmark.training.foreign_weights import foreign_network

    spec = task.stage.spec
    assert isinstance(spec, FrozenEncoder)
    path = None if spec.sha256 is None else Path(task.local[spec.sha256])
    network = foreign_network(spec.backbone, spec.origin, path)
    write(folder / ENCODER, network.state_dict(), {})
    return StageResult(metrics={"parameters": sum(parameter.numel() for parameter in network.parameters())})
