"""What a stage's code is given: its spec, its inputs' files and images, and where it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.execution.record import Record
from benchmark.execution.store import Store
from benchmark.images.data import Data
from benchmark.images.sources import Source
from benchmark.progress import Progress, never, silent, unheard
from benchmark.specs.stages import Images, Stage


@dataclass(frozen=True)
class Outcome:
    """What a stage's code returns beside its files: numbers for tables, and what explains them."""

    metrics: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)


class Stopped(Exception):
    """A stage that ended before its end because its run is to stop, in one line that says what it has saved."""


@dataclass(frozen=True)
class Task:
    """One stage to run. Inputs are asked for by their names in the stage."""

    stage: Stage
    store: Store
    data: Data
    device: str
    devices: int = 1
    workers: int = 2
    progress: Progress = silent
    local: Mapping[str, str] = field(default_factory=dict)
    """Where the local files that specs name by their SHA-256 are."""
    stopping: Callable[[], bool] = never
    """Whether the run is to stop. Who asks is waited for: it saves what it has and raises `Stopped`, or ends soon."""
    say: Callable[[str], None] = unheard
    """Show a line to whoever watches the run."""

    def has(self, name: str) -> bool:
        return self.stage.input(name) is not None

    def source(self, name: str) -> Source:
        """The images of an input; an error if they are not the ones that the stage's key names."""
        return self.data.verified_source(self._images(name), self.progress)

    def squares(self, name: str, side: int) -> NDArray[np.uint8]:
        """The images of an input as squares, uint8 [N, side, side, 3], memory-mapped."""
        return self.data.squares(self._images(name), side, self.progress)

    def relevance(self, name: str) -> NDArray[np.bool_]:
        """Which images of the open-set the relevance labels `name` mark, bool [N]."""
        return self.data.relevant(self._images(name))

    def heldout(self, name: str) -> NDArray[np.bool_]:
        """Which images of the open-set `name` come from a "*-heldout" source, bool [N]."""
        return self.data.heldout(self._images(name))

    def origins(self, name: str) -> list[str] | None:
        """The source that each image of the open-set `name` comes from, None where no label says so."""
        return self.data.origins(self._images(name))

    def _images(self, name: str) -> Images:
        images = self.stage.input(name)
        assert isinstance(images, Images)
        return images

    def file(self, name: str, file: str) -> Path:
        """A file of the finished stage that is the input `name`."""
        return self.store.file(self._stage(name), file)

    def record(self, name: str) -> Record:
        return self.store.record(self._stage(name))

    def _stage(self, name: str) -> Stage:
        stage = self.stage.input(name)
        assert isinstance(stage, Stage)
        return stage
