"""`python -m benchmark` that kills itself and its workers at a named point: `KILL_AT=<kind>:<point>`.

Spawned workers import this file too, so the hooks are set in them. Every point that is passed goes to the file `LOG`.
"""

import json
import os
import signal
from pathlib import Path

from benchmark.run import worker
from benchmark.store import Store


def passing(kind, key, point):
    with Path(os.environ["LOG"]).open("a") as log:
        log.write(f"{kind}:{point} {key}\n")
    if os.environ.get("KILL_AT") == f"{kind}:{point}":
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


class Watched(worker.Task):
    """A task that says when it reads its inputs."""

    def file(self, name, file):
        passing(self.stage.kind, self.stage.key, "reading")
        return super().file(name, file)

    def source(self, name):
        passing(self.stage.kind, self.stage.key, "reading")
        return super().source(name)

    def squares(self, name, side):
        passing(self.stage.kind, self.stage.key, "reading")
        return super().squares(name, side)


def watched_publish(store, aside, final):
    kind, key = final.parent.name, final.name
    passing(kind, key, "written")
    publish(store, aside, final)
    passing(kind, key, "renamed")


def watched_write(path, text):
    if path.name == "record.json":
        passing(json.loads(text)["kind"], json.loads(text)["key"], "recording")
    write(path, text)


publish, Store._publish = Store._publish, watched_publish
write, worker.write_atomically = worker.write_atomically, watched_write
worker.Task = Watched

if __name__ == "__main__":
    from benchmark.cli import main

    main()
