"""Bad images, through the command line: one clear line, exit code 2, no results; or a note, and the run goes on."""

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands import _measure
from benchmark.images.data import Data
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query

SHARE = 200
"""Images of the pool: one per cent of them are two."""


def save_noise(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root: target `leaves` with classes ash and elm, open-set `pool` with `SHARE` images."""
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    root, seed = tmp_path / "data", 0
    for split, count in (("train", 4), ("test", 2)):
        for name in ("ash", "elm"):
            for number in range(count):
                seed += 1
                save_noise(root / "targets" / "leaves" / split / name / f"{number}.jpg", seed)
    for number in range(SHARE):
        save_noise(root / "opensets" / "pool" / "train" / f"{number:03d}.jpg", seed + 1 + number)
    return root


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def reproduced(root, store, capsys, monkeypatch):
    """Run `reproduce` up to its first stage: the exit code, what it said, and the work that came so far."""
    begun = []
    monkeypatch.setattr(_measure, "execute", lambda work, machine: begun.append(work) or [])

    def run(*more):
        begun.clear()
        arguments = ["--targets", "leaves", "--openset", "pool", "--rows", "X", "X+OS_rand_5", *more]
        places = ["--data-root", str(root), "--store", str(store)]
        with pytest.raises(SystemExit) as end:
            main(["reproduce", "--profile", "mini", "--steps", "1", "--device", "cpu", *arguments, *places])
        return end.value.code, capsys.readouterr(), list(begun)

    return run


def assert_refused(answer, store, *parts):
    """Exit code 2, one line with all `parts`, nothing begun and no result of a stage in the store."""
    code, out, begun = answer
    lines = [line for line in out.err.splitlines() if line.startswith("error: ")]
    assert code == 2 and begun == [] and len(lines) == 1 and out.out == ""
    assert out.err.splitlines()[-1] == lines[0]
    assert all(part in lines[0] for part in parts), lines
    assert list(store.rglob("record.json")) == []


def test_good_images_come_as_far_as_the_first_stage(reproduced):
    code, out, (work,) = reproduced()
    assert code == 0 and "error" not in out.err and "note" not in out.err
    assert all(stage.resolved for stage in work.stages)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_truncated_image_in_a_target_is_refused_by_name(root, store, reproduced, split):
    truncate(root / "targets" / "leaves" / split / "elm" / "1.jpg")
    assert_refused(reproduced(), store, f"targets/leaves/{split}: 1 of", "elm/1.jpg", "truncated", "replace or remove")


def test_a_class_in_test_that_train_lacks_is_refused_by_name_before_anything_is_read(root, store, reproduced):
    (root / "targets" / "leaves" / "test" / "ash").rename(root / "targets" / "leaves" / "test" / "yew")
    assert_refused(reproduced(), store, "targets/leaves/test has 1 classes that targets/leaves/train lacks: yew")
    assert not store.exists()


@pytest.mark.parametrize("place", ["targets/leaves/test", "opensets/pool/train"])
def test_an_empty_folder_is_refused_by_name_before_anything_is_read(root, store, reproduced, place):
    for path in sorted((root / place).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert_refused(reproduced(), store, place, "holds no images")
    assert not store.exists()


def test_bad_images_within_the_share_of_an_openset_are_counted_and_named_and_the_run_goes_on(root, reproduced):
    for name in ("007.jpg", "100.jpg"):
        truncate(root / "opensets" / "pool" / "train" / name)
    code, out, (work,) = reproduced()
    notes = [line for line in out.err.splitlines() if line.startswith("note: ")]
    assert code == 0 and len(notes) == 1
    assert "pool" in notes[0] and "007.jpg" in notes[0] and "2 " in notes[0]
    (draw,) = (stage for stage in work.stages if stage.kind.name == "sample")
    assert draw.input("openset").count == SHARE - 2


def test_the_note_is_there_again_when_the_images_were_read_before(root, store):
    truncate(root / "opensets" / "pool" / "train" / "007.jpg")
    query = Query("2", profile="mini", targets=("leaves",), openset="pool", rows=("OS",), data_root=root, store=store)
    first = PlannedTable(query)
    first.data.read(first.needed_splits)
    again = PlannedTable(query)
    assert again.data_notes() == first.data_notes() != []
    assert Data(root, False, store).skipped(first.needed_splits) == first.data_notes()


def test_more_bad_images_than_the_share_are_refused(root, store, reproduced):
    for number in range(3):
        truncate(root / "opensets" / "pool" / "train" / f"{number:03d}.jpg")
    assert_refused(reproduced(), store, "opensets/pool/train: 3 of 200 files", "more than the 1%", "000.jpg")
    assert not store.exists()


def test_mended_images_are_read_again(root, store, reproduced):
    path = root / "targets" / "leaves" / "train" / "elm" / "1.jpg"
    whole = path.read_bytes()
    truncate(path)
    assert_refused(reproduced(), store, "elm/1.jpg")
    path.write_bytes(whole)
    assert reproduced()[0] == 0


@pytest.mark.slow
def test_a_run_with_a_bad_image_in_the_openset_ends_with_a_number(root, store, capsys):
    """The real thing: mini's network for one step, by a worker process."""
    truncate(root / "opensets" / "pool" / "train" / "007.jpg")
    command = ["reproduce", "--profile", "mini", "--steps", "1", "--device", "cpu", "--jobs", "1", "--format", "csv"]
    command += ["--targets", "leaves", "--openset", "pool", "--rows", "X+OS_rand_5"]
    with pytest.raises(SystemExit) as end:
        main([*command, "--data-root", str(root), "--store", str(store)])
    out = capsys.readouterr()
    assert end.value.code == 0 and "007.jpg" in out.err
    assert "measured" in out.out
    picks = next(store.glob("sample/*/picks.txt")).read_text().splitlines()[1:]
    assert len(picks) == 9 and "007.jpg" not in picks
