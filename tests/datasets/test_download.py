"""`data prepare --download`, against a server on this machine that does what servers do wrong."""

import dataclasses
import hashlib
import threading
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmark.__main__ import main
from benchmark.datasets.archives import download as downloading
from benchmark.datasets.archives.download import ATTEMPTS, download_parts
from benchmark.datasets.archives.official import Official, Part, official
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UserError
from tests.datasets import miniatures
from tests.datasets.test_official_archives import without_checksums

CONTENT = bytes(range(256)) * 2000
HTML = b"<!DOCTYPE html><html><body>sign in</body></html>"


@dataclass
class Page:
    """What the server gives under an address. It breaks the connection after `breaks` bytes each, in order."""

    content: bytes
    kind: str = "application/octet-stream"
    tag: str = '"one"'
    ranges: bool = True
    states_length: bool = True
    status: int = 200
    to: str = ""
    breaks: list[int] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.ranges: list[str] = []

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        page = self.server.pages[self.path.strip("/")]
        requested, start, size = self.headers.get("Range", ""), 0, len(page.content)
        self.server.ranges.append(requested)
        if page.ranges and requested and self.headers["If-Range"] == page.tag:
            start = int(requested.removeprefix("bytes=").rstrip("-"))
        self.send_response(416 if start >= size > 0 else 206 if start else page.status)
        if page.to:
            self.send_header("Location", page.to)
        self.send_header("Content-Type", page.kind)
        self.send_header("ETag", page.tag)
        if start:
            self.send_header(
                "Content-Range", f"bytes */{size}" if start >= size else f"bytes {start}-{size - 1}/{size}"
            )
        if page.states_length:
            self.send_header("Content-Length", str(size - start))
        self.end_headers()
        self.wfile.write(page.content[start:][: page.breaks.pop(0) if page.breaks else None])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as one:
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield one
        one.shutdown()


def fetch(server: Server, folder: Path, *, verify: bool = True, file: str = "list.mat", **fields: object) -> list[Path]:
    """Download one part that is offered under its own name; no waiting."""
    part = Part(file=file, **{"address": server.address(file), "read_in": "a test", **fields})  # type: ignore[arg-type]
    download = Official(parts=(part,), read=lambda _: iter(()), read_on="2026-11-24")
    return download_parts("leaves", download, folder, verify=verify, wait=lambda _: None)


def assert_refused(server: Server, folder: Path, match: str, **options: object) -> None:
    """The download is refused in one line, and leaves nothing."""
    with pytest.raises(UserError, match=match) as error:
        fetch(server, folder, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert list(folder.iterdir()) == []


def test_a_file_is_downloaded_and_held_to_what_is_stated(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT)
    folder = tmp_path / "new" / "folder"
    stated = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    assert fetch(server, folder, **stated) == [folder / "list.mat"]
    assert [path.name for path in folder.iterdir()] == ["list.mat"]
    assert (folder / "list.mat").read_bytes() == CONTENT
    assert fetch(server, folder, **stated) == [] and server.ranges == [""]


def test_a_broken_connection_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT, breaks=[1000, 0, 5000])
    fetch(server, tmp_path)
    assert (tmp_path / "list.mat").read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=1000-", "bytes=1000-", "bytes=6000-"]


def test_a_download_that_stays_broken_is_kept_for_the_next_call(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT, breaks=[1000] + [0] * (ATTEMPTS - 1))
    with pytest.raises(UserError, match=r"it ended after 1,000 of 512,000 bytes.*the same command goes on"):
        fetch(server, tmp_path)
    assert not (tmp_path / "list.mat").exists()
    fetch(server, tmp_path)
    assert (tmp_path / "list.mat").read_bytes() == CONTENT and server.ranges[-1] == "bytes=1000-"


@pytest.mark.parametrize("change", [{"tag": '"two"'}, {"ranges": False}])
def test_another_version_and_a_server_without_ranges_begin_again(
    server: Server, tmp_path: Path, change: dict[str, object]
) -> None:
    server.pages["list.mat"] = Page(b"x" * 3000, breaks=[1000] + [0] * (ATTEMPTS - 1))
    with pytest.raises(UserError):
        fetch(server, tmp_path)
    server.pages["list.mat"] = Page(CONTENT, **change)  # type: ignore[arg-type]
    fetch(server, tmp_path)
    assert (tmp_path / "list.mat").read_bytes() == CONTENT


def test_a_file_that_was_whole_when_the_call_was_killed_is_only_checked(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT)
    (tmp_path / ".list.mat.part").write_bytes(CONTENT)
    (tmp_path / ".list.mat.version").write_text('"one"')
    fetch(server, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["list.mat"] and server.ranges == ["bytes=512000-"]


def test_what_is_not_as_stated_is_refused_by_name(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT)
    assert_refused(server, tmp_path, "/list.mat has 512,000 bytes, and 500,000 are stated", size=500_000)
    assert_refused(server, tmp_path, "/list.mat has the MD5 .*, and 0123 is stated", md5="0123")
    server.pages["list.mat"].states_length = False
    assert_refused(server, tmp_path, "/list.mat has 512,000 bytes, and 500,000 is stated", size=500_000)
    assert fetch(server, tmp_path, size=500_000, md5="0123", verify=False)


def test_a_redirect_to_another_kind_of_file_is_refused(server: Server, tmp_path: Path) -> None:
    images = {"a/1.jpg": miniatures.picture(1)}
    miniatures.write_zip(tmp_path / "images.zip", images)
    content = (tmp_path / "images.zip").read_bytes()
    (tmp_path / "images.zip").unlink()
    server.pages |= {"old.tar.gz": Page(b"", status=302, to="/new"), "new": Page(content)}
    assert_refused(server, tmp_path, "old.tar.gz: http.*/new gives zip", file="old.tar.gz")
    server.pages["new"] = Page(HTML, kind="text/html; charset=utf-8")
    assert_refused(server, tmp_path, "/new gives a web page", file="old.tar.gz")
    server.pages["new"] = Page(HTML)
    assert_refused(server, tmp_path, "gives a web page", file="old.tar.gz")
    server.pages["list.mat"] = Page(HTML * 100)
    assert_refused(server, tmp_path, "gives a web page")


@pytest.mark.parametrize(("status", "match"), [(404, "answers 404"), (403, "by hand from the official page")])
def test_an_address_that_gives_nothing_is_named(server: Server, tmp_path: Path, status: int, match: str) -> None:
    server.pages["list.mat"] = Page(b"", status=status)
    assert_refused(server, tmp_path, match)
    assert len(server.ranges) == 1


def test_a_busy_server_gets_further_requests(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(b"", status=503)
    with pytest.raises(UserError, match="503 Service Unavailable"):
        fetch(server, tmp_path)
    assert len(server.ranges) == ATTEMPTS


def test_a_disk_without_room_is_said_before_a_byte_is_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["list.mat"] = Page(CONTENT)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 10**9, 500))
    with pytest.raises(UserError, match=r"list.mat needs 0.00 GB more, .* has 0.00 GB; make room"):
        fetch(server, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_a_disk_that_fills_up_keeps_what_was_received(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full on this system")
    server.pages["list.mat"] = Page(CONTENT)
    write = downloading._append

    def append(part: Part, file: object, block: bytes, folder: Path) -> None:
        with Path("/dev/full").open("wb") as full:
            write(part, full, block, folder)

    monkeypatch.setattr(downloading, "_append", append)
    with pytest.raises(UserError, match=r"list.mat cannot be written .*No space left on device; make room"):
        fetch(server, tmp_path)


def test_two_calls_do_not_write_one_file(server: Server, tmp_path: Path) -> None:
    server.pages["list.mat"] = Page(CONTENT)
    with (
        downloading._reserved(tmp_path / "list.mat"),
        pytest.raises(UserError, match="is being downloaded by another process"),
    ):
        fetch(server, tmp_path)


@pytest.mark.parametrize("name", ["imagenet", "celeba", "food11", "cars"])
def test_pages_that_need_a_browser_get_no_request(name: str, tmp_path: Path) -> None:
    entry = OPENSETS.get(name) if name in OPENSETS else TARGETS.get(name)
    download = official(entry)
    assert download is not None
    with pytest.raises(UserError, match=f"{name} cannot be downloaded here .*by hand to .*`data where {name}`"):
        download_parts(name, download, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_verb_downloads_and_prepares(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    miniatures.mit67(tmp_path / "there")
    for path in (tmp_path / "there").iterdir():
        server.pages[path.name] = Page(path.read_bytes())
    real = official(TARGETS.get("mit67"))
    assert real is not None
    parts = tuple(dataclasses.replace(part, address=server.address(part.file)) for part in real.parts)
    here = without_checksums(dataclasses.replace(real, parts=parts))
    monkeypatch.setattr("benchmark.datasets.archives.official.official", lambda _: here)
    words = ["data", "prepare", "mit67", "--from", str(tmp_path / "from"), "--data-root", str(tmp_path / "data")]
    for calls in (len(parts), len(parts)):
        with pytest.raises(SystemExit) as end:
            main([*words, "--download", "--unverified", "--no-read"])
        assert end.value.code == 0
        assert len(server.ranges) == calls
        # A data set that is there needs its downloads no more.
        for path in (tmp_path / "from").iterdir():
            path.unlink()
    captured = capsys.readouterr()
    assert "terms: research only, see source: http" in captured.err
    assert captured.out.count("downloaded") == len(parts) and "is there already" in captured.out
