"""Progress of long work: bars on a terminal, plain lines elsewhere, nothing for work under two seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) as often as the work likes; cheap."""

PATIENCE = 2.0
"""Seconds of silence at the beginning."""


def silent(what: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


def unheard(text: str) -> None:
    """What takes a line for whoever watches, where nobody does."""


def never() -> bool:
    """What says whether to stop, where nobody asks to."""
    return False


@contextmanager
def shown() -> Iterator[Progress]:
    """A `Progress` on standard error: bars where that is a terminal, lines otherwise."""
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    bars = BarProgress()
    try:
        yield bars
    finally:
        bars.close()


class PlainProgress:
    """A line at most every `every` seconds."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._next = every, time.monotonic() + PATIENCE

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            print(f"  {what}: {done}/{total}", file=sys.stderr, flush=True)


class BarProgress:
    """A bar for each piece of work, gone when all is done."""

    def __init__(self) -> None:
        # Imported here: the command line starts without it where no bar is drawn.
        from rich.console import Console
        from rich.progress import Progress as Bars
        from rich.progress import TaskID

        self._bars = Bars(console=Console(stderr=True), transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._begin = time.monotonic() + PATIENCE

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() < self._begin:
            return
        if what not in self._tasks:
            self._bars.start()
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done)

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()
