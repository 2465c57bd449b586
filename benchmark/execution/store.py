"""Content-addressed results: `<root>/<kind>/<key>/` has spec.json, files and record.json, written aside, renamed once.

A folder under its key that is what its record says is a result (`benchmark.execution.record`). A crash leaves at most
folders under `aside/` and `scratch/`: none is a result, and the next opening of the store clears those that are of no
use. What does not match its record is not finished: a run moves it to `damaged/`, where it is kept, and makes it again.
All is on the disk, names too, before a stage counts as finished. One function, `Store.folder`, makes the path for the
writer and for the checker.
"""

import contextlib
import errno
import fcntl
import json
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError
from benchmark.execution.crash import Crash, apart_from_code, read_crash
from benchmark.execution.record import RECORD, Damage, Record, Result, read_result
from benchmark.specs.base import canonical_json
from benchmark.specs.stages import Stage
from benchmark.system import make_folder, sync, sync_tree, write_atomically

ASIDE, DAMAGED, FAILED, LOCKS, SCRATCH = "aside", "damaged", "failed", "locks", "scratch"
_NO_KINDS = (ASIDE, DAMAGED, FAILED, LOCKS, SCRATCH)
_KEY = re.compile("[0-9a-f]{64}")
STAGE, WHY = "stage.json", "damage.json"
"""In a folder of checkpoints: the stage that it is of. In a folder of damaged results: what is wrong with it."""

State = Literal["finished", "damaged", "failed", "unfinished", "put aside"]


@dataclass(frozen=True)
class StoredStage:
    """The state of one key in the store. `path` is a folder; of a failed stage it is a file."""

    key: str
    state: State
    path: Path

    @property
    def is_result(self) -> bool:
        return self.state in ("finished", "damaged")

    @property
    def note(self) -> dict[str, Any]:
        """The store's note on a stage with a checkpoint, or on damage; empty where the note cannot be read."""
        for name in (STAGE, WHY):
            with contextlib.suppress(OSError, ValueError):
                return dict(json.loads((self.path / name).read_bytes()))
        return {}


@dataclass
class Store:
    """The results below `root`. Safe for several writers: the first rename of a key wins, all see the same content."""

    root: Path
    command: str = ""
    """The command that works on the store: what it leaves unfinished or failed, it can go on with."""
    _results: dict[Path, tuple[tuple[int, ...], Result]] = field(default_factory=dict, repr=False)

    def folder(self, kind: str, key: str) -> Path:
        """The folder of the result of `key`, finished or not."""
        return self.root / kind / key

    # Reading ---------------------------------------------------------------------------------------------------------

    def result(self, kind: str, key: str) -> Result | None:
        """The finished stage, None where there is none. `Damage` where its record is not what was written, or a file
        is missing; `Result.file` looks at the bytes of the others."""
        folder = self.folder(kind, key)
        try:
            status = (folder / RECORD).stat()
        except OSError:
            # A folder without a record says so itself; an empty one is what a deletion left.
            return read_result(folder) if folder.is_dir() and any(folder.iterdir()) else None
        state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._results.get(folder)
        if known is not None and known[0] == state:
            known[1].check_present()
            return known[1]
        result = read_result(folder)
        if (result.record.kind, result.record.key) != (kind, key):
            raise result.damage(RECORD, "is another stage's")
        self._results[folder] = state, result
        return result

    def damage(self, stage: Stage) -> Damage | None:
        """The damage of the stage's result, as far as its record shows it; None where there is none."""
        try:
            self.result(stage.kind.name, stage.key)
        except Damage as damage:
            return damage
        return None

    def has(self, stage: Stage) -> bool:
        """Whether the stage is finished and its record is undamaged."""
        try:
            return stage.resolved and self.result(stage.kind.name, stage.key) is not None
        except Damage:
            return False

    def _finished(self, stage: Stage) -> Result:
        result = self.result(stage.kind.name, stage.key)
        if result is None:
            raise KeyError(stage.key)
        return result

    def record(self, stage: Stage) -> Record:
        """The record of a finished stage; KeyError if it is not finished, `Damage` if it is not what was written."""
        return self._finished(stage).record

    def file(self, stage: Stage, name: str) -> Path:
        """A file of a finished stage, with the bytes that were written; KeyError and `Damage` as of `record`."""
        return self._finished(stage).file(name)

    def scratch(self, stage: Stage) -> Path:
        """A folder for checkpoints of an unfinished stage, made if need be; gone when the stage is finished."""
        folder = self.root / SCRATCH / stage.key
        if not (folder / STAGE).is_file():
            make_folder(folder)
            write_atomically(folder / STAGE, json.dumps(self._note(stage), indent=1))
        return folder

    def _note(self, stage: Stage) -> dict[str, Any]:
        return {"identity": stage.identity, "label": stage.label, "command": self.command}

    # Writing ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Whether this process alone may work on `key`. The lock goes with the process, however that ends."""
        with (self.root / LOCKS / key).open("w") as file:
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
        aside = self.root / ASIDE / f"{stage.key}.{uuid.uuid4().hex}"
        make_folder(aside)
        try:
            (aside / "spec.json").write_text(canonical_json(stage.identity))
            yield aside
            sync_tree(aside)
            self._publish(aside, self.folder(stage.kind.name, stage.key))
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(self.root / SCRATCH / stage.key, ignore_errors=True)
        self._crash_path(stage.key).unlink(missing_ok=True)

    def _publish(self, aside: Path, final: Path) -> None:
        make_folder(final.parent)
        if not _moved(aside, final):
            try:
                self.result(final.parent.name, final.name)
            except Damage as damage:
                self._move_damaged(damage)
                aside.rename(final)
            # Otherwise someone else finished the same key first: same identity, same content.
        sync(final.parent)

    # Damage ----------------------------------------------------------------------------------------------------------

    def put_aside(self, damage: Damage) -> str:
        """Move a result that is not what was written to `damaged/`; what is wrong and was done, in one line.

        It is not moved where another run is at the stage, or has mended it since the damage was seen.
        """
        with self.claim(damage.folder.name) as unheld:
            if not (unheld and self._is_still_damaged(damage)):
                return f"{damage.finding}; another run mends it"
            return f"{damage.finding}; it was moved to {self._move_damaged(damage)}, and the stage is run again"

    def put_all_aside(self, stages: Iterable[Stage]) -> Iterator[str]:
        """`put_aside` for every stage whose record shows damage."""
        for stage in stages:
            if (damage := self.damage(stage)) is not None:
                yield self.put_aside(damage)

    def _is_still_damaged(self, damage: Damage) -> bool:
        try:
            result = self.result(damage.folder.parent.name, damage.folder.name)
            if result is not None and damage.file != RECORD:
                result.file(damage.file)
        except Damage:
            return True
        return False

    def _move_damaged(self, damage: Damage) -> Path:
        folder = damage.folder
        moved = self.root / DAMAGED / f"{folder.name}.{uuid.uuid4().hex}"
        make_folder(moved.parent)
        folder.rename(moved)
        with contextlib.suppress(OSError):
            write_atomically(moved / WHY, json.dumps({"damage": damage.finding}))
        return moved

    def check(self, *, contents: bool) -> Iterator[str]:
        """A line for every result that is not what was written, or cannot be read, by its record and the names of its
        files; with `contents`, by every byte."""
        for folder in self._folders(""):
            try:
                result = self.result(folder.parent.name, folder.name)
                if contents and result is not None:
                    result.check()
            except Damage as damage:
                yield damage.finding
            except UserError as error:
                yield str(error)

    # Failures --------------------------------------------------------------------------------------------------------

    def _crash_path(self, key: str) -> Path:
        return self.root / FAILED / f"{key}.json"

    def fail(self, stage: Stage, traceback: str, environment: dict[str, Any]) -> None:
        """Record a crash, if the disk has room for that. It never hinders another try."""
        path = self._crash_path(stage.key)
        value = self._note(stage) | {"traceback": traceback, "environment": environment}
        with contextlib.suppress(OSError):
            if not self.has(stage):
                make_folder(path.parent)
                write_atomically(path, json.dumps(value, indent=1))

    def crash(self, key: str) -> Crash | None:
        """The last crash of the stage of that key, None if there is none."""
        return read_crash(self._crash_path(key))

    def failures(self) -> list[Crash]:
        """Every crash of a stage that has not succeeded since, under its own key or in a mended form."""
        crashes = map(read_crash, sorted((self.root / FAILED).glob("*.json")))
        return [crash for crash in crashes if crash is not None and not self._succeeded(crash)]

    def _succeeded(self, crash: Crash) -> bool:
        return any(
            record.key == crash.key
            or (apart_from_code(record.label, record.identity) == crash.stage and _time(folder / RECORD) >= crash.time)
            for folder, record in self._records(crash.kind)
        )

    # Overview --------------------------------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """The kinds of stages that have results, by name."""
        return sorted({folder.parent.name for folder in self._folders("")})

    def _folders(self, begin: str) -> Iterator[Path]:
        """The folders of results, whole or not, whose keys begin with `begin`."""
        for folder in sorted(self.root.glob(f"*/{begin}*")):
            if folder.parent.name not in _NO_KINDS and _KEY.fullmatch(folder.name) and folder.is_dir():
                yield folder

    def _records(self, kind: str) -> Iterator[tuple[Path, Record]]:
        for folder in (self.root / kind).glob("*/"):
            with contextlib.suppress(Damage):
                if (result := self.result(kind, folder.name)) is not None:
                    yield folder, result.record

    def finished(self, kind: str) -> list[Result]:
        """All finished results of a kind with undamaged records, oldest first."""
        results = sorted(self._records(kind), key=lambda one: _time(one[0]))
        return [Result(folder, record) for folder, record in results]

    def find(self, begin: str) -> list[StoredStage]:
        """The state of every key that begins with `begin`, one for each: a result before a crash, a crash before a
        checkpoint."""
        entries = [*self._results_of(begin)]
        entries += [StoredStage(path.stem, "failed", path) for path in (self.root / FAILED).glob(f"{begin}*.json")]
        entries += [StoredStage(path.name, "unfinished", path) for path in (self.root / SCRATCH).glob(f"{begin}*")]
        aside = (self.root / DAMAGED).glob(f"{begin}*")
        entries += [StoredStage(path.name.partition(".")[0], "put aside", path) for path in aside]
        first: dict[str, StoredStage] = {}
        for entry in entries:
            first.setdefault(entry.key, entry)
        return list(first.values())

    def _results_of(self, begin: str) -> Iterator[StoredStage]:
        for folder in self._folders(begin):
            try:
                if self.result(folder.parent.name, folder.name) is not None:
                    yield StoredStage(folder.name, "finished", folder)
            except Damage:
                yield StoredStage(folder.name, "damaged", folder)

    def labelled(self, label: str) -> list[StoredStage]:
        """The stages called `label`: finished ones, and without any the failed and unfinished ones."""
        finished = [
            StoredStage(result.record.key, "finished", result.folder)
            for kind in self.kinds()
            for result in self.finished(kind)
            if result.record.label == label
        ]
        failed = [one.key for one in self.failures() if one.label == label]
        begun = [entry for entry in self.checkpoints() if entry.note.get("label") == label]
        return finished or [*(StoredStage(key, "failed", self._crash_path(key)) for key in failed), *begun]

    def checkpoints(self) -> list[StoredStage]:
        """The stages that were begun and left a checkpoint."""
        folders = sorted((self.root / SCRATCH).glob("*/"))
        return [StoredStage(folder.name, "unfinished", folder) for folder in folders if _has_checkpoint(folder)]

    def damaged(self) -> list[StoredStage]:
        """The results that were moved aside because they were damaged."""
        folders = sorted((self.root / DAMAGED).glob("*/"))
        return [StoredStage(folder.name.partition(".")[0], "put aside", folder) for folder in folders]

    # Clearing up -----------------------------------------------------------------------------------------------------

    def clear_aside(self) -> None:
        """Remove the folders that crashed writers left: those of stages that no process holds, on any machine."""
        begun = [path for path in (self.root / SCRATCH).glob("*/") if not _has_checkpoint(path)]
        for path in (*(self.root / ASIDE).glob("*.*"), *begun):
            # Without a lock (a full disk, a file system that has none) nothing is known of the writer.
            with contextlib.suppress(OSError), self.claim(path.name.partition(".")[0]) as unheld:
                if unheld:
                    shutil.rmtree(path, ignore_errors=True)

    def clear_finished(self) -> None:
        """Remove checkpoints and crashes of finished stages. A kill right after the last rename leaves them."""
        for entry in self.checkpoints():
            if any(result.state == "finished" for result in self._results_of(entry.key)):
                shutil.rmtree(entry.path, ignore_errors=True)
        unsolved = {crash.key for crash in self.failures()}
        for path in (self.root / FAILED).glob("*.json"):
            if path.stem not in unsolved:
                path.unlink(missing_ok=True)


def _has_checkpoint(folder: Path) -> bool:
    """Whether a stage left more than its note. A killed write leaves a .tmp file."""
    return any(path.name != STAGE and path.suffix != ".tmp" for path in folder.iterdir())


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _moved(folder: Path, to: Path) -> bool:
    """Rename a folder unless `to` is there and not empty."""
    try:
        folder.rename(to)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def open_store(root: Path, command: str = "") -> Store:
    """The store at `root`, created when missing, for `command`; a `UserError` when that cannot be written."""
    try:
        for name in (ASIDE, LOCKS):
            make_folder(root / name)
    except OSError as error:
        raise UserError(f"cannot write the store {root}: {error.strerror}; name another with --store") from error
    store = Store(root, command)
    store.clear_aside()
    store.clear_finished()
    return store


def existing_store(root: Path) -> Store:
    """The store at `root`; UserError where there is none."""
    if not root.is_dir():
        raise UserError(f"there is no store {root}; --store names another")
    return Store(root)
