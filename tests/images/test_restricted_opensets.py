"""An open-set restricted to classes: `pool[classes.txt]` is what a folder with only those classes would be."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.images.inspection import Inspection
from benchmark.images.manifest import Manifest
from benchmark.images.scan import find_manifest, open_source
from benchmark.images.sources import DataRoot
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.progress import silent

CLASSES = ("n02085620", "n02085620_1", "n02690373-airliner", "plain class")


def save(seed: int, path: Path) -> None:
    """A smooth coloured picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((48, 36), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves` and open-set `pool` of four classes with three images each."""
    for number, item in enumerate(("train/a/0.png", "train/b/1.png", "test/a/2.png", "test/b/3.png")):
        save(number, tmp_path / "data/targets/leaves" / item)
    for number in range(12):
        save(100 + number, tmp_path / "data/opensets/pool/train" / CLASSES[number % 4] / f"{number}.png")
    (tmp_path / "data/opensets/pool/relevance.csv").write_text(
        "dir,source,rel_leaves\n" + "".join(f"{name},x,{int(name == 'plain class')}\n" for name in CLASSES)
    )
    return tmp_path / "data"


def classes(root: Path, *lines: str) -> str:
    """The name of the pool restricted to what the lines of a file name."""
    path = root.parent / "classes.txt"
    path.write_text("\n".join(lines) + "\n")
    return f"pool[{path}]"


def opened(root: Path, name: str, store: str = "runs") -> Manifest:
    return open_source(DataRoot(root), "opensets", name, "train", root.parent / store).manifest


@pytest.mark.parametrize(
    ("lines", "folders"),
    [
        (["plain class"], ["plain class"]),
        (["# two", "", " plain class ", "n02690373"], ["n02690373-airliner", "plain class"]),
        (["n02690373 airliner"], ["n02690373-airliner"]),
        (["n02085620"], ["n02085620"]),
        (["n02085620 Chihuahua"], ["n02085620", "n02085620_1"]),
    ],
)
def test_lines_are_names_of_folders_or_wordnet_ids(root: Path, lines: list[str], folders: list[str]) -> None:
    manifest = opened(root, classes(root, *lines))
    assert sorted({item.partition("/")[0] for item in manifest.ids}) == folders == list(manifest.classes)
    assert len(manifest) == 3 * len(folders)


@pytest.mark.parametrize("whole_first", [False, True])
def test_its_identity_is_that_of_a_folder_with_only_these_classes(root: Path, whole_first: bool) -> None:
    """Whether the whole was read before or not; and where it was, nothing is read again."""
    name = classes(root, "plain class", "n02690373")
    for folder in ("plain class", "n02690373-airliner"):
        shutil.copytree(root / "opensets/pool/train" / folder, root / "opensets/copy/train" / folder)
    if whole_first:
        whole = opened(root, "pool")
        known = find_manifest(DataRoot(root), "opensets", name, "train", root.parent / "runs")
        assert known is not None and known.images_sha256 != whole.images_sha256
    restricted, copy = opened(root, name), opened(root, "copy")
    assert restricted.images_sha256 == copy.images_sha256
    assert (restricted.ids, restricted.labels, restricted.classes) == (copy.ids, copy.labels, copy.classes)


def test_reading_a_part_leaves_what_a_stopped_reading_of_the_whole_has_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.images.journal.LINES", 2)
    name, store = classes(root, "plain class"), root.parent / "runs"

    def stop(what: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_source(DataRoot(root), "opensets", "pool", "train", store, stop)
    kept = {path: path.read_bytes() for path in store.rglob("*.seen")}
    assert len(opened(root, name)) == 3 and kept
    assert {path: path.read_bytes() for path in store.rglob("*.seen")} == kept


def test_images_are_references_and_labels_of_folders_stay(root: Path) -> None:
    data = Data(root, standins=False, cache=root.parent / "runs")
    name = classes(root, "plain class", "n02690373")
    before = set(root.rglob("*"))
    data.read([("opensets", name, "train")])
    assert set(root.rglob("*")) == before
    pool = data.images("opensets", name, "train")
    assert data.squares(pool, 8).shape == (6, 8, 8, 3)
    labels = data.relevance(name, "leaves")
    assert labels is not None and data.relevant(labels).tolist() == [False] * 3 + [True] * 3


def test_a_plan_has_its_own_keys_for_it(root: Path) -> None:
    def keys(openset: str) -> dict[str, str]:
        query = Query(
            "2", profile="mini", targets=("leaves",), openset=openset, rows=("X", "OS"), data_root=root, store=store
        )
        planned = PlannedTable(query)
        planned.read_data(silent)
        return {row: cell.evaluate.key for (row, _, _), cell in planned.cells.items()}

    # A clean probe needs a class with two images.
    save(4, root / "targets/leaves/train/a/4.png")
    store = root.parent / "runs"
    whole, part = keys("pool"), keys(classes(root, "plain class"))
    assert whole["X"] == part["X"] and whole["OS"] != part["OS"]


def test_leaks_of_the_whole_are_those_of_the_part(root: Path) -> None:
    name, store = classes(root, "plain class"), root.parent / "runs"
    for number, folder in enumerate(("plain class", "n02085620")):
        save(number + 2, root / f"opensets/pool/train/{folder}/stolen.bmp")
    opened(root, name)
    data = Data(root, False, store, ("leaves",))
    assert data.images("opensets", name, "train").sha256 is None
    (note,) = data.leak_notes(["leaves"], [name], demanded=False)
    assert note.endswith("(benchmark data check leaves pool)")
    Inspection(DataRoot(root), store).inspect(["leaves"], ["pool"])
    data = Data(root, False, store, ("leaves",))
    pool = data.images("opensets", name, "train")
    assert pool.count == 3 and "plain class/stolen.bmp" not in data.verified_source(pool).manifest.ids
    assert data.leak_notes(["leaves"], [name], demanded=False)[0].endswith("1 (1 of leaves), left out")
    assert data.images("opensets", "pool", "train").count == 12


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["plain class", "plane class", "n99999999"],
            "names 2 classes that opensets/pool/train lacks: plane class, n9",
        ),
        (["# nothing"], "names no class"),
    ],
)
def test_a_wrong_file_of_classes_is_refused(root: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        opened(root, classes(root, *lines))


def test_a_concatenation_and_files_that_cannot_be_read_are_refused(root: Path) -> None:
    for part in ("coco", "inaturalist", "imagenet", "places"):
        (root / "opensets" / part).symlink_to(root / "opensets/pool")
    with pytest.raises(UserError, match=r"all is a concatenation: restrict one of its parts \(coco, "):
        opened(root, classes(root, "plain class").replace("pool[", "all["))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        opened(root, "pool[absent.txt]")
    binary = root.parent / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"cannot be read: no UTF-8 text"):
        opened(root, f"pool[{binary}]")


@pytest.mark.parametrize("verb", ["plan", "reproduce", "compare"])
@pytest.mark.parametrize(
    ("openset", "message"),
    [("pool[absent.txt]", "absent.txt cannot be read"), ("pol[absent.txt]", "did you mean pool?")],
)
def test_on_the_command_line_a_mistake_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], verb: str, openset: str, message: str
) -> None:
    names = ["--target", "leaves", "--sampler", "random"] if verb == "compare" else ["--targets", "leaves"]
    places = ["--data-root", str(root), "--store", str(root.parent / "runs")]
    with pytest.raises(SystemExit) as end:
        main([verb, *names, "--profile", "mini", "--openset", openset, *places])
    err = capsys.readouterr().err
    assert end.value.code == 2 and message in err and len(err.splitlines()) == 1
    assert not (root.parent / "runs").exists()
