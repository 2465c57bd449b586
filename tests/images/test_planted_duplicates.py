"""Every kind of fault that `data check` looks for is planted in a small data root, and found; nothing else is."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.images import leaks, looks
from benchmark.images.duplicates import Pair
from benchmark.images.growing import GrowingRows
from benchmark.images.inspection import Comparison, DataFindings, Inspection, SplitFindings
from benchmark.images.items import Items
from benchmark.images.leaks import find_leaks
from benchmark.images.processes import each_item
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot

TEST, TRAIN, POOL = "targets/leaves/test", "targets/leaves/train", "opensets/pool/train"


def drawing(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A smooth coloured picture that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path, **options: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves` (two classes) and open-set `pool`, all pictures different."""
    seed = 0
    for folder, count in ((f"{TRAIN}/ash", 4), (f"{TRAIN}/elm", 3), (f"{TEST}/ash", 3), (f"{TEST}/elm", 3)):
        for number in range(count):
            seed += 1
            save(drawing(seed), tmp_path / folder / f"{number}.png")
    for number in range(12):
        save(drawing(100 + number), tmp_path / POOL / "dir" / f"{number}.png")
    return tmp_path


def inspect(root: Path, **options: int) -> DataFindings:
    return Inspection(DataRoot(root), root / "store", **options).inspect(["leaves"], ["pool"])


def split(findings: DataFindings, label: str) -> SplitFindings:
    return next(one for one in findings.splits if one.label == label)


def comparison(findings: DataFindings, second: str) -> Comparison:
    return next(one for one in findings.comparisons if one.second == second)


def test_a_clean_root_has_no_finding(root: Path) -> None:
    findings = inspect(root)
    assert not findings.faults and [one.label for one in findings.splits] == [TRAIN, TEST, POOL]
    for one in findings.splits:
        assert (one.unreadable, one.tiny, one.grey, one.plain, one.pairs, one.notes) == ((), (), (), 0, (), ())
    assert [(one.first, one.second, one.leak, one.pairs) for one in findings.comparisons] == [
        (TEST, TRAIN, False, ()),
        (TEST, POOL, True, ()),
    ]


def test_images_classes_and_the_smallest_and_largest_class_are_counted(root: Path) -> None:
    one = split(inspect(root), TRAIN)
    assert (one.files, one.readable, one.classes, one.smallest, one.largest) == (7, 7, 2, ("elm", 3), ("ash", 4))


def test_unreadable_files_are_named_with_the_reason(root: Path) -> None:
    (root / TRAIN / "ash/0.png").write_bytes(b"no image")
    whole = (root / TRAIN / "ash/1.png").read_bytes()
    (root / TRAIN / "ash/1.png").write_bytes(whole[: len(whole) // 2])
    (root / TRAIN / "ash/9.png").symlink_to("nowhere")
    os.mkfifo(root / TRAIN / "ash/pipe.png")
    one = split(inspect(root), TRAIN)
    reasons = dict(one.unreadable)
    assert list(reasons) == ["ash/0.png", "ash/1.png", "ash/9.png", "ash/pipe.png"] and one.readable == 5
    assert reasons["ash/0.png"] == "cannot identify image file" and "truncated" in reasons["ash/1.png"]
    assert reasons["ash/9.png"] == "a link to nowhere" and reasons["ash/pipe.png"].startswith("a pipe")


def test_tiny_and_grey_images_are_named(root: Path) -> None:
    save(drawing(50, (31, 60)), root / TRAIN / "elm/tiny.png")
    save(drawing(51, (32, 60)), root / TRAIN / "elm/not-tiny.png")
    save(drawing(52).convert("L"), root / TRAIN / "elm/grey.png")
    save(drawing(53).convert("L").convert("RGB"), root / TRAIN / "elm/grey-in-colour.png")
    one = split(inspect(root), TRAIN)
    assert one.tiny == (("elm/tiny.png", 31, 60),) and one.grey == ("elm/grey-in-colour.png", "elm/grey.png")


@pytest.mark.parametrize(("first", "second"), [(TRAIN, TRAIN), (TEST, TEST), (POOL, POOL), (TEST, TRAIN), (TEST, POOL)])
def test_same_pixels_are_found_whatever_file_holds_them(root: Path, first: str, second: str) -> None:
    """Within each split, across the splits of a target, and from a test split to the open-set."""
    image = drawing(60)
    save(image, root / first / "ash/one.png")
    save(image, root / second / "ash/two.bmp")
    findings = inspect(root)
    place = split(findings, first) if first == second else comparison(findings, second)
    assert place.pairs == (Pair("ash/one.png", "ash/two.bmp", "same pixels", 0),)
    others = [*findings.splits, *findings.comparisons]
    assert [one for one in others if one.pairs] == [place]


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((48, 36), Image.Resampling.LANCZOS),
    "brighter": lambda image: image.point(lambda value: min(255, int(value * 0.85) + 12)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "a pixel": lambda image: _with_a_black_pixel(image),
}


def _with_a_black_pixel(image: Image.Image) -> Image.Image:
    changed = image.copy()
    changed.putpixel((40, 30), (0, 0, 0))
    return changed


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("first", "second"), [(TRAIN, TRAIN), (TEST, TRAIN), (TEST, POOL)])
def test_near_duplicates_are_found(root: Path, change: str, first: str, second: str) -> None:
    save(drawing(60), root / first / "ash/one.png")
    save(CHANGES[change](drawing(60)), root / second / "ash/two.jpg", quality=88)
    findings = inspect(root)
    place = split(findings, first) if first == second else comparison(findings, second)
    (pair,) = place.pairs
    assert (pair.first, pair.second, pair.likeness) == ("ash/one.png", "ash/two.jpg", "near") and pair.bits <= 6


def test_many_copies_are_pairs_with_the_first(root: Path) -> None:
    for number in range(4):
        save(drawing(60), root / POOL / f"copy-{number}.png")
    save(drawing(60), root / POOL / "near.jpg", quality=88)
    save(drawing(60), root / TEST / "elm/copied.png")
    findings = inspect(root)
    copies = [Pair("copy-0.png", f"copy-{number}.png", "same pixels", 0) for number in (1, 2, 3)]
    assert [pair for pair in split(findings, POOL).pairs if pair.likeness == "same pixels"] == copies
    assert [pair.second for pair in split(findings, POOL).pairs if pair.likeness == "near"] == ["near.jpg"]
    leaked = [pair.second for pair in comparison(findings, POOL).pairs]
    assert leaked == [*(f"copy-{number}.png" for number in range(4)), "near.jpg"]


def test_plain_images_are_no_near_duplicates_of_each_other(root: Path) -> None:
    """Their hashes are nearly the same, and say nothing. Two of the same colour have the same pixels."""
    for number, colour in enumerate(("white", "black", "red", "white")):
        save(Image.new("RGB", (40, 40), colour), root / POOL / f"plain-{number}.png")
    one = split(inspect(root), POOL)
    assert one.plain == 4 and one.pairs == (Pair("plain-0.png", "plain-3.png", "same pixels", 0),)


def test_dogs_are_found_in_imagenet_by_the_names_of_their_files(root: Path) -> None:
    """By name only for this pair: files of other data sets are numbered anew."""
    for target in ("dogs", "small-dogs"):
        save(drawing(70), root / f"targets/{target}/train/n02085620-Chihuahua/n02085620_1.png")
        save(drawing(71), root / f"targets/{target}/test/n02085620-Chihuahua/n02085620_10074.png")
    save(drawing(72), root / "opensets/imagenet/train/n02085620/n02085620_10074.JPEG")
    save(drawing(73), root / "opensets/imagenet/train/n02085620/n02085620_1007.JPEG")
    findings = Inspection(DataRoot(root), root / "store").inspect(["dogs", "small-dogs"], ["imagenet"])
    by_target = {one.first: one.pairs for one in findings.comparisons if one.leak}
    (pair,) = by_target["targets/dogs/test"]
    assert pair.first == "n02085620-Chihuahua/n02085620_10074.png" and pair.likeness == "same name" and pair.bits > 6
    assert pair.second == "n02085620/n02085620_10074.JPEG" and by_target["targets/small-dogs/test"] == ()
    assert any("the paper used 120" in note for one in findings.splits for note in one.notes)


def test_classes_of_one_split_and_names_that_differ_in_case_are_noted(root: Path) -> None:
    save(drawing(80), root / TRAIN / "oak/0.png")
    save(drawing(81), root / TEST / "Ash/0.png")
    save(drawing(82), root / TEST / "elm/caf\u00e9.png")
    save(drawing(83), root / TEST / "elm/cafe\u0301.png")
    notes = split(inspect(root), TEST).notes
    assert "test has classes that train lacks: Ash" in notes and "train has classes that test lacks: oak" in notes
    alike = "do not keep apart: Ash and ash, elm/cafe\u0301.png and elm/caf\u00e9.png"
    assert any(note.endswith(alike) for note in notes)


def test_a_split_that_cannot_be_read_is_a_fault_and_the_rest_is_checked(root: Path) -> None:
    save(drawing(1), root / "targets/flat/train/loose.png")
    findings = Inspection(DataRoot(root), root / "store").inspect(["flat", "leaves"], ["pool"])
    assert len(findings.faults) == 2 and "outside of class folders" in findings.faults[0]
    assert [one.label for one in findings.splits] == [TRAIN, TEST, POOL] and len(findings.comparisons) == 2


def test_what_leaks_is_written_down_by_contents(root: Path) -> None:
    save(drawing(60), root / TEST / "ash/one.png")
    save(drawing(60), root / POOL / "two.bmp")
    inspect(root)
    store, images = root / "store", DataRoot(root)
    test = open_source(images, "targets", "leaves", "test", store).manifest
    pool = open_source(images, "opensets", "pool", "train", store).manifest
    record = find_leaks(store, test, pool)
    assert record is not None and record.leaked == {"two.bmp"}
    (path,) = (store / "leaks").rglob("*.json")
    path.write_text(path.read_text().replace("two.bmp", "six.bmp"))
    assert find_leaks(store, test, pool) is None
    inspect(root)
    assert find_leaks(store, test, pool) == record
    save(drawing(61), root / POOL / "new.png")
    changed = open_source(images, "opensets", "pool", "train", store).manifest
    assert find_leaks(store, test, changed) is None


@pytest.mark.parametrize("full", [1, 6])
def test_a_full_disk_under_the_store_is_one_line(root: Path, full: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first note, of a split compared with itself, and the last, of what leaks."""
    written: list[Path] = []
    write = leaks.write_atomically

    def writing(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == full:
            raise OSError(28, "No space left on device")
        write(path, text)

    monkeypatch.setattr(leaks, "write_atomically", writing)
    with pytest.raises(UserError, match=r"No space left on device; name another --store"):
        inspect(root)
    assert written[-1].parents[full // 6].name == ("checks", "leaks")[full // 6]


def test_leaks_of_a_split_with_unreadable_files_are_shown_and_not_kept(root: Path) -> None:
    save(drawing(60), root / TEST / "ash/one.png")
    save(drawing(60), root / POOL / "two.bmp")
    (root / TEST / "ash/bad.png").write_bytes(b"no image")
    findings = inspect(root)
    assert [pair.second for pair in comparison(findings, POOL).pairs] == ["two.bmp"]
    assert "ash/bad.png" in findings.faults[0] and not (root / "store/leaks").exists()


def test_a_second_check_decodes_and_compares_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(drawing(60), root / POOL / "a.png")
    save(drawing(60), root / POOL / "b.bmp")
    first = inspect(root)
    monkeypatch.setattr(looks, "look_at", lambda *_: pytest.fail("decoded again"))
    monkeypatch.setattr("benchmark.images.inspection.pairs_within", lambda *_: pytest.fail("compared again"))
    monkeypatch.setattr("benchmark.images.inspection.pairs_between", lambda *_: pytest.fail("compared again"))
    assert inspect(root) == first


def test_damaged_notes_of_an_earlier_check_are_made_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(drawing(60), root / POOL / "a.png")
    save(drawing(60), root / POOL / "b.bmp")
    first = inspect(root)
    for path in (root / "store").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    assert inspect(root) == first
    assert "damaged" in capsys.readouterr().err


@pytest.fixture
def many(root: Path) -> Path:
    """1,100 images, so that processes are started and rows are kept on the way."""
    for number in range(1100):
        save(drawing(number, (20, 20)), root / POOL / f"{number:04d}.png")
    return root


def test_processes_find_what_one_finds(many: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (many / POOL / "0700.png").write_bytes(b"no image")
    items = DataRoot(many).items("opensets", "pool", "train")
    stores = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    one, two = (looks.look_at_split(items, store, jobs=jobs) for store, jobs in zip(stores, (1, 2), strict=True))
    assert one.rows.tobytes() == two.rows.tobytes() and len(one.readable) == len(items.ids) - 1


KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.images import growing
from benchmark.images.inspection import Inspection
from benchmark.images.sources import DataRoot
root = Path(sys.argv[1])
def progress(what, done, total):
    if what.endswith("pool/train") and done == 600:
        print("killed", flush=True)
        os.kill(os.getpid(), int(sys.argv[2]))
Inspection(DataRoot(root), root / "store", progress, 2).inspect(["leaves"], ["pool"])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_check_goes_on_and_leaves_no_process(
    many: Path, number: int, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # The reading processes hold the same pipe: it ends when all of them have.
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(many), str(int(number))], stdout=subprocess.PIPE, timeout=120
    )
    assert killed.returncode == -number and killed.stdout == b"killed\n"
    begun: list[int] = []
    add = GrowingRows.add

    def watched(rows: GrowingRows, row: np.ndarray) -> None:
        begun.append(rows.done)
        add(rows, row)

    monkeypatch.setattr(GrowingRows, "add", watched)
    resumed = inspect(many, jobs=1)
    assert begun[0] == 512 and split(resumed, POOL).readable == 1112
    whole = Inspection(DataRoot(many), tmp_path_factory.mktemp("other"), jobs=1).inspect(["leaves"], ["pool"])
    assert resumed == whole


def test_a_reading_process_that_dies_is_a_clear_error(many: Path) -> None:
    items = DataRoot(many).items("opensets", "pool", "train")
    with pytest.raises(UserError, match=r"a process that reads images ended \(exit code 7\)"):
        list(each_item(dies, items, items.ids, 2))


def dies(items: Items, item: str) -> bytes:
    os._exit(7)


def test_the_report_is_json(root: Path) -> None:
    save(drawing(60), root / POOL / "a.png")
    save(drawing(60), root / POOL / "b.bmp")
    content = json.loads(json.dumps(inspect(root).to_json()))
    (pool,) = (one for one in content["splits"] if one["label"] == POOL)
    assert pool["pairs"] == [{"first": "a.png", "second": "b.bmp", "likeness": "same pixels", "bits": 0}]
    assert content["near_bits"] == 6
