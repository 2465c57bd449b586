"""`data prepare` that was killed, is called again or runs twice: it continues, and leaves what is whole alone."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.__main__ import main
from benchmark.datasets.archives import prepare
from benchmark.errors import UserError
from tests.datasets import miniatures
from tests.datasets.test_official_archives import KINDS, images_below, prepare_small

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.datasets.archives import place, unpack
from tests.datasets.test_official_archives import KINDS, prepare_small

kind, source, root, module, function, after = sys.argv[1:]
module, calls = {"place": place, "unpack": unpack}[module], []
original = getattr(module, function)

def kill(*arguments):
    calls.append(1)
    if len(calls) == int(after):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

setattr(module, function, kill)
places = eval(sys.stdin.read())
prepare_small(KINDS[kind][0], Path(source), Path(root), places)
"""


@pytest.mark.parametrize(
    ("kind", "module", "function", "after"),
    [("mit67", "place", "_put", 3), ("imagenet", "unpack", "_copy", 5), ("food11", "unpack", "_copy", 2)],
)
def test_a_killed_call_is_gone_on_with(
    kind: str, module: str, function: str, after: int, source: Path, root: Path
) -> None:
    expected = KINDS[kind][1](source)
    arguments = [kind, str(source), str(root), module, function, str(after)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], input=repr(list(expected)), text=True, cwd=ROOT, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not any((root / role).exists() for role in ("targets", "opensets"))
    whole = {path: path.stat().st_mtime_ns for path in (root / prepare.ASIDE).rglob("placed/**/*.jpg")}
    prepared = prepare_small(KINDS[kind][0], source, root, expected)
    assert images_below(prepared.folder) == expected
    assert [path.name for path in root.iterdir()] == [prepared.folder.parent.name]
    if module == "place":
        assert len(whole) == 2


def test_ctrl_c_keeps_what_is_unpacked(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = miniatures.mit67(source)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepare, "place_images", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare_small("mit67", source, root, expected)
    unpacked = root / prepare.ASIDE / "targets-mit67" / "archives" / "indoorCVPR_09.tar"
    assert unpacked.is_dir() and not (root / "targets").exists()
    monkeypatch.setattr("benchmark.datasets.archives.tree.unpack", None)
    assert images_below(prepare_small("mit67", source, root, expected).folder) == expected


def test_what_was_unpacked_of_other_downloads_is_not_used(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    work = root / prepare.ASIDE / "targets-mit67"
    stale = work / "archives" / "indoorCVPR_09.tar" / "Images" / "airport_inside"
    stale.mkdir(parents=True)
    (work / "made_of").write_text("of another archive")
    assert images_below(prepare_small("mit67", source, root, expected).folder) == expected


def test_the_same_call_again_changes_nothing(source: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miniatures.mit67(source)
    command = ["data", "prepare", "mit67", "--from", str(source), "--data-root", str(root), "--unverified"]
    seen = []
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            main(command)
        assert end.value.code == 0
        seen.append({path: path.stat().st_mtime_ns for path in root.rglob("*")})
    assert seen[0] == seen[1]
    assert "is there already: 2 train, 2 test" in capsys.readouterr().out


def test_a_folder_that_is_there_is_not_touched(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    own = root / "targets" / "mit67" / "train" / "own" / "1.jpg"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"own")
    for record in (None, "{", '{"images": 3}', '{"images": {}, "made_of": {}, "left_out": 3}'):
        if record is not None:
            (root / "targets" / "mit67" / prepare.RECORD).write_text(record)
        with pytest.raises(UserError, match="exists and this command has not made it"):
            prepare_small("mit67", source, root, expected)
    assert own.read_bytes() == b"own"


def test_a_data_set_of_other_downloads_or_with_files_missing_is_an_error(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    folder = prepare_small("mit67", source, root, expected).folder
    (folder / "train/airport_inside/airport_inside_0001.jpg").unlink()
    with pytest.raises(UserError, match=r"train has 1 images and was made with 2; remove"):
        prepare_small("mit67", source, root, expected)
    (source / "TrainImages.txt").write_text("another list")
    with pytest.raises(UserError, match="was made of other downloads"):
        prepare_small("mit67", source, root, expected)


def test_the_downloads_may_be_gone_when_the_data_set_is_there(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    made = prepare_small("mit67", source, root, expected)
    for path in source.iterdir():
        path.unlink()
    again = prepare_small("mit67", source, root, expected)
    assert (again.new, again.counts) == (False, made.counts)


def test_two_processes_do_not_prepare_one_data_set(source: Path, root: Path) -> None:
    import fcntl

    expected = miniatures.mit67(source)
    (root / prepare.ASIDE).mkdir(parents=True)
    with (root / prepare.ASIDE / "targets-mit67.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UserError, match=r"mit67 is being prepared in .* by another process"):
            prepare_small("mit67", source, root, expected)
    assert images_below(prepare_small("mit67", source, root, expected).folder) == expected


def test_a_process_that_opened_the_lock_before_it_was_removed_takes_the_one_that_others_see(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process is done, and removes its lock, between the second's opening and locking: a third must be refused."""
    expected, inside = miniatures.mit67(source), []
    path, right = root / prepare.ASIDE / "targets-mit67.lock", prepare.lock

    def lock(file: object) -> bool | None:
        if not inside:
            inside.append("first is done")
            path.unlink()
            path.parent.rmdir()
        return right(file)  # type: ignore[arg-type]

    def third(*arguments: object) -> object:
        with pytest.raises(UserError, match=r"mit67 is being prepared in .* by another process"):
            prepare_small("mit67", source, root, expected)
        inside.append("third is refused")
        return place(*arguments)

    place = prepare.place_images
    monkeypatch.setattr(prepare, "lock", lock)
    monkeypatch.setattr(prepare, "place_images", third)
    assert images_below(prepare_small("mit67", source, root, expected).folder) == expected
    assert inside == ["first is done", "third is refused"] and [path.name for path in root.iterdir()] == ["targets"]


def test_what_another_process_has_made_meanwhile_is_taken(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, right, calls = miniatures.mit67(source), prepare.lock, []

    def lock(file: object) -> bool | None:
        calls.append(file)
        if len(calls) == 1:
            path = root / prepare.ASIDE / "targets-mit67.lock"
            path.unlink()
            prepare_small("mit67", source, root, expected)
        return right(file)  # type: ignore[arg-type]

    monkeypatch.setattr(prepare, "lock", lock)
    prepared = prepare_small("mit67", source, root, expected)
    assert not prepared.new and images_below(prepared.folder) == expected
    assert [path.name for path in root.iterdir()] == ["targets"]
