"""Runs stages in worker processes. A free worker gets the next stage whose inputs are there."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from multiprocessing import Pipe, connection

from benchmark.errors import UserError
from benchmark.execution import memory
from benchmark.execution.display import RunDisplay
from benchmark.execution.engines import ExecutionEngine, Job, Run, State
from benchmark.execution.store import Store
from benchmark.execution.worker import Context, Report
from benchmark.interrupts import StopRequest, held_back
from benchmark.specs.stages import Stage

BUSY_WAIT = 1.0
_CODE = "import sys; sys.path[:] = {path!r}; from benchmark.execution.worker import main; main({pipe}, {alive})"
LAST_MOMENT = 10.0
"""Seconds between the end of a worker's pipe and its own."""


@dataclass
class Worker:
    """A worker process and the stage that it is on.

    `kept` is a file descriptor. The worker watches it and ends when this process ends. `saves` says that the stage,
    when it has to stop, saves its state.
    """

    process: "subprocess.Popen[bytes]"
    pipe: connection.Connection
    kept: int | None = None
    stage: Stage | None = None
    started: float = 0.0
    saves: bool = False

    @classmethod
    def start(cls, context: Context) -> "Worker":
        """Start a new interpreter that imports this package and not the caller's script: a script needs no guard."""
        pipe, other = Pipe()
        # Nobody writes to it: that this process has ended is what its end says.
        alive, kept = os.pipe()
        code = _CODE.format(path=[str(folder) for folder in sys.path], pipe=other.fileno(), alive=alive)
        with held_back():
            process = subprocess.Popen([sys.executable, "-c", code], pass_fds=(other.fileno(), alive))
        other.close()
        os.close(alive)
        worker = cls(process, pipe, kept)
        worker._send(context)
        return worker

    def give(self, stage: Stage) -> None:
        self.stage, self.started, self.saves = stage, time.monotonic(), False
        self._send(stage)

    def ask_to_stop(self) -> None:
        """Have the stage save what it has and end; the worker takes no other."""
        self._send(None)

    def _send(self, message: Context | Stage | None) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # A worker that has died is heard of by its pipe.
            self.pipe.send(message)

    def kill(self) -> None:
        """End the worker and all that it started, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            # No group yet: the worker has not come to its first line.
            self.process.kill()
        self.process.wait()
        self.pipe.close()
        if self.kept is not None:
            os.close(self.kept)
            self.kept = None


def how_it_ended(exitcode: int | None) -> str:
    """A line on a worker that ended in the midst of a stage; `exitcode` as `subprocess` has it."""
    if exitcode is None:
        return "the worker process closed its connection and went on"
    if exitcode >= 0:
        return f"the worker process exited by itself with code {exitcode}: something that the stage runs ended it"
    if -exitcode == signal.SIGKILL:
        # What the system kills for memory cannot tell; memory of a GPU raises an error instead.
        return f"the worker process was killed (SIGKILL), most often {memory.HOST}"
    known = {one.value: one.name for one in signal.Signals}
    return f"the worker process died of {known.get(-exitcode, f'signal {-exitcode}')}"


@dataclass
class LocalEngine:
    """Runs the stages of a plan with `jobs` workers. A failure ends only the stages that build on the failed one.

    At the first SIGINT or SIGTERM, stages that can save their state are told to, and the engine waits for them; all
    others are ended at once. At a second signal all are ended.
    """

    store: Store
    context: Context
    jobs: int
    screen: RunDisplay
    states: dict[str, State] = field(default_factory=dict)
    _waiting: list[Stage] = field(default_factory=list)
    _workers: list[Worker] = field(default_factory=list)
    _retry_at: dict[str, float] = field(default_factory=dict)
    _stop: StopRequest = field(default_factory=StopRequest)
    _stopping: bool = False

    def run(self, stages: Iterable[Stage]) -> dict[str, State]:
        """The state of every stage, by key. KeyboardInterrupt (after SIGINT), Terminated (after SIGTERM) and UserError
        leave no process behind."""
        self._waiting = [stage for stage in stages if not self._finished(stage)]
        self.screen.start(len(self.states) + len(self._waiting), len(self.states))
        try:
            with self._stop.awaited():
                while self._goes_on():
                    self._hand_out()
                    self._listen()
        finally:
            for worker in self._workers:
                worker.kill()
            self.screen.stop()
        if self._stop.number is not None:
            # Sent again to whoever handles it outside of this run: a caller's process ends as it would without a run.
            signal.raise_signal(self._stop.number)
        return self.states

    def _goes_on(self) -> bool:
        if self._stop.number is not None and not self._stopping:
            self._begin_to_stop()
        return bool(self._waiting) or any(worker.stage for worker in self._workers)

    def _begin_to_stop(self) -> None:
        self._stopping = True
        for worker in list(self._workers):
            # What it sent before the signal counts: that it is done, or that it can save what it has.
            while worker.stage and worker.pipe.poll():
                self._hear(worker)
        self._waiting.clear()
        saving = [worker for worker in self._workers if worker.stage and worker.saves]
        for worker in self._workers:
            worker.ask_to_stop() if worker in saving else worker.kill()
        self._workers = saving
        if saving:
            self.screen.stopping(len(saving))

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
                self.screen.waiting(self._waiting)

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
        except (EOFError, OSError):
            # OSError also where it was killed in the midst of a message.
            message = self._bury(worker, stage)
        match message:
            case Report():
                worker.stage = None
                self._settle(stage, message, time.monotonic() - worker.started)
            case ("saves",):
                worker.saves = True
            case ("note", text):
                self.screen.note(stage, text)
            case ("progress", what, done, total):
                self.screen.progress(stage, what, done, total)

    def _bury(self, worker: Worker, stage: Stage) -> Report:
        # Its pipe closes a moment before it is dead; killed in that moment, it would not tell how it ended.
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(LAST_MOMENT)
        text = how_it_ended(worker.process.returncode)
        worker.kill()
        self._workers.remove(worker)
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
        if report.status == "damaged":
            self._run_again(stage, report.message)
            return
        if report.status == "stopped":
            self.screen.note(stage, report.message)
            return
        self.states[stage.key] = report.status
        self.screen.ended(stage, report, seconds)

    def _run_again(self, stage: Stage, damage: str) -> None:
        """Put a stage back until its inputs, which turned out to be damaged, have been made again."""
        if self._stopping:
            self.screen.note(stage, damage)
            return
        again = [one for one in stage.stages() if self.states.get(one.key) == "done" and not self.store.has(one)]
        for needed in again:
            del self.states[needed.key]
        self._retry_at[stage.key] = time.monotonic() + BUSY_WAIT
        self._waiting += [*again, stage]
        self.screen.repeat(stage, damage, len(again))


def _start(job: Job) -> Run:
    return LocalEngine(job.store, job.context, job.workers, job.screen).run


entry = ExecutionEngine("local", "worker processes of this machine", _start)
