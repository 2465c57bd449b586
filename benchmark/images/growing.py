"""A .npy file that grows row by row beside its final path. After a kill, another process goes on with it."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.specs.folding import note
from benchmark.system import file_sha256, is_at, lock, make_folder, replace_synced

SETTLED = 256
"""Rows after which the disk is asked to have them."""


class GrowingRows:
    """uint8 rows of an array of `shape` in `file`; the first `done` of them are there. `path` is where they lie in the
    end.

    The header says how many rows are on the disk, and is written once they are: what follows them, after a kill or a
    power cut, is written again. numpy's headers have room for a number to grow.
    """

    path: Path

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        self._file, self._shape = file, shape
        self._row = int(np.prod(shape[1:]))
        self.done = self._rows_there()
        self._write_header()
        self._file.seek(self.done * self._row, os.SEEK_CUR)
        self._file.truncate()

    def add(self, row: NDArray[np.uint8]) -> None:
        self._file.write(row.tobytes())
        self.done += 1
        if self.done % SETTLED == 0:
            self.settle()

    def _rows_there(self) -> int:
        try:
            np.lib.format.read_magic(self._file)
            shape, _, _ = np.lib.format.read_array_header_1_0(self._file)
        except ValueError:
            # A file that is new, or was left before its first byte.
            return 0
        finally:
            end = self._file.tell()
            self._file.seek(0)
        rows = int(shape[0]) if shape[1:] == self._shape[1:] else 0
        whole = os.fstat(self._file.fileno()).st_size >= end + rows * self._row
        return rows if whole else 0

    def _write_header(self) -> None:
        shape = (self.done, *self._shape[1:])
        np.lib.format.write_array_header_1_0(self._file, {"descr": "|u1", "fortran_order": False, "shape": shape})

    def settle(self) -> None:
        """Have the disk take the rows so far, and after them their number."""
        self._flush()
        self._file.seek(0)
        self._write_header()
        self._file.seek(0, os.SEEK_END)
        self._flush()

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


@contextlib.contextmanager
def growing_rows(start: Path, shape: tuple[int, ...]) -> Iterator[GrowingRows]:
    """uint8 rows [N, ...] to add to, which become a .npy file at once when the block ends well. Its name is `start` and
    the SHA-256 of the file.

    What a writer that was killed has left is gone on from, by one process alone; an error leaves nothing. UserError
    when the disk has no room.

    Written with write() and not through a memory map: a full disk then is an error and not the end of the process.
    """
    make_folder(start.parent)
    there = max((part.stat().st_size for part in _parts(start)), default=0)
    size = int(np.prod(shape)) - there
    if shutil.disk_usage(start.parent).free < size:
        raise UserError(f"{start.parent} has no room for {size / 1e9:.1f} GB of decoded images; name another --store")
    part, file = _own_part(start)
    with file:
        try:
            rows = GrowingRows(file, shape)
            yield rows
            rows.settle()
            rows.path = start.with_name(f"{start.name}.{file_sha256(part)}.npy")
            replace_synced(part, rows.path)
        except Exception:
            part.unlink(missing_ok=True)
            raise
    _sweep(start)


def find_rows(start: Path, what: str) -> Path | None:
    """The finished file that `growing_rows` made of `start`, None where there is none with the bytes that were written.
    One that is damaged is put beside, with a note that names `what` it holds."""
    for path in start.parent.glob(f"{start.name}.*.npy"):
        with contextlib.suppress(FileNotFoundError):
            if is_whole(path):
                return path
            note(f"the {what} in {path} are damaged, they are made again")
            path.rename(path.with_suffix(".damaged"))
    return None


def is_whole(path: Path) -> bool:
    """Whether a finished file has the bytes that were written."""
    return path.suffixes[-2] == f".{file_sha256(path)}"


def _parts(start: Path) -> list[Path]:
    return list(start.parent.glob(f".{start.name}.*.part"))


def _own_part(start: Path) -> tuple[Path, BinaryIO]:
    """A part of the file that no living process writes: one that was left, or a new one. Locked until it is closed."""
    for part in _parts(start):
        with contextlib.suppress(FileNotFoundError):
            file = part.open("rb+")
            if lock(file) and is_at(file, part):
                return part, file
            file.close()
    while True:
        part = start.with_name(f".{start.name}.{uuid4().hex}.part")
        file = part.open("xb+")
        # Another process may have taken it, to go on from or to clear, before it was locked.
        if lock(file) is not False and is_at(file, part):
            return part, file
        file.close()


def _sweep(start: Path) -> None:
    """Remove the parts of a finished file that no living process holds."""
    for part in _parts(start):
        with contextlib.suppress(FileNotFoundError), part.open("rb+") as file:
            if lock(file):
                part.unlink()
