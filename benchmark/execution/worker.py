"""A worker process: takes stages from a pipe, runs each, writes it to the store, says how it went.

Workers make a process group of their own, so that Ctrl-C reaches only the executor, which then kills whole groups:
killing is safe at any moment, because a result appears in the store by one rename.
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
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError
from benchmark.execution import memory
from benchmark.execution.environment import environment
from benchmark.execution.store import Record, Store
from benchmark.execution.task import Task
from benchmark.specs.base import canonical_json
from benchmark.system import write_atomically

Status = Literal["done", "busy", "failed", "refused"]
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


@dataclass(frozen=True)
class Report:
    """How a stage went. "busy": another run holds it; "refused": an error that the user can mend, in `message`."""

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
            files=tuple(sorted(path.name for path in folder.iterdir())),
        )
        write_atomically(folder / "record.json", canonical_json(record.to_json()))


def _peak_memory_mb() -> float:
    """Peak resident memory of this process so far (not of one stage: the system keeps only the whole)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def attempt(task: Task[Any]) -> Report:
    """Run a stage unless another run has it or it is finished; a crash becomes a record."""
    try:
        with task.store.claim(task.stage.key) as mine:
            if not mine:
                return Report("busy")
            if not task.store.has(task.stage):
                run_stage(task)
    except UserError as error:
        return Report("refused", str(error))
    except Exception as error:
        return _crash(task, error)
    return Report("done")


def _crash(task: Task[Any], error: Exception) -> Report:
    if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(task.store.root).free < FULL:
        message = f"disk full while writing {task.store.root}; free space there and run the same command again"
        return Report("refused", message)
    text = traceback.format_exc()
    if (advice := memory.advice(error)) is not None:
        # Last, where tables look for what happened.
        text += f"{advice}\n"
    task.store.fail(task.stage, text, environment(task.device))
    return Report("failed", text)


def work(pipe: connection.Connection, context: Context) -> None:
    """The life of a worker. Sends ("progress", what, done, total) and, for each stage, a `Report`."""
    os.setpgrp()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    store = Store(context.store)
    while (stage := pipe.recv()) is not None:
        last = 0.0

        def progress(what: str, done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last > 0.2:
                last = time.monotonic()
                pipe.send(("progress", what, done, total))

        task = Task(
            stage, store, context.data, context.device, context.devices, context.workers, progress, context.local
        )
        pipe.send(attempt(task))


def _die_with_parent() -> None:
    """A worker whose executor was killed must not run on: its whole group goes too."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)
