"""The part of a split that a scan has read. A later scan goes on from it after a stop or a kill."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from benchmark.errors import UserError

LINES = 256
"""Lines that are written at once. A split with fewer items leaves no journal."""


@dataclass(frozen=True)
class Seen:
    """One item after reading: its digest, or why it is no image."""

    item: str
    digest: str = ""
    problem: str = ""


class Journal:
    """The items read so far of the split called `name`, in files below `folder`, each with its stamp: what was read
    counts for as long as the stamp is the same.

    Every scan appends to a file of its own, so that two at once do not mix, and reads those of all. A line begins with
    its checksum: what a kill or a power cut left half-written is no line. UserError when the disk cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._known = {line[:2]: Seen(line[0], *line[2:]) for path in self._files() for line in _lines(path)}
        self._waiting: list[bytes] = []
        self._file: BinaryIO | None = None

    def find(self, item: str, stamp: str) -> Seen | None:
        """What an earlier scan saw of the item; None where it has not read it, or another version of it."""
        return self._known.get((item, stamp))

    def add(self, seen: Seen, stamp: str) -> None:
        """Keep what was seen of an item that `find` does not know."""
        text = json.dumps([seen.item, stamp, seen.digest, seen.problem]).encode()
        self._waiting.append(b"%08x %s\n" % (zlib.crc32(text), text))
        if len(self._waiting) == LINES:
            self._write()

    def remove(self) -> None:
        """Remove the files of the journal: the scan is whole."""
        self.close()
        for path in self._files():
            path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _files(self) -> Sequence[Path]:
        return sorted(self._folder.glob(f"{self._name}.*.seen"))

    def _write(self) -> None:
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # Without a buffer: what was written is the system's, whatever becomes of this process.
                self._file = (self._folder / f"{self._name}.{uuid4().hex}.seen").open("xb", buffering=0)
            self._file.write(b"".join(self._waiting))
        except OSError as error:
            raise UserError(f"cannot write {self._folder}: {error.strerror}; name another --store") from error
        self._waiting.clear()


def _lines(path: Path) -> list[tuple[str, str, str, str]]:
    """(item, stamp, digest, problem) of every whole line."""
    whole = []
    for line in path.read_bytes().split(b"\n"):
        checksum, _, text = line.partition(b" ")
        if checksum == b"%08x" % zlib.crc32(text):
            whole.append(tuple(json.loads(text)))
    return whole  # type: ignore[return-value]
