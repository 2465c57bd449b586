"""Reading a large split: what was read before a stop or a kill is not read again, and the manifest is the same."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.images import scan
from benchmark.images.items import Items
from benchmark.images.journal import Journal, Seen
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot, Source

COUNT, KEPT = 600, 256
KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.images import scan
from benchmark.images.sources import DataRoot
look = scan._look
def killing(items, item):
    if item == "0399.jpg":
        os.kill(os.getpid(), signal.SIGKILL)
    return look(items, item)
scan._look = killing
scan.open_source(DataRoot(Path(sys.argv[1])), "opensets", "many", "train", Path(sys.argv[2]))
"""


@pytest.fixture
def many(data: Path, picture: Callable[..., None]) -> Path:
    """The folder of an open-set of 600 images, one of them damaged."""
    folder = data / "opensets/many/train"
    for number in range(COUNT):
        picture(folder / f"{number:04d}.jpg", number, (8, 8))
    (folder / "0003.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The items that are read from now on."""
    items: list[str] = []
    look = scan._look

    def watched(split: Items, item: str) -> Seen:
        items.append(item)
        return look(split, item)

    monkeypatch.setattr(scan, "_look", watched)
    return items


def opened(data: Path, store: Path, progress: Callable[[str, int, int], None] = lambda *_: None) -> Source:
    return open_source(DataRoot(data), "opensets", "many", "train", store, progress)


def killed(data: Path, store: Path) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED, str(data), str(store)])
    assert process.returncode == -signal.SIGKILL


def names(store: Path) -> list[str]:
    return [path.suffix for path in (store / "manifests").iterdir()]


def test_a_killed_reading_goes_on_to_the_manifest_of_an_unbroken_one(
    data: Path, many: Path, store: Path, tmp_path: Path, reads: list[str]
) -> None:
    killed(data, store)
    assert names(store) == [".seen"]
    counts: list[int] = []
    resumed = opened(data, store, lambda _, done, __: counts.append(done))
    assert sorted(reads) == [f"{number:04d}.jpg" for number in range(KEPT, COUNT)] and counts[-1] == COUNT
    assert resumed.manifest.skipped == (("0003.jpg", "cannot identify image file"),)
    whole = opened(data, tmp_path / "other")
    assert len(reads) == COUNT - KEPT + COUNT and resumed.manifest == whole.manifest
    (one,), (other,) = ((folder / "manifests").iterdir() for folder in (store, tmp_path / "other"))
    assert one.name == other.name and one.read_bytes() == other.read_bytes()


def test_files_that_changed_between_are_read_again(
    data: Path, many: Path, store: Path, tmp_path: Path, reads: list[str], picture: Callable[..., None]
) -> None:
    killed(data, store)
    picture(many / "0007.jpg", 10_000, (8, 9))
    os.utime(many / "0008.jpg", (1, 1))
    (many / "0009.jpg").unlink()
    picture(many / "0003.jpg", 3, (8, 8))
    picture(many / "new.jpg", 4, (8, 8))
    resumed = opened(data, store)
    again = [item for item in reads if item < f"{KEPT:04d}.jpg"]
    assert again == ["0003.jpg", "0007.jpg", "0008.jpg"] and "new.jpg" in reads and len(reads) == COUNT - KEPT + 4
    assert resumed.manifest == opened(data, tmp_path / "other").manifest and not resumed.manifest.skipped


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_stopped_reading_goes_on(data: Path, many: Path, store: Path, reads: list[str], error: type) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if done == 300:
            raise error

    with pytest.raises(error):
        opened(data, store, stop)
    reads.clear()
    opened(data, store)
    assert sorted(reads) == [f"{number:04d}.jpg" for number in range(KEPT, COUNT)]


def test_what_two_broken_readings_kept_is_all_used(data: Path, many: Path, store: Path, reads: list[str]) -> None:
    def stop_at(count: int) -> Callable[[str, int, int], None]:
        def stop(what: str, done: int, total: int) -> None:
            if done == count:
                raise KeyboardInterrupt

        return stop

    for count in (300, 520):
        with pytest.raises(KeyboardInterrupt):
            opened(data, store, stop_at(count))
    assert names(store) == [".seen", ".seen"]
    reads.clear()
    opened(data, store)
    assert sorted(reads) == [f"{number:04d}.jpg" for number in range(2 * KEPT, COUNT)] and names(store) == [".json"]


def test_what_was_read_elsewhere_is_not_taken_for_it(
    data: Path, many: Path, store: Path, tmp_path: Path, reads: list[str]
) -> None:
    killed(data, store)
    shutil.copytree(data, tmp_path / "copy")
    opened(tmp_path / "copy", store)
    assert len(reads) == COUNT


SEEN = [(Seen(f"{name}.jpg", digest="d" * 64), f"{name} 1") for name in ("a", 'b"\\', "\u2028")]
SEEN.append((Seen("e.jpg", problem="no image"), "0 0"))


def journal(folder: Path) -> Journal:
    return Journal(folder, "one")


@given(st.integers(0), st.binary(max_size=40) | st.sampled_from([b"", b"\0" * 4096, b"\n\n", b'00000000 ["a"]\n']))
def test_a_journal_cut_anywhere_tells_nothing_wrong(cut: int, tail: bytes) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.images.journal.LINES", 2)
        folder = Path(name)
        first = journal(folder)
        for seen, stamp in SEEN:
            assert first.find(seen.item, stamp) is None
            first.add(seen, stamp)
        first.close()
        (path,) = folder.iterdir()
        text = path.read_bytes()
        damaged = text[: cut % (len(text) + 1)] + tail
        path.write_bytes(damaged)
        second = journal(folder)
        entries = [second.find(seen.item, stamp) for seen, stamp in SEEN]
        whole = [line in damaged.split(b"\n") for line in text.split(b"\n")[:-1]]
        assert entries == [seen if there else None for (seen, _), there in zip(SEEN, whole, strict=True)]
        assert second.find(SEEN[0][0].item, "another stamp") is None
        second.remove()
        assert not list(folder.iterdir())


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from benchmark import __main__ as cli
from benchmark.images import scan
folder, store, number = sys.argv[1:]
look = scan._look
def interrupting(items, item):
    if item == "0399.jpg":
        os.kill(os.getpid(), int(number))
    return look(items, item)
scan._look = interrupting
target = str(Path(folder).parents[2] / "targets/leaves/train")
cli.main(["sample", "--target", target, "--pool", folder, "--out", f"{store}.txt", "--store", store])
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_interrupted_while_it_reads_says_how_to_go_on(
    many: Path, store: Path, number: int, code: int
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(many), str(store), str(int(number))],
        capture_output=True,
        text=True,
        # What a shell starts in the background ignores Ctrl-C: here it is to be heard.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.returncode == code, process.stderr
    assert "give the same command again to go on" in process.stderr and "Traceback" not in process.stderr
    # The target was read to its end, the pool was not.
    assert sorted(names(store)) == [".json", ".seen"]
