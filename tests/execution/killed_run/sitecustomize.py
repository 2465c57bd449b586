"""`python -m benchmark` that kills itself and its workers at a named point: `KILL_AT=<kind>:<point>`.

With this folder in PYTHONPATH every Python process imports this file as it starts, so the hooks are set in the workers
too. Every point that is passed goes to the file `LOG`.
With `EVERY_STEP` trainings leave a checkpoint after every step. With that or `STEPS` there are the points `took1`,
`took2`, ..., after a step, and `step1`, `step2`, ..., after a checkpoint. `WAIT_AT=<kind>:<point>` has it wait there
until there is a file `LOG`.go.
"""

import os
import signal
import time
from functools import partial
from pathlib import Path

from benchmark.execution import worker
from benchmark.execution.store import Store


def passing(kind, key, point):
    with Path(os.environ["LOG"]).open("a") as log:
        log.write(f"{kind}:{point} {key}\n")
    if os.environ.get("KILL_AT") == f"{kind}:{point}":
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("WAIT_AT") == f"{kind}:{point}":
        while not Path(f"{os.environ['LOG']}.go").exists():
            time.sleep(0.05)


class Watched(worker.Task):
    """A task that says when it reads its inputs."""

    def file(self, name, file):
        passing(self.stage.kind.name, self.stage.key, "reading")
        return super().file(name, file)

    def images(self, name):
        passing(self.stage.kind.name, self.stage.key, "reading")
        return super().images(name)


def watched_publish(store, aside, final):
    kind, key = final.parent.name, final.name
    passing(kind, key, "written")
    publish(store, aside, final)
    passing(kind, key, "renamed")


def watched_write(folder, record):
    passing(record.kind, record.key, "recording")
    write(folder, record)


def watch_steps():
    """Importing torch costs seconds, so only where it is asked for."""
    from benchmark.pretrain import train
    from benchmark.training import checkpoint

    def watched_save(folder, *state):
        save(folder, *state)
        passing("pretrain", folder.name, f"step{len(state[-1].losses)}")

    def watched_step(trainer, crops):
        step(trainer, crops)
        passing("pretrain", trainer.job.folder.name, f"took{trainer.steps}")

    save, checkpoint.save = checkpoint.save, watched_save
    step, train._Trainer._step = train._Trainer._step, watched_step
    if os.environ.get("EVERY_STEP"):
        train.train = partial(train.train, checkpoint_every=0.0)


publish, Store._publish = Store._publish, watched_publish
write, worker.write_record = worker.write_record, watched_write
worker.Task = Watched
if os.environ.get("EVERY_STEP") or os.environ.get("STEPS"):
    watch_steps()
