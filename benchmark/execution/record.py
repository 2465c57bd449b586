"""What a finished stage tells, and the one check that it and its files are what was written.

A `Result` is made by `read_result` alone, and a file of it is had from `Result.file` alone: whoever reads a result has
had it checked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.specs.base import canonical_json, digest
from benchmark.system import file_sha256

FORMAT = 1
"""The number of the form in which records are written."""
RECORD = "record.json"


class Damage(UserError):
    """A result that is not what was written: `file` of the stage in `folder`, and how it differs, in one line."""

    def __init__(self, folder: Path, file: str, problem: str, label: str = "") -> None:
        named = f"{folder.parent.name} {folder.name[:12]}{f' ({label})' if label else ''}"
        self.folder, self.file, self.finding = folder, file, f"{named} is damaged: {file} {problem}"
        super().__init__(f"{self.finding}; the command that made it makes it again")


@dataclass(frozen=True)
class Record:
    """What a finished stage tells. `metrics` are numbers for tables, `info` explains them; both are JSON.

    `files` has the SHA-256 of every other file of the stage's folder. It is None in committed results whose records
    were made before there were digests, for files that were not kept; a result in a store has all of them.
    """

    kind: str
    key: str
    identity: dict[str, Any]
    metrics: dict[str, Any]
    info: dict[str, Any]
    environment: dict[str, Any]
    seconds: float
    peak_memory_mb: float
    files: Mapping[str, str | None]
    label: str = ""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """All fields, and `sha256`: the digest of the canonical JSON of all of them."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "sha256": digest(fields)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Record":
        """The record. TypeError or ValueError for another form; whether the digest holds is `is_sealed`'s to say."""
        if value.get("format") != FORMAT:
            raise ValueError(f"its format is {value.get('format')}, and this version reads {FORMAT}")
        return cls(**{name: field for name, field in value.items() if name != "sha256"})


def is_sealed(value: dict[str, Any]) -> bool:
    """Whether a record as JSON is what was written: its `sha256` is the digest of all other fields."""
    return value.get("sha256") == digest({name: field for name, field in value.items() if name != "sha256"})


def digests(folder: Path) -> dict[str, str | None]:
    """The SHA-256 of every file of a folder but its record, by its path in the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: file_sha256(path) for name, path in named.items() if name != RECORD}


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a stage's folder; the store syncs it with the other files."""
    (folder / RECORD).write_text(canonical_json(record.to_json()))


@dataclass(frozen=True)
class Result:
    """The folder of a finished stage with its record. Its record was checked, and that its files are there."""

    folder: Path
    record: Record

    def file(self, name: str) -> Path:
        """A file of the stage, after a look at all its bytes; `Damage` where they are not those that were written."""
        path = self.folder / name
        if name not in self.record.files:
            raise self.damage(name, "is not in its record")
        try:
            sha256 = file_sha256(path)
        except FileNotFoundError as error:
            raise self.damage(name, "is missing") from error
        except OSError as error:
            raise _unreadable(path, error) from error
        if sha256 != self.record.files[name]:
            raise self.damage(name, "is not what was written (another SHA-256)")
        return path

    def damage(self, file: str, problem: str) -> Damage:
        return Damage(self.folder, file, problem, self.record.label)

    def check_present(self) -> None:
        """`Damage` where a file is missing."""
        for name in self.record.files:
            if not (self.folder / name).exists():
                raise self.damage(name, "is missing")

    def check(self) -> None:
        """`Damage` where any file is not what was written."""
        for name in self.record.files:
            self.file(name)


def read_result(folder: Path) -> Result:
    """The finished stage in `folder`. `Damage` where its record is missing or not what was written, or a file is
    missing; UserError where the record cannot be read. What files hold is looked at when they are read."""
    result = Result(folder, _read_record(folder))
    result.check_present()
    return result


def _read_record(folder: Path) -> Record:
    path = folder / RECORD
    try:
        value = json.loads(path.read_bytes())
        record, sealed = Record.from_json(value), is_sealed(value)
    except FileNotFoundError as error:
        raise Damage(folder, RECORD, "is missing") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = f"cannot be read ({' '.join(str(error).split())})"
        raise Damage(folder, RECORD, problem) from error
    if not sealed:
        raise Damage(folder, RECORD, "is not what was written (its own SHA-256 does not hold)")
    if record.key != digest(record.identity) or record.kind != record.identity.get("kind"):
        raise Damage(folder, RECORD, "is not named by the hash of its identity", record.label)
    return record


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} cannot be read: {error.strerror}")
