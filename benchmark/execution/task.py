"""The task of a stage's code: its spec, the files and images of its inputs, and the device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmark.execution.record import Record
from benchmark.execution.store import Store
from benchmark.progress import Progress, never, silent, unheard
from benchmark.specs.stages import Images, Stage

D = TypeVar("D")


@dataclass(frozen=True)
class StageResult:
    """The result of a stage's code beside its files: numbers for tables, and values that explain them."""

    metrics: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)


class Stopped(Exception):
    """A stage stopped before its end, because its run has to stop. The message is one line that says what the stage
    saved."""


@dataclass(frozen=True)
class Task(Generic[D]):
    """One stage to run. The stage's names of its inputs lead to their files and images. `data` gives the images of an
    input."""

    stage: Stage
    store: Store
    data: D
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

    def images(self, name: str) -> Images:
        """The input `name`, which is images."""
        images = self.stage.input(name)
        assert isinstance(images, Images)
        return images

    def file(self, name: str, file: str) -> Path:
        """A file of the finished stage that is the input `name`."""
        return self.store.file(self._stage(name), file)

    def record(self, name: str) -> Record:
        """The record of the finished stage that is the input `name`."""
        return self.store.record(self._stage(name))

    def _stage(self, name: str) -> Stage:
        stage = self.stage.input(name)
        assert isinstance(stage, Stage)
        return stage
