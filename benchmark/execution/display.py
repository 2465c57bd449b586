"""The display of a run: bars on a terminal, plain lines elsewhere. All of it goes to standard error."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmark.execution.worker import Report
from benchmark.progress import Progress
from benchmark.specs.stages import Stage

PATIENCE = 2.0
"""Seconds of silence at the beginning."""


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
    """A line at most every `every` seconds, with the time that is left at the speed so far."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._next = every, time.monotonic() + PATIENCE
        self._begun: dict[str, tuple[float, int]] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        begun, before = self._begun.setdefault(what, (now, done))
        if now >= self._next:
            self._next = now + self._every
            left = f", {_duration((now - begun) * (total - done) / (done - before))} left" if done > before else ""
            print(f"  {what}: {done}/{total}{_unit(what)}{left}", file=sys.stderr, flush=True)


def _unit(what: str) -> str:
    """What is counted: images, where the words before do not say another unit."""
    return "" if what.endswith("(MB)") else " images"


def _duration(seconds: float) -> str:
    """Seconds as 0:05 or 1:02:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class BarProgress:
    """A bar for each piece of work, gone when all is done."""

    def __init__(self) -> None:
        # Imported here: the command line starts without it where no bar is drawn.
        from rich.progress import TaskID

        self._bars = _bars()
        self._tasks: dict[str, TaskID] = {}
        self._begin = time.monotonic() + PATIENCE

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() < self._begin:
            return
        if what not in self._tasks:
            self._bars.start()
            self._tasks[what] = self._bars.add_task(what, total=total, unit=_unit(what).strip())
        self._bars.update(self._tasks[what], completed=done)

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()


def _bars() -> Any:
    """Bars with units and the time left. A long name is folded and never cut."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    name = TextColumn("{task.description}", table_column=Column(overflow="fold", ratio=1))
    numbers = (MofNCompleteColumn(), TextColumn("{task.fields[unit]}"), TimeRemainingColumn(), TextColumn("left"))
    return Progress(name, BarColumn(bar_width=12), *numbers, console=Console(stderr=True), transient=True, expand=True)


HEARTBEAT = 10.0
"""Seconds between two lines that tell how far a run is; in long runs a twentieth of their time so far."""


class RunDisplay:
    """Plain lines: a stage that took over two seconds gets one, and in between a line tells what is being worked on."""

    def __init__(self) -> None:
        self._total = self._done = self._before = 0
        self._began = self._next = 0.0
        self._running: dict[str, str] = {}
        self._next_up = ""

    def start(self, total: int, done: int) -> None:
        self._total, self._done, self._before, self._began = total, done, done, time.monotonic()
        self._next = self._began + HEARTBEAT
        self._say(f"{total} stages, {done} of them finished before")

    def waiting(self, stages: Sequence[Stage]) -> None:
        """The stages that no worker has taken yet, in their order."""
        self._next_up = stages[0].title if stages else ""

    def began(self, stage: Stage) -> None:
        """A worker has taken the stage."""
        self._running[stage.key] = stage.title

    def progress(self, stage: Stage, what: str, done: int, total: int) -> None:
        """The stage says how far it is."""
        self._running[stage.key] = f"{stage.title} {done}/{total} {what}"

    def ended(self, stage: Stage, report: Report, seconds: float) -> None:
        self._running.pop(stage.key, None)
        self._done += 1
        if report.status == "failed":
            self._say(f"FAILED {stage.title}: {report.message.strip().splitlines()[-1]}")
        elif seconds > 2:
            self._say(f"[{self._done}/{self._total}] {stage.title} ({seconds:.0f} s)")

    def note(self, stage: Stage, text: str) -> None:
        """The stage has something to say that is to stay on the screen."""
        self._say(f"{stage.title} {text}")

    def stopping(self, count: int) -> None:
        """The run was asked to stop; `count` trainings save what they have first."""
        what = "a training finishes its step and is" if count == 1 else f"{count} trainings finish a step and are"
        self._say(f"stopping: {what} saved; once more ends at once, without that")

    def left(self, stage: Stage) -> None:
        """Another run is at the stage; it is waited for."""
        self._running[stage.key] = f"{stage.title} in another run"

    def repeat(self, stage: Stage, reason: str, again: int) -> None:
        """The stage waits for `again` others that are run once more."""
        self._running.pop(stage.key, None)
        self._total += again
        self._say(f"note: {reason}")

    def tick(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + max(HEARTBEAT, (now - self._began) / 20)
            after = f"; next: {self._next_up}" if self._next_up else ""
            working = "; ".join(self._running.values()) or "what is next"
            self._say(f"[{self._done}/{self._total}{self._left(now)}] working on {working}{after}")

    def _left(self, now: float) -> str:
        """The time left, at the speed of the stages that this run has ended."""
        ended = self._done - self._before
        seconds = (now - self._began) * (self._total - self._done) / ended if ended else 0.0
        return f", about {_duration(seconds)} left" if ended and self._done < self._total else ""

    def stop(self) -> None:
        """The run is over."""

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class RichRunDisplay(RunDisplay):
    """A bar for the whole run and one for each stage that is being worked on."""

    def start(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._bars = _bars()
        self._all = self._bars.add_task("all", total=total, completed=done, unit="stages")
        self._tasks: dict[str, Any] = {}
        self._bars.start()

    def began(self, stage: Stage) -> None:
        self._tasks[stage.key] = self._bars.add_task(stage.title, total=None, unit="")

    def waiting(self, stages: Sequence[Stage]) -> None:
        self._bars.update(self._all, description=f"all; next: {stages[0].title}" if stages else "all")

    def progress(self, stage: Stage, what: str, done: int, total: int) -> None:
        self._bars.update(self._tasks[stage.key], completed=done, total=total, unit=what)

    def left(self, stage: Stage) -> None:
        self._bars.remove_task(self._tasks.pop(stage.key))

    def repeat(self, stage: Stage, reason: str, again: int) -> None:
        self.left(stage)
        super().repeat(stage, reason, again)
        self._bars.update(self._all, total=self._total)

    def ended(self, stage: Stage, report: Report, seconds: float) -> None:
        self.left(stage)
        self._bars.advance(self._all)
        super().ended(stage, report, seconds)

    def tick(self) -> None:
        """Rich redraws by itself."""

    def stop(self) -> None:
        self._bars.stop()

    def _say(self, text: str) -> None:
        self._bars.console.print(text, highlight=False, markup=False)


def make_screen() -> RunDisplay:
    """Bars where standard error is a terminal, lines otherwise."""
    return RichRunDisplay() if sys.stderr.isatty() else RunDisplay()
