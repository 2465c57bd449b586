"""Content-addressed results: `<root>/<kind>/<key>/` has spec.json, files and record.json, written aside, renamed once.

A folder with a record under its key is whole. A crash leaves at most folders under `aside/` and `scratch/`: none is a
result, and the next opening of the store clears those that are of no use. One function, `Store.folder`, makes the path
for the writer and for the checker.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.specs.base import canonical_json
from benchmark.specs.stages import Stage
from benchmark.system import write_atomically


@dataclass(frozen=True)
class Record:
    """What a finished stage tells. `metrics` are numbers for tables, `info` explains them; both are JSON."""

    kind: str
    key: str
    identity: dict[str, Any]
    metrics: dict[str, Any]
    info: dict[str, Any]
    environment: dict[str, Any]
    seconds: float
    peak_memory_mb: float
    label: str = ""
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Record":
        return cls(**{**value, "files": tuple(value["files"])})


@dataclass
class Store:
    """The results below `root`. Safe for several writers: the first rename of a key wins, all see the same content."""

    root: Path
    _records: dict[str, Record] = field(default_factory=dict, repr=False)

    def folder(self, kind: str, key: str) -> Path:
        """Where the result of `key` is, finished or not yet."""
        return self.root / kind / key

    def has(self, stage: Stage) -> bool:
        return stage.resolved and (self.folder(stage.kind.name, stage.key) / "record.json").is_file()

    def record(self, stage: Stage) -> Record:
        """The record of a finished stage; KeyError if it is not finished."""
        if stage.key not in self._records:
            path = self.folder(stage.kind.name, stage.key) / "record.json"
            if not path.is_file():
                raise KeyError(stage.key)
            self._records[stage.key] = Record.from_json(json.loads(path.read_text()))
        return self._records[stage.key]

    def file(self, stage: Stage, name: str) -> Path:
        """A file of a finished stage."""
        return self.folder(stage.kind.name, stage.key) / name

    def scratch(self, stage: Stage) -> Path:
        """A folder for checkpoints of an unfinished stage; gone when it is finished."""
        return self.root / "scratch" / stage.key

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Whether this process alone may work on `key`. The lock goes with the process, however that ends."""
        with (self.root / "locks" / key).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    @contextlib.contextmanager
    def writing(self, stage: Stage) -> Iterator[Path]:
        """A folder to write the stage's files into; it becomes the result when the block ends without an error.

        Only the holder of the stage's claim is safe from `clear_aside`.
        """
        aside = self._aside(stage.key)
        aside.mkdir(parents=True)
        try:
            (aside / "spec.json").write_text(canonical_json(stage.identity))
            yield aside
            _flush(aside)
            self._publish(aside, self.folder(stage.kind.name, stage.key))
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(self.scratch(stage), ignore_errors=True)
        self._failure_path(stage).unlink(missing_ok=True)

    def _aside(self, key: str) -> Path:
        """A new name for a folder that `clear_aside` removes once nobody holds `key`."""
        return self.root / "aside" / f"{key}.{uuid.uuid4().hex}"

    def _publish(self, aside: Path, final: Path) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        if _moved(aside, final) or (final / "record.json").is_file():
            # If not moved, someone else finished the same key first: same identity, same content.
            return
        # A folder without a record: a part of a copy, or what a deletion left.
        broken = self._aside(final.name)
        final.rename(broken)
        aside.rename(final)
        shutil.rmtree(broken, ignore_errors=True)

    # Failures --------------------------------------------------------------------------------------------------------

    def _failure_path(self, stage: Stage) -> Path:
        return self.root / "failed" / f"{stage.key}.json"

    def fail(self, stage: Stage, traceback: str, environment: dict[str, Any]) -> None:
        """Record a crash, if the disk has room for that. It never hinders another try."""
        path = self._failure_path(stage)
        value = {"identity": stage.identity, "label": stage.label, "traceback": traceback, "environment": environment}
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(value, indent=1))

    def failure(self, stage: Stage) -> str | None:
        """The traceback of the stage's last crash, None if there is none."""
        path = self._failure_path(stage)
        return json.loads(path.read_text())["traceback"] if path.is_file() else None

    # Overview --------------------------------------------------------------------------------------------------------

    def find(self, prefix: str) -> list[Path]:
        """The folders of all finished results whose keys begin with `prefix`, of every kind."""
        return sorted(path.parent for path in self.root.glob(f"*/{prefix}*/record.json"))

    def kinds(self) -> list[str]:
        """The kinds of the finished results, by name."""
        return sorted({path.parts[-3] for path in self.root.glob("*/*/record.json")})

    def finished(self, kind: str) -> list[Path]:
        """The folders of all finished results of a kind, oldest first."""
        return sorted((path.parent for path in (self.root / kind).glob("*/record.json")), key=os.path.getmtime)

    def failures(self) -> list[dict[str, Any]]:
        """All crashes on record."""
        return [json.loads(path.read_text()) for path in sorted((self.root / "failed").glob("*.json"))]

    # Clearing up -----------------------------------------------------------------------------------------------------

    def clear_aside(self) -> None:
        """Remove what crashed writers left: folders of stages that nobody holds, whatever machine they were on."""
        for path in (self.root / "aside").glob("*.*"):
            # Without a lock (a full disk, a file system that has none) nothing is known of the writer.
            with contextlib.suppress(OSError), self.claim(path.name.partition(".")[0]) as unheld:
                if unheld:
                    shutil.rmtree(path, ignore_errors=True)

    def clear_finished(self) -> None:
        """Remove checkpoints and crashes of finished stages: what a kill between the last rename and its end left."""
        for path in (self.root / "scratch").glob("*"):
            if self._is_finished(path.name):
                shutil.rmtree(path, ignore_errors=True)
        for path in (self.root / "failed").glob("*.json"):
            if self._is_finished(path.stem):
                path.unlink(missing_ok=True)

    def _is_finished(self, key: str) -> bool:
        return any(self.root.glob(f"*/{key}/record.json"))


def _moved(folder: Path, to: Path) -> bool:
    """Rename a folder unless `to` is there and not empty."""
    try:
        folder.rename(to)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def _flush(folder: Path) -> None:
    """Ask the disk to have the files before the rename makes them visible."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def open_store(root: Path) -> Store:
    """The store at `root`, created when missing; a `UserError` when that cannot be written."""
    try:
        for name in ("aside", "locks"):
            (root / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the store {root}: {error.strerror}; name another with --store") from error
    store = Store(root)
    store.clear_aside()
    store.clear_finished()
    return store
