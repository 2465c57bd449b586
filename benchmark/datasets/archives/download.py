"""Official files from the addresses that their readers name: whole and as stated, or not at all."""

import contextlib
import fcntl
import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmark.datasets.archives.members import content_kind, has_stated_kind
from benchmark.datasets.archives.official import Official, Part
from benchmark.datasets.archives.tree import check_content, find_part
from benchmark.errors import UserError
from benchmark.progress import Progress, silent
from benchmark.system import replace_synced

BLOCK = 2**20
ATTEMPTS = 4
"""Requests in a row that bring no new byte, after which a download is given up."""
TIMEOUT = 60
"""Seconds without a byte after which a connection counts as broken."""
GIGABYTE = 10**9


class _BrokenConnection(Exception):
    """What another request may mend."""


@dataclass(frozen=True)
class _Aside:
    """Where a file is while it is not whole, with the server's name for its version beside it."""

    file: Path
    version: Path

    @classmethod
    def of(cls, path: Path) -> "_Aside":
        return cls(path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.version"))

    def remove(self) -> None:
        self.file.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)


def download_parts(
    name: str,
    download: Official,
    folder: Path,
    *,
    verify: bool = True,
    progress: Progress = silent,
    wait: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Download to `folder` what it lacks of the first set of parts that can be had so; the new files.

    A file appears when it is whole and has the size and the checksums that are stated of it (without `verify`: of any
    size and content that its name allows). What a broken or killed call has received is kept and gone on with. Raises
    UserError, before anything is downloaded, for parts that a browser must download; and for an address that does not
    give the file, for a connection that stays broken and for a disk that is full. `wait` is called with the seconds
    between two requests.
    """
    parts = _lacking(name, download, folder)
    if parts:
        _make(folder)
    files = []
    for part in parts:
        with _reserved(folder / part.file) as aside:
            _receive(part, aside, verify, progress, wait)
            _check_whole(part, aside, folder / part.file, verify, progress)
        files.append(folder / part.file)
    return files


def _lacking(name: str, download: Official, folder: Path) -> list[Part]:
    """The parts to download: of the first set that needs no browser."""
    sets = [[part for part in parts if not find_part(part, folder)] for parts in (download.parts, *download.or_else)]
    for lacking in sets:
        if all(part.optional or not part.obstacle for part in lacking):
            return [part for part in lacking if not part.obstacle]
    by_hand = "; ".join(f"{part.file}: {part.obstacle}" for part in sets[0] if part.obstacle and not part.optional)
    raise UserError(
        f"{name} cannot be downloaded here ({by_hand}): download it by hand to {folder}, as `data where {name}` says, "
        "and leave out --download"
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--from {folder} cannot be made: {error.strerror}; name another folder") from error


@contextlib.contextmanager
def _reserved(path: Path) -> Iterator[_Aside]:
    """The place of the unfinished file, for this process only."""
    aside = _Aside.of(path)
    try:
        file = aside.file.open("ab")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}; name another folder with --from") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{path} is being downloaded by another process") from error
        yield aside


def _receive(part: Part, aside: _Aside, verify: bool, progress: Progress, wait: Callable[[float], None]) -> None:
    """Ask for what is missing until nothing is."""
    fruitless = 0
    while True:
        before = aside.file.stat().st_size
        try:
            return _request(part, aside, verify, progress)
        except _BrokenConnection as error:
            fruitless = 1 if aside.file.stat().st_size > before else fruitless + 1
            if fruitless == ATTEMPTS:
                raise UserError(
                    f"{part.file}: {part.address} cannot be read ({error}); what was received is kept: the same "
                    "command goes on"
                ) from error
            wait(2.0 ** (fruitless - 1))


def _request(part: Part, aside: _Aside, verify: bool, progress: Progress) -> None:
    """One request for the missing bytes, which are written. Raises _BrokenConnection, and UserError for an answer that
    is not the file."""
    start = aside.file.stat().st_size
    # A server may compress what it sends, and archives would no longer have their stated size.
    headers = {"Accept-Encoding": "identity", "User-Agent": "benchmark data prepare"}
    version = aside.version.read_text() if aside.version.exists() else ""
    if start and version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    try:
        with urllib.request.build_opener().open(
            urllib.request.Request(part.address, headers=headers), timeout=TIMEOUT
        ) as answer:
            begin = start if _continues(answer, start) else 0
            _check_answer(part, answer, aside, begin, verify)
            _write(part, answer, aside, begin, progress)
    except urllib.error.HTTPError as error:
        _refused(part, error, aside, start)
    except (http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise _BrokenConnection(str(reason) or type(error).__name__) from error


def _continues(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether an answer begins where the file ends. A server that knows no ranges, or has another version of the file,
    sends all of it."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and match is not None and int(match[1]) == start


def _refused(part: Part, error: urllib.error.HTTPError, aside: _Aside, start: int) -> None:
    """What an answer that is no success means. Nothing where it says that no byte is missing."""
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        if error.headers.get("Content-Range", "") == f"bytes */{start}":
            return
        aside.file.write_bytes(b"")
        raise _BrokenConnection("the file there is shorter than what was received") from error
    if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
        raise _BrokenConnection(f"{error.code} {error.reason}") from error
    aside.remove()
    raise UserError(
        f"{part.file}: {part.address} answers {error.code} {error.reason}; it was read in {part.read_in} and not "
        "tried: download the file by hand from the official page"
    ) from error


def _check_answer(part: Part, answer: http.client.HTTPResponse, aside: _Aside, begin: int, verify: bool) -> None:
    """UserError for a web page, for another size than the stated one, and for one that the disk has no room for."""
    total = _total(answer, begin)
    if answer.headers.get_content_type() == "text/html":
        aside.remove()
        raise _not_the_file(part, answer.url, "a web page or a server's message, not a download")
    if verify and part.size and total not in (None, part.size):
        aside.remove()
        raise UserError(
            f"{part.file}: {answer.url} has {total:,} bytes, and {part.size:,} are stated for it ({part.read_in}); "
            "--unverified takes it as it is"
        )
    needed, free = (total or part.size) - begin, shutil.disk_usage(aside.file.parent).free
    if needed > free:
        raise UserError(
            f"{part.file} needs {needed / GIGABYTE:,.2f} GB more, and the disk of {aside.file.parent} has "
            f"{free / GIGABYTE:,.2f} GB; make room or name another folder with --from"
        )


def _not_the_file(part: Part, address: str, kind: str) -> UserError:
    return UserError(
        f"{part.file}: {address} gives {kind}; download the file by hand, as the official page says, and leave out "
        "--download"
    )


def _total(answer: http.client.HTTPResponse, begin: int) -> int | None:
    """The bytes of the whole file, None where the server does not say."""
    length = answer.headers.get("Content-Length", "")
    return begin + int(length) if length.isdecimal() else None


def _write(part: Part, answer: http.client.HTTPResponse, aside: _Aside, begin: int, progress: Progress) -> None:
    """Append the answer to the first `begin` bytes of the file."""
    total = _total(answer, begin)
    with aside.file.open("r+b") as file:
        file.truncate(begin)
        file.seek(begin)
        aside.version.write_text(_version(answer))
        # One read of the connection at most: what a broken one has sent is not lost.
        while block := answer.read1(BLOCK):
            _append(part, file, block, aside.file.parent)
            if begin < 512 <= file.tell():
                _check_kind(part, aside, answer.url)
                begin = file.tell()
            progress(f"downloading {part.file} (MB)", file.tell() // 10**6, (total or file.tell()) // 10**6)
        if total is not None and file.tell() < total:
            raise _BrokenConnection(f"it ended after {file.tell():,} of {total:,} bytes")


def _version(answer: http.client.HTTPResponse) -> str:
    """What tells the server whether the rest of the same file is asked for; nothing where it has no such name."""
    tag = str(answer.headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(answer.headers.get("Last-Modified", ""))


def _append(part: Part, file: IO[bytes], block: bytes, folder: Path) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise UserError(
            f"{part.file} cannot be written to {folder}: {error.strerror}; make room, and the same command goes on"
        ) from error


def _check_kind(part: Part, aside: _Aside, address: str) -> None:
    """UserError where the content is not what the file's name says."""
    kind = content_kind(aside.file)
    if has_stated_kind(part.file, kind) if part.is_archive else not kind.startswith("a web page"):
        return
    aside.remove()
    raise _not_the_file(part, address, kind)


def _check_whole(part: Part, aside: _Aside, path: Path, verify: bool, progress: Progress) -> None:
    """Give a whole file its name. One of another kind or content is removed: the rest of it would not mend it."""
    _check_kind(part, aside, part.address)
    try:
        if verify:
            check_content(part, aside.file, progress)
    except UserError as error:
        aside.remove()
        raise UserError(str(error).replace(str(aside.file), part.address)) from error
    replace_synced(aside.file, path)
    aside.version.unlink(missing_ok=True)
