"""An archive as a folder: whole and harmless, or not at all."""

import errno
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.datasets.archives.members import HostileArchive, Member, check_kind, opened, short
from benchmark.datasets.archives.official import ARCHIVE_SUFFIXES
from benchmark.errors import UserError
from benchmark.progress import Progress, silent
from benchmark.system import same_on_some_disk

DEPTH, LENGTH, PART = 32, 1024, 255
"""Folders in a member's path, its bytes, and those of one name in it, at most. Deeper folders cannot be removed again
by all versions of Python, and longer paths have no room beside a data root's own."""
BY_HAND = "if you trust the archive, unpack it yourself and give that folder"


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most, with all archives in it. Images are compressed already: they grow by a tenth,
    text by ten times."""

    growth: int = 100
    """Bytes unpacked for each byte of the archive."""
    floor: int = 2**28
    """Bytes that any archive may hold, however small it is."""
    members: int = 20_000_000


@dataclass
class _Amount:
    """How much was unpacked of an archive and of those in it so far. `size` is that of the outer one, in bytes."""

    name: str
    size: int
    limits: Limits
    bytes: int = 0
    members: int = 0

    def add(self, member: str, size: int) -> None:
        """HostileArchive when this is more than the limits allow."""
        self.bytes, self.members = self.bytes + size, self.members + 1
        most = max(self.limits.floor, self.limits.growth * self.size)
        if self.bytes > most or self.members > self.limits.members:
            raise HostileArchive(
                f"{self.name} is a decompression bomb: {short(member)} brings it to {self.bytes:,} bytes in "
                f"{self.members:,} members, and {self.size:,} bytes of archive may hold {most:,}"
            )

    def add_folder(self, folder: Path) -> None:
        """What an earlier call has unpacked there."""
        for path in folder.rglob("*"):
            self.add(path.name, path.stat().st_size if path.is_file() else 0)


@dataclass
class _Names:
    """The names so far. Of each only a hash is kept: there are archives of eight million."""

    files: set[int] = field(default_factory=set)
    folders: set[int] = field(default_factory=set)
    spelled: dict[int, int] = field(default_factory=dict)


def unpack(
    archive: Path, folder: Path, *, nested: bool = False, limits: Limits | None = None, progress: Progress = silent
) -> Path:
    """Unpack `archive` (tar, tar.gz or zip) to the new folder `folder`, which appears when all of it is there.

    Left out are members with a hidden part in their names. With `nested` an archive in it becomes a folder of its name
    without the suffix; one that an earlier, killed call has finished is kept. Raises HostileArchive, which names the
    archive and the member, for anything but files and folders below `folder` with names of their own, for a content
    that is not what the name says, and for more bytes or members than `limits`, archives in it included; UserError
    when the disk is full or cannot be written. `folder` does not exist then.
    """
    amount = _Amount(archive.name, archive.stat().st_size, limits or Limits())
    return _unpack(archive, folder, nested, amount, progress)


def _unpack(archive: Path, folder: Path, nested: bool, amount: _Amount, progress: Progress) -> Path:
    aside = folder.with_name(f".{folder.name}.part")
    try:
        if not nested:
            _remove(aside)
        aside.mkdir(parents=True, exist_ok=True)
        _unpack_into(archive, check_kind(archive), aside, nested, amount, progress)
        aside.replace(folder)
    except OSError as error:
        _remove(aside)
        raise UserError(_disk_error(archive, folder, error)) from error
    except Exception:
        _remove(aside)
        raise
    return folder


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _disk_error(archive: Path, folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {folder.parent} is full: {archive.name} has no room there; name another --data-root"
    return f"cannot unpack {archive} to {folder}: {error.strerror}"


def _unpack_into(archive: Path, kind: str, folder: Path, nested: bool, amount: _Amount, progress: Progress) -> None:
    size, names, total, files = archive.stat().st_size, _Names(), 0, 0
    with opened(archive, kind) as members:
        for member in members:
            parts = _parts(archive, member)
            total += member.size
            amount.add(member.name, member.size)
            if not parts or any(part.startswith(".") for part in parts):
                continue
            _check_new(archive, member, _place(member, parts, nested), names)
            _write(archive, member, folder, parts, nested, amount, progress)
            files += member.kind == "file"
            progress(f"unpacking {archive.name} (MB)", total // 10**6, max(size, total) // 10**6)
    if not files:
        raise HostileArchive(f"{archive.name} holds no files: download it again")


_REFUSED = (
    (r"\A[/\\]", "is an absolute path"),
    (r"\A[A-Za-z]:", "begins with a drive"),
    (r"(?:\A|[/\\])\.\.(?:[/\\]|\Z)", "leads out of the folder"),
    (r"\\", "holds a backslash, which is a separator on some systems"),
    (r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "holds a control character or a line break"),
    (r"[\ud800-\udfff]", "is no UTF-8 text"),
)


def _parts(archive: Path, member: Member) -> tuple[str, ...]:
    """The parts of a member's path; none for the folder itself. HostileArchive for a name or a kind that is not
    unpacked."""
    for pattern, reason in _REFUSED:
        if re.search(pattern, member.name):
            raise HostileArchive(f"{archive.name}: the name {member.shown} {reason}; {BY_HAND}")
    parts = tuple(part for part in member.name.split("/") if part not in ("", "."))
    if len(os.fsencode(member.name)) > LENGTH or any(len(os.fsencode(part)) > PART for part in parts):
        raise HostileArchive(f"{archive.name}: the name {member.shown} is too long; {BY_HAND}")
    if len(parts) > DEPTH:
        raise HostileArchive(f"{archive.name}: the name {member.shown} leads down more than {DEPTH} folders; {BY_HAND}")
    if member.kind in ("link", "device"):
        raise HostileArchive(
            f"{archive.name}: {member.shown} is a {member.kind}, and only plain files are unpacked; {BY_HAND}"
        )
    if member.kind == "file" and not parts:
        raise HostileArchive(f"{archive.name}: a file has the name {member.shown}, which is none; {BY_HAND}")
    return parts


def _place(member: Member, parts: tuple[str, ...], nested: bool) -> tuple[str, ...]:
    """The path that the member takes: an archive in the archive becomes a folder."""
    if not (nested and member.kind == "file" and parts[-1].lower().endswith(ARCHIVE_SUFFIXES)):
        return parts
    return (*parts[:-1], without_suffix(Path(parts[-1])).name)


def _check_new(archive: Path, member: Member, parts: tuple[str, ...], names: _Names) -> None:
    """HostileArchive when the name is taken by an earlier member, also where only case or accents differ."""
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        same = hash(same_on_some_disk(path))
        if names.spelled.setdefault(same, hash(path)) != hash(path):
            raise HostileArchive(
                f"{archive.name}: {member.shown} differs from an earlier member only in case or in how accents are "
                f"encoded, and some disks cannot tell them apart; {BY_HAND}"
            )
        is_file = depth == len(parts) and member.kind == "file"
        if hash(path) in names.files or (is_file and hash(path) in names.folders):
            raise HostileArchive(f"{archive.name} has two members of the name {short(path)}; {BY_HAND}")
        (names.files if is_file else names.folders).add(hash(path))


def _write(
    archive: Path, member: Member, folder: Path, parts: tuple[str, ...], nested: bool, amount: _Amount, show: Progress
) -> None:
    path = folder.joinpath(*parts)
    if member.kind == "folder":
        path.mkdir(parents=True, exist_ok=True)
        return
    inner = nested and path.name.lower().endswith(ARCHIVE_SUFFIXES)
    whole = without_suffix(path)
    if inner and whole.is_dir():
        amount.add_folder(whole)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _copy(archive, member, path)
    if inner:
        _unpack(path, whole, False, amount, show)
        path.unlink()


def _copy(archive: Path, member: Member, path: Path) -> None:
    left = member.size
    with path.open("wb") as file:
        for block in member.blocks():
            left -= len(block)
            file.write(block)
    if left:
        raise HostileArchive(
            f"{archive.name}: {member.shown} has {member.size - left:,} bytes and states {member.size:,}; the "
            "archive is damaged or was cut off: download it again"
        )


def without_suffix(path: Path) -> Path:
    """A path without .tar, .tar.gz, .tgz or .zip."""
    ends = [suffix for suffix in ARCHIVE_SUFFIXES if path.name.lower().endswith(suffix)]
    return path.with_name(path.name[: len(path.name) - max(map(len, ends), default=0)])
