"""Stage `frozen`: the weights of a network that was trained elsewhere, as an encoder of this suite."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import ENCODER, POSITIONS
from benchmark.specs.base import Spec
from benchmark.specs.recipes import Backbone
from benchmark.specs.stages import Kind

Origin = Literal["suite", "file", "timm", "official", "solo-learn", "lightly", "torchvision", "random"]


class FrozenEncoder(Spec):
    """A network whose weights come from elsewhere; images reach it normalised by `mean` and `std`.

    `origin` says whose: an encoder that this suite trained, a file in timm's form, what timm gets by the network's
    name, a checkpoint in the layout of SimCore's released code or of another library, or random weights by `seed`.
    `sha256` is that of the file; None where there is none.
    """

    later: ClassVar[tuple[str, ...]] = ("seed",)

    backbone: Backbone
    origin: Origin
    sha256: str | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    seed: int | None = None


KIND = Kind(
    "frozen",
    1,
    "benchmark.stages.frozen",
    (
        "benchmark/stages/frozen.py",
        "benchmark/training/checkpoint_layouts.py",
        "benchmark/training/foreign_weights.py",
        "benchmark/training/backbones.py",
    ),
    verb="load",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write `encoder.safetensors`, and `positions.npy` where the released code saved its picks beside the weights.
    UserError for weights that cannot be had or that do not fit the network."""
    from benchmark.training.checkpoint import write
    from benchmark.training.foreign_weights import foreign_network, saved_picks

    spec = task.stage.spec
    assert isinstance(spec, FrozenEncoder)
    path = None if spec.sha256 is None else Path(task.local[spec.sha256])
    network = foreign_network(spec.backbone, spec.origin, path, spec.seed)
    write(folder / ENCODER, network.state_dict(), {})
    picks = saved_picks(path) if path is not None and spec.origin == "official" else None
    if picks is not None:
        np.save(folder / POSITIONS, np.array(picks, dtype=np.int64))
    metrics = {"parameters": sum(parameter.numel() for parameter in network.parameters())}
    return StageResult(metrics=metrics if picks is None else {**metrics, "picks": len(picks)})
