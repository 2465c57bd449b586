"""Feeding stages to worker processes: whatever is ready goes to whoever is free, finished work is never done again."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from typing import Literal

from benchmark.errors import UserError
from benchmark.execution import memory
from benchmark.execution.display import Screen
from benchmark.execution.store import Store
from benchmark.execution.worker import Context, Report, work
from benchmark.specs.stages import Stage

State = Literal["done", "failed", "skipped"]
BUSY_WAIT = 1.0


@dataclass
class Worker:
    """A worker process and the stage that it is on."""

    process: SpawnProcess
    pipe: connection.Connection
    stage: Stage | None = None
    started: float = 0.0

    @classmethod
    def start(cls, context: Context) -> "Worker":
        spawn = get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=work, args=(theirs, context))
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, stage: Stage) -> None:
        self.stage, self.started = stage, time.monotonic()
        self.pipe.send(stage)

    def kill(self) -> None:
        """End the worker and all that it started, at once."""
        for kill in (os.killpg, os.kill):
            try:
                kill(self.process.pid or 0, signal.SIGKILL)
                break
            except ProcessLookupError:
                # No group yet: the worker has not come to its first line.
                continue
        self.process.join()


@dataclass
class Executor:
    """Runs the stages of a plan with `jobs` workers. Failures end nothing but what builds on them."""

    store: Store
    context: Context
    jobs: int
    screen: Screen
    states: dict[str, State] = field(default_factory=dict)
    _waiting: list[Stage] = field(default_factory=list)
    _workers: list[Worker] = field(default_factory=list)
    _retry_at: dict[str, float] = field(default_factory=dict)

    def run(self, stages: Iterable[Stage]) -> dict[str, State]:
        """The state of every stage, by key. KeyboardInterrupt and UserError leave no process behind."""
        self._waiting = [stage for stage in stages if not self._finished(stage)]
        self.screen.start(len(self.states) + len(self._waiting), len(self.states))
        try:
            while self._waiting or any(worker.stage for worker in self._workers):
                self._hand_out()
                self._listen()
        finally:
            for worker in self._workers:
                worker.kill()
            self.screen.stop()
        return self.states

    def _finished(self, stage: Stage) -> bool:
        if self.store.has(stage):
            self.states[stage.key] = "done"
        return stage.key in self.states

    def _hand_out(self) -> None:
        for stage in list(self._waiting):
            needed = [self.states.get(other.key) for other in stage.stages()]
            if any(state in ("failed", "skipped") for state in needed):
                self.states[stage.key] = "skipped"
                self._waiting.remove(stage)
            elif all(state == "done" for state in needed) and self._retry_at.get(stage.key, 0) <= time.monotonic():
                worker = self._free_worker()
                if worker is None:
                    return
                self._waiting.remove(stage)
                worker.give(stage)
                self.screen.began(stage)

    def _free_worker(self) -> Worker | None:
        for worker in self._workers:
            if worker.stage is None:
                return worker
        if len(self._workers) < self.jobs:
            self._workers.append(Worker.start(self.context))
            return self._workers[-1]
        return None

    def _listen(self) -> None:
        pipes = {worker.pipe: worker for worker in self._workers if worker.stage}
        if not pipes:
            # All that is left is being done by another run.
            time.sleep(0.2)
        for pipe in connection.wait(list(pipes), timeout=0.2):
            self._hear(pipes[pipe])  # type: ignore[index]
        self.screen.tick()

    def _hear(self, worker: Worker) -> None:
        stage = worker.stage
        assert stage is not None
        try:
            message = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            message = self._bury(worker, stage)
        if isinstance(message, Report):
            worker.stage = None
            self._settle(stage, message, time.monotonic() - worker.started)
        else:
            self.screen.progress(stage, *message[1:])

    def _bury(self, worker: Worker, stage: Stage) -> Report:
        worker.kill()
        self._workers.remove(worker)
        # What the system kills for memory cannot tell; memory of a GPU raises an error instead.
        text = f"the worker process died (exit {worker.process.exitcode}), most often {memory.HOST}"
        self.store.fail(stage, text, {})
        return Report("failed", text)

    def _settle(self, stage: Stage, report: Report, seconds: float) -> None:
        if report.status == "refused":
            raise UserError(report.message)
        if report.status == "busy":
            self._retry_at[stage.key] = time.monotonic() + BUSY_WAIT
            self._waiting.append(stage)
            self.screen.left(stage)
            return
        self.states[stage.key] = report.status
        self.screen.ended(stage, report, seconds)
