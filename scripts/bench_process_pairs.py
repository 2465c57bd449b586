"""Processes that train in turns and are timed round by round: for `bench_pretrain`, which names the contenders."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.specs.recipes import Recipe

IMAGES, CLASSES = 512, 10
READS = 200_000
"""Images of an epoch, the same few over and over: nobody comes to the end of it and starts worker processes anew."""
WARM = 4
"""Steps that are not timed after every wait: as many batches as DataLoader's two workers may have made meanwhile."""
MIB = 2**20


class Over(Exception):
    """The race is over."""


class Failed(Exception):
    """A contender that cannot run; the message says why."""


@dataclass(frozen=True)
class Case:
    """What all contenders of a row train. `folder` holds `squares.npy` and `pictures`, a folder for every class."""

    recipe: Recipe
    folder: Path

    @property
    def stored(self) -> int:
        stored = self.recipe.augmentation.stored
        assert isinstance(stored, int)
        return stored

    @property
    def classes(self) -> int:
        return CLASSES if self.recipe.online else 0


class Pacer:
    """Called by a contender after every step of its own: times a round, reports it and waits for the next one."""

    def __init__(self, orders: Connection) -> None:
        self._orders = orders
        self._done = self._last = 0
        self._began = 0.0

    def __call__(self) -> None:
        self._done += 1
        if self._done == WARM:
            self._began = time.perf_counter()
        if self._done >= self._last:
            self._report()

    def _report(self) -> None:
        """Without an order yet, that the contender has started; the order to stop is 0."""
        timed = max(0, self._last - WARM)
        self._orders.send(timed / (time.perf_counter() - self._began) if timed else None)
        try:
            steps = self._orders.recv()
        except EOFError:
            steps = 0
        if not steps:
            raise Over
        self._done, self._last = 0, WARM + steps


Contender = Callable[..., None]
"""Trains a case and calls the pacer after every step, until that raises."""


class ContenderProcess:
    """The contender `target` (module:function), in a process that starts at once."""

    def __init__(self, target: str, case: Case, options: dict[str, object]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._orders, child_end = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(child_end, target, case, options))
        self._process.start()
        child_end.close()

    def _answer(self) -> float | None:
        try:
            answer = self._orders.recv()
        except EOFError:
            raise Failed("its process died") from None
        if isinstance(answer, str):
            raise Failed(answer)
        return answer  # type: ignore[no-any-return]

    def ready(self) -> None:
        """Wait for its first step. Raises Failed."""
        self._answer()

    def rate(self, steps: int) -> float:
        """Steps per second over `steps` steps. Raises Failed."""
        self._orders.send(steps)
        return self._answer() or 0.0

    def finish(self) -> float:
        """Stop it; the peak of its memory in MiB. Raises Failed."""
        self._orders.send(0)
        peak = self._answer() or 0.0
        self._process.join()
        return peak

    def leave(self) -> None:
        """End it: without its orders it stops by itself, once it asks for the next one."""
        self._orders.close()
        self._process.join(timeout=20)
        self._process.terminate()


def _serve(orders: Connection, target: str, case: Case, options: dict[str, object]) -> None:
    warnings.simplefilter("ignore")
    # Spawned processes spawn; the workers of a DataLoader are forked where nobody asks otherwise.
    multiprocessing.set_start_method("fork", force=True)
    module, _, function = target.partition(":")
    answer: float | str = 0.0
    try:
        contender: Contender = getattr(import_module(module), function)
        contender(case, Pacer(orders), **options)
    except Over:
        answer = memory()
    except Exception as error:  # the row says why
        answer = _reason(error)
    with suppress(BrokenPipeError):
        orders.send(answer)


def _reason(error: BaseException) -> str:
    """The first line of the error that began it: lightning's cleaning up raises errors of its own."""
    while error.__context__ is not None:
        error = error.__context__
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def memory() -> float:
    """Peak resident memory of this process, in MiB, and what its worker processes hold now and share with nobody."""
    # Not getrusage: what a process had before it became another program counts there.
    own = _sum(Path("/proc/self/status"), "VmHWM")
    workers = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return (own + sum(_sum(Path(f"/proc/{worker}/smaps_rollup"), "Private_") for worker in workers)) / MIB


def _sum(table: Path, field: str) -> float:
    """Bytes under the names that begin with `field`."""
    return sum(1024 * int(line.split()[1]) for line in table.read_text().splitlines() if line.startswith(field))


# Images --------------------------------------------------------------------------------------------------------------


def lay_out(case: Case) -> None:
    """Write the images of a case: smooth colours with some grain, which compress about as photographs do."""
    random, side = np.random.default_rng(0), case.stored
    squares = np.stack([_picture(random, side) for _ in range(IMAGES)])
    np.save(case.folder / "squares.npy", squares)
    for index, square in enumerate(squares):
        folder = case.folder / "pictures" / str(index % CLASSES)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(square).save(folder / f"{index}.jpg", quality=90)


def _picture(random: np.random.Generator, side: int) -> NDArray[np.uint8]:
    coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float64)
    grainy: NDArray[np.uint8] = (smooth + random.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
    return grainy
