"""A worker process: takes stages from a pipe, runs each, writes it to the store, says how it went.

Workers make a process group of their own, so that Ctrl-C reaches only the executor, which then asks those that can save
what they have to stop, and kills all other groups: killing is safe at any moment, because a result appears in the store
by one rename.
"""

import errno
import os
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError
from benchmark.execution import memory
from benchmark.execution.environment import environment
from benchmark.execution.record import Damage, Record, digests, write_record
from benchmark.execution.store import Store
from benchmark.execution.task import Stopped, Task
from benchmark.interrupts import leave_to_run
from benchmark.specs.stages import Stage

Status = Literal["done", "busy", "damaged", "failed", "refused", "stopped"]
FULL = 10**6
"""Fewer free bytes than this on the store's disk explain any crash: not every library passes the system's error on."""


@dataclass(frozen=True)
class Context:
    """What a worker needs besides the stage. Nothing of it is part of a key."""

    store: Path
    data: Any
    """The images of the run, for the stages; sent to the worker as it is."""
    device: str
    devices: int = 1
    workers: int = 2
    local: Mapping[str, str] = field(default_factory=dict)
    """Paths of the local files (samplers, weights) that specs name by their SHA-256."""
    command: str = ""
    """The command that began the run, for notes on stages that fail."""


@dataclass(frozen=True)
class Report:
    """How a stage went. "busy": another run holds it; "damaged": an input was not what was written, and is made again
    first; "refused": an error that the user can mend, in `message`; "stopped": it saved what it had, as `message` says,
    because the run is to stop."""

    status: Status
    message: str = ""


def run_stage(task: Task[Any]) -> None:
    """Run one stage and publish its files and record."""
    stage, started = task.stage, time.perf_counter()
    with task.store.writing(stage) as folder:
        result = stage.kind.run(task, folder)
        record = Record(
            kind=stage.kind.name,
            key=stage.key,
            identity=stage.identity,
            metrics=result.metrics,
            info=result.info,
            environment=environment(task.device),
            seconds=round(time.perf_counter() - started, 3),
            peak_memory_mb=round(_peak_memory_mb(), 1),
            label=stage.label,
            files=digests(folder),
        )
        write_record(folder, record)


def _peak_memory_mb() -> float:
    """Peak resident memory of this process so far (not of one stage: the system keeps only the whole)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def attempt(task: Task[Any]) -> Report:
    """Run a stage unless another run has it or it is finished; a crash becomes a record."""
    try:
        with task.store.claim(task.stage.key) as claimed:
            if not claimed:
                return Report("busy")
            if not task.store.has(task.stage):
                run_stage(task)
    except Damage as damage:
        return _put_aside(task, damage)
    except UserError as error:
        return Report("refused", str(error))
    except Stopped as stopped:
        return Report("stopped", str(stopped))
    except (Exception, SystemExit) as error:
        # sys.exit in a stage's code, a sampler's for example, is a crash as any other.
        return _crash(task, error)
    return Report("done")


def _put_aside(task: Task[Any], damage: Damage) -> Report:
    try:
        return Report("damaged", task.store.put_aside(damage))
    except OSError as error:
        return Report("refused", f"{damage}, and its folder cannot be moved aside: {error.strerror}")


def _crash(task: Task[Any], error: BaseException) -> Report:
    if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(task.store.root).free < FULL:
        message = f"disk full while writing {task.store.root}; free space there and run the same command again"
        return Report("refused", message)
    text = traceback.format_exc()
    if (advice := memory.advice(error)) is not None:
        # Last, where tables look for what happened.
        text += f"{advice}\n"
    task.store.fail(task.stage, text, environment(task.device))
    return Report("failed", text)


class Line:
    """A worker's end of the pipe to its executor.

    Goes out: ("progress", what, done, total), ("note", text), ("saves",) from a stage that will stop when asked to, and
    the `Report` of each stage. Comes in: stages, and None, after which there are no more; in the midst of a stage that
    asks it to stop.
    """

    def __init__(self, pipe: connection.Connection) -> None:
        self._pipe = pipe
        self._shown, self._saves = 0.0, False

    def stages(self) -> Iterator[Stage]:
        """The stages to run, until there are no more."""
        while (stage := self._pipe.recv()) is not None:
            self._shown, self._saves = 0.0, False
            yield stage

    def report(self, report: Report) -> None:
        self._pipe.send(report)

    def progress(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            self._pipe.send(("progress", what, done, total))

    def say(self, text: str) -> None:
        self._pipe.send(("note", text))

    def stopping(self) -> bool:
        """Whether the executor wants the stage to stop. The first call tells the executor that the stage can stop."""
        if not self._saves:
            self._saves = True
            self._pipe.send(("saves",))
        return self._pipe.poll()


def main(pipe: int, alive: int) -> None:
    """The life of a worker. `pipe` and `alive` are file descriptors: its end of the pipe to the executor, which first
    sends a `Context`; and one that is at its end when the executor's process has ended."""
    os.setpgrp()
    leave_to_run()
    for descriptor in (pipe, alive):
        os.set_inheritable(descriptor, False)
    threading.Thread(target=_die_with_parent, args=(alive,), daemon=True).start()
    received = connection.Connection(pipe)
    try:
        work(received, received.recv())
    except EOFError:
        # The executor has ended.
        os.killpg(0, signal.SIGKILL)
    except KeyboardInterrupt:
        # A stage's own code raised it, for signals are left to the run: it is an exit, not a death by a signal.
        traceback.print_exc()
        sys.exit(1)


def work(pipe: connection.Connection, context: Context) -> None:
    """Run the stages that come through the pipe."""
    store, line = Store(context.store, context.command), Line(pipe)
    machine = (context.device, context.devices, context.workers)
    for stage in line.stages():
        task = Task(
            stage, store, context.data, *machine, line.progress, context.local, stopping=line.stopping, say=line.say
        )
        line.report(attempt(task))


def _die_with_parent(alive: int) -> None:
    """End this worker and its whole group when the executor is killed."""
    os.read(alive, 1)
    os.killpg(0, signal.SIGKILL)
