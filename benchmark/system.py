"""Files that appear whole or not at all, names that disks take for one, locks on files, and the CPU cores of this
process."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def same_on_some_disk(path: str) -> str:
    """A text that is equal for two paths which some disk cannot tell apart: they differ in case, or in how accents are
    encoded (the canonical caseless match of the Unicode Standard, D145)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


LARGE = 2**20
"""Bytes from which on a file is hashed once per process, and again only after it has changed."""
_hashed: dict[Path, tuple[tuple[int, ...], str]] = {}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Costs 0.63 s/GB of CPU time (an AMD EPYC with SHA instructions, OpenSSL, file in memory). A file of a mebibyte or
    more is hashed once per process, unless inode, size or a time of it has changed since.
    """
    status = path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if path in _hashed and _hashed[path][0] == state:
        return _hashed[path][1]
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if status.st_size >= LARGE:
        _hashed[path] = state, sha256
    return sha256


def sync(path: Path) -> None:
    """Wait until the disk has a file's content, or which files a folder holds. A symbolic link is left alone."""
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync folders.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` all that is below a folder, and then the folder itself."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            sync_tree(path)
        else:
            sync(path)
    sync(folder)


def replace_synced(aside: Path, path: Path) -> None:
    """Give a file or folder its final name, in one step that a power cut before or after leaves whole.

    The content is on the disk before the name, and the name is when this returns.
    """
    if aside.is_dir():
        sync_tree(aside)
    else:
        sync(aside)
    aside.replace(path)
    sync(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; a power cut afterwards leaves them there."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def lock(file: IO[Any]) -> bool | None:
    """Hold an open file until it is closed or this process ends; False when another one holds it, None when the file
    system cannot tell."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_at(file: IO[Any], path: Path) -> bool:
    """Whether an open file is the one that others open by its path: between opening and locking it, another process
    may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader, also after a power cut, sees the old file or the new one whole."""
    with place_aside(path) as aside:
        aside.write_text(text)


@contextlib.contextmanager
def place_aside(path: Path) -> Iterator[Path]:
    """A new place beside `path`, for a file or a folder, that takes its name when the block ends well, and is gone when
    it does not. A power cut leaves the old content or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        replace_synced(aside, path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        aside.unlink(missing_ok=True)
