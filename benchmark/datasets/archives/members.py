"""What lies in an archive, member by member, whatever its format; nothing of it is trusted."""

import contextlib
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeVar

from benchmark.errors import UserError

BLOCK = 2**20
HEADER = 2**20
"""Bytes that a header of a tar member may have: longer ones are read into memory whole."""
PADDING = 2**20
"""Bytes that may follow the end mark of a tar archive."""
LARGEST = 2**63
"""Bytes that no file has."""

A = TypeVar("A")

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "tar.gz"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (257, b"ustar", "tar"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\xfd7zXZ", "an xz file"),
    (0, b"%PDF", "a PDF"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"MATLAB", "a .mat file"),
    (0, b"\x7fELF", "a program"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file it stands for"),
)
HTML = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error", b"{")


class HostileArchive(UserError):
    """An archive or a member that is refused by name."""


Kind = Literal["file", "folder", "link", "device"]


@dataclass(frozen=True)
class Member:
    """One entry of an archive: name as stated, bytes as stated, and its content, to be read while it is the current
    one."""

    name: str
    kind: Kind
    size: int
    blocks: Callable[[], Iterator[bytes]]

    @property
    def shown(self) -> str:
        """The name for an error: quoted, and of an endless one the beginning."""
        return short(self.name)


def short(name: str) -> str:
    """A name for an error: quoted, and of an endless one the beginning."""
    return repr(name) if len(name) <= SHOWN else f"{name[:SHOWN]!r}..."


SHOWN = 100
"""Characters of a name that an error shows."""


def content_kind(path: Path) -> str:
    """What a file is by its first bytes: "tar", "tar.gz", "zip", or in words something that is not unpacked here."""
    with path.open("rb") as file:
        head = file.read(512)
    for offset, magic, kind in _MAGIC:
        if head[offset:].startswith(magic):
            return kind
    if not head:
        return "an empty file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(HTML):
        return "a web page or a server's message, not a download"
    # The oldest tar format has no magic: its header carries a checksum.
    return "tar" if len(head) == 512 and _old_tar(head) else "no archive that is known here"


def _old_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def check_kind(path: Path, stated: str | None = None) -> str:
    """The format of the archive at `path`. HostileArchive unless it is what its name, or `stated`, says.

    A plain tar is taken under a name in .gz: browsers unpack the outer layer.
    """
    kind = content_kind(path)
    if has_stated_kind(stated or path.name, kind):
        return kind
    what = f"a {kind} archive" if kind in ("tar", "tar.gz", "zip") else kind
    raise HostileArchive(f"{path.name} is not what its name says: it is {what}; download it again")


def has_stated_kind(name: str, kind: str) -> bool:
    """Whether an archive of that name may be of that kind (of `content_kind`)."""
    name = name.lower()
    expected = "zip" if name.endswith(".zip") else "tar" if name.endswith(".tar") else "tar.gz"
    return kind == expected or (expected, kind) == ("tar.gz", "tar")


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Iterator[Member]]:
    """The members of the archive at `path`, which are to be read in their order.

    HostileArchive for an archive that is damaged, cut off or encrypted, whenever that shows.
    """
    with contextlib.ExitStack() as stack:
        with _refusing(path):
            if kind == "zip":
                members = _zip_members(path, stack.enter_context(zipfile.ZipFile(path)))
            else:
                mode = "r:gz" if kind == "tar.gz" else "r:"
                tar = stack.enter_context(tarfile.open(path, mode, tarinfo=_StrictInfo))  # type: ignore[call-overload]
                members = _tar_members(path, tar)
        yield _guarded(path, members)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """The libraries raise nearly any type for an archive that is made to hurt: all of them refuse it."""
    try:
        yield
    except UserError:
        raise
    except _Torn as error:
        raise HostileArchive(f"{path.name} is damaged or was cut off: {error}; download it again") from error
    except NotImplementedError as error:
        raise HostileArchive(
            f"{path.name} is packed in a way that is not read here ({error}): unpack it yourself and give that folder"
        ) from error
    except Exception as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:SHOWN] or type(error).__name__
        raise HostileArchive(f"{path.name} cannot be unpacked: {reason}; download it again") from error


def _guarded(path: Path, values: Iterator[A]) -> Iterator[A]:
    """The values of an iterator that reads the archive. What is done between them is not guarded."""
    while True:
        with _refusing(path):
            try:
                value = next(values)
            except StopIteration:
                return
        yield value


def _blocks(open_content: Callable[[], IO[bytes] | None]) -> Iterator[bytes]:
    content = open_content()
    assert content is not None
    with content:
        while block := content.read(BLOCK):
            yield block


class _Torn(Exception):
    """A tar archive ends where a header should be, or has none there."""


class _StrictInfo(tarfile.TarInfo):
    """A header; unlike in the library, one that cannot be read is no end of the archive."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_StrictInfo":
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise _Torn(str(error)) from error

    def _block(self, count: int) -> int:
        if count < 0:
            # Some versions of the library go round in circles.
            raise _Torn(f"a header states {count:,} bytes")
        return super()._block(count)  # type: ignore[misc,no-any-return]

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _LONG_HEADERS and self.size > HEADER:
            raise _Torn(f"a header states {self.size:,} bytes for a name")
        return super()._proc_member(tar)  # type: ignore[misc,no-any-return]


_LONG_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def _tar_members(path: Path, tar: tarfile.TarFile) -> Iterator[Member]:
    while (info := tar.next()) is not None:
        if info.size >= LARGEST:
            raise _Torn("a header states more bytes than a file can have")
        content = _blocks(lambda info=info: tar.extractfile(info))  # type: ignore[misc]
        yield Member(info.name, _tar_kind(path, info), info.size, lambda content=content: _guarded(path, content))  # type: ignore[misc]
        # The library remembers every header: eight million of them are gigabytes.
        tar.members = []  # type: ignore[attr-defined]
    rest = tar.fileobj.read(PADDING + 1) if tar.fileobj else b""
    if len(rest) > PADDING or rest.strip(b"\0"):
        raise HostileArchive(f"{path.name} goes on after its end: download it again")


def _tar_kind(path: Path, info: tarfile.TarInfo) -> Kind:
    if info.issym() or info.islnk():
        return "link"
    if info.isdir():
        return "folder"
    if info.issparse():
        raise HostileArchive(
            f"{path.name}: {short(info.name)} is a sparse file, which no data set has; it is not unpacked"
        )
    return "file" if info.isreg() else "device"


def _zip_members(path: Path, archive: zipfile.ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        # The library cuts a name at a null character and says nothing.
        name = info.orig_filename
        if info.flag_bits & 1:
            raise HostileArchive(f"{path.name}: {short(name)} is encrypted; it is not unpacked")
        content = _blocks(lambda info=info: archive.open(info))  # type: ignore[misc]
        yield Member(name, _zip_kind(info), info.file_size, lambda content=content: _guarded(path, content))  # type: ignore[misc]


def _zip_kind(info: zipfile.ZipInfo) -> Kind:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if mode == stat.S_IFLNK:
        return "link"
    if info.is_dir() or mode == stat.S_IFDIR:
        return "folder"
    return "file" if mode in (0, stat.S_IFREG) else "device"
