"""Packs of `data shrink`: small, the same bytes every time, whole or not there, and data roots of their own."""

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.images import pack
from benchmark.images.inspection import Inspection
from benchmark.images.items import Items
from benchmark.images.pack import Pack, PackRequest, chosen, make_pack
from benchmark.images.relevance import relevance
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot

REQUEST = PackRequest(("leaves",), ("pool",), 24, 2)


def save(seed: int, path: Path, size: tuple[int, int] = (96, 48)) -> None:
    """A smooth coloured picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Target `leaves` and labelled open-set `pool` of two folders, four images in each folder."""
    folders = (
        "targets/leaves/train/ash",
        "targets/leaves/train/elm",
        "targets/leaves/test/ash",
        "targets/leaves/test/elm",
    )
    for number, folder in enumerate((*folders, "opensets/pool/train/a", "opensets/pool/train/b")):
        for image in range(4):
            save(10 * number + image, tmp_path / "data" / folder / f"{image}.{('png', 'jpg')[image % 2]}")
    (tmp_path / "data/opensets/pool/relevance.csv").write_text("dir,source,rel_leaves\na,x,1\nb,y,0\n")
    return tmp_path / "data"


def make(root: Path, out: Path, request: PackRequest = REQUEST, **options: int) -> Pack:
    return make_pack(DataRoot(root), request, out, root.parent / "runs", **options)


def files(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_pack_is_a_smaller_data_root(root: Path, tmp_path: Path) -> None:
    made = make(root, tmp_path / "pack")
    assert dict(made.splits) == {"targets/leaves/train": 4, "targets/leaves/test": 4, "opensets/pool/train": 4}
    images, store = DataRoot(tmp_path / "pack"), tmp_path / "other"
    train = open_source(images, "targets", "leaves", "train", store)
    assert train.manifest.classes == ("ash", "elm") and train.manifest.labels == (0, 0, 1, 1)
    assert {train.open(row).size for row in range(4)} == {(48, 24)}
    pool = open_source(images, "opensets", "pool", "train", store)
    mask = relevance(pool, "leaves")
    assert mask is not None and mask.tolist() == [True, True, False, False]


def test_the_same_images_give_the_same_bytes_with_any_number_of_processes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.images.processes.FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr("benchmark.images.processes.CHUNK", 1)
    one, two = make(root, tmp_path / "one", jobs=1), make(root, tmp_path / "two", jobs=2)
    assert files(tmp_path / "one") == files(tmp_path / "two") and one.sha256 == two.sha256


def test_images_are_drawn_by_their_names_so_that_one_more_changes_little() -> None:
    ids = [f"{folder}/{number}.jpg" for folder in "ab" for number in range(50)]
    first = chosen("targets/x/train", ids, 10)
    assert first == sorted(first) and [item[0] for item in first] == ["a"] * 10 + ["b"] * 10
    assert chosen("targets/x/train", ids[::-1], 10) == first != chosen("targets/x/test", ids, 10)
    assert len(set(chosen("targets/x/train", [*ids, "a/new.jpg"], 10)) - set(first)) <= 1
    assert chosen("targets/x/train", ids, None) == sorted(ids)


def test_images_that_are_small_enough_keep_their_bytes(root: Path, tmp_path: Path) -> None:
    save(1, root / "opensets/pool/train/small/own.png", (24, 90))
    make(root, tmp_path / "pack")
    path = "opensets/pool/train/small/own.png"
    assert (tmp_path / "pack" / path).read_bytes() == (root / path).read_bytes()


def test_what_is_resized_is_what_pillow_makes_of_it(root: Path, tmp_path: Path) -> None:
    make(root, tmp_path / "pack", PackRequest(("leaves",), (), 20, None))
    made = Image.open(tmp_path / "pack/targets/leaves/train/ash/0.png.jpg")
    with Image.open(root / "targets/leaves/train/ash/0.png") as image:
        expected = np.asarray(image.resize((40, 20), Image.Resampling.LANCZOS).convert("L"), float)
    assert made.size == (40, 20) and made.format == "JPEG"
    assert abs(np.asarray(made.convert("L"), float) - expected).mean() < 4


def test_the_manifest_names_source_and_bytes_of_every_image(root: Path, tmp_path: Path) -> None:
    make(root, tmp_path / "pack")
    content = json.loads((tmp_path / "pack/pack.json").read_text())
    assert (content["size"], content["per_class"]) == (24, 2)
    there = files(tmp_path / "pack")
    named = {
        f"{label}/{item}": made for label, split in content["splits"].items() for item, made in split["items"].items()
    }
    assert set(there) == {*named, "pack.json", "TERMS.txt", "opensets/pool/relevance.csv"}
    assert all(there[path] == made["sha256"] for path, made in named.items())
    for label, split in content["splits"].items():
        assert all((root / label / made["from"]).is_file() for made in split["items"].values())
    source = open_source(DataRoot(root), "opensets", "pool", "train", tmp_path / "runs").manifest.images_sha256
    assert content["splits"]["opensets/pool/train"]["source"] == source


def test_data_check_holds_a_pack_to_its_manifest(root: Path, tmp_path: Path) -> None:
    make(root, tmp_path / "pack")

    def faults() -> tuple[str, ...]:
        return Inspection(DataRoot(tmp_path / "pack"), tmp_path / "runs").inspect(["leaves"], ["pool"]).faults

    assert faults() == ()
    first, second, *_ = sorted((tmp_path / "pack/targets/leaves/train/ash").iterdir())
    save(99, first, (24, 24))
    second.unlink()
    assert faults() == (
        f"targets/leaves/train/ash/{first.name} has other bytes than pack.json says",
        f"targets/leaves/train/ash/{second.name} is missing: pack.json names it",
    )
    (tmp_path / "pack/pack.json").write_text((tmp_path / "pack/pack.json").read_text().replace("24", "25"))
    assert len(faults()) == 1 and "pack.json is damaged" in faults()[0]


def test_terms_of_registered_data_sets_travel_with_their_images(root: Path, tmp_path: Path) -> None:
    (root / "targets/dogs").symlink_to(root / "targets/leaves")
    make(root, tmp_path / "pack", PackRequest(("dogs", "leaves"), (), 24, 1))
    text = (tmp_path / "pack/TERMS.txt").read_text()
    assert "dogs: research only" in text and "leaves: see where you have it from" in text


@pytest.mark.parametrize("place", ["there", "data/inside", "no/where"])
def test_places_that_cannot_be_are_refused(root: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match=r"there is no folder|is there already|lies in the data root"):
        make(root, tmp_path / place)
    assert not (tmp_path / "runs").exists() and not (root / "inside").exists()


def test_an_unreadable_image_of_a_target_is_refused_and_nothing_is_left(root: Path, tmp_path: Path) -> None:
    (root / "targets/leaves/train/ash/0.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"ash/0\.png"):
        make(root, tmp_path / "pack")
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_two_names_that_would_become_one_are_refused(root: Path, tmp_path: Path) -> None:
    save(70, root / "targets/leaves/train/oak/a.png")
    save(71, root / "targets/leaves/train/oak/a.png.jpg")
    save(72, root / "targets/leaves/test/oak/a.png")
    with pytest.raises(UserError, match=r"would both be called oak/a\.png\.jpg"):
        make(root, tmp_path / "pack")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "runs"}


def test_a_full_disk_is_one_line_and_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(size: int, items: Items, item: str) -> tuple[str, bytes]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "_small", full)
    with pytest.raises(UserError, match=r"No space left on device; name another folder with --out"):
        make(root, tmp_path / "pack")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "runs"}


@pytest.mark.parametrize("step", ["_terms", "write_atomically", "replace_synced"])
def test_an_error_at_the_very_end_leaves_nothing_and_hinders_no_second_call(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The last steps: terms, manifest, final name."""
    right = getattr(pack, step)

    def full(*arguments: object) -> object:
        if step == "write_atomically" and getattr(arguments[0], "name", "") != pack.MANIFEST:
            return right(*arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, step, full)
    with pytest.raises(UserError, match="No space left on device; name another folder with --out"):
        make(root, tmp_path / "pack")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "runs"}
    monkeypatch.undo()
    make(root, tmp_path / "pack")


@pytest.mark.parametrize("left", [[], [".begun"], ["..begun.17"], [".begun", "files/pack.json"]])
def test_a_call_that_was_killed_at_any_step_hinders_no_second_call(root: Path, tmp_path: Path, left: list) -> None:
    (tmp_path / ".pack.part").mkdir()
    for name in left:
        path = tmp_path / ".pack.part" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    make(root, tmp_path / "pack")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "pack", "runs"}


KILLED = """
import os, signal, sys
from pathlib import Path
from benchmark.images.pack import PackRequest, make_pack
from benchmark.images.sources import DataRoot
def progress(what, done, total):
    if what == "making targets/leaves/test smaller" and done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
root = Path(sys.argv[1])
request = PackRequest(("leaves",), ("pool",), 24, 2)
make_pack(DataRoot(root), request, root.parent / "pack", root.parent / "runs", progress)
"""


@pytest.fixture
def killed(root: Path, tmp_path: Path) -> Path:
    """What a killed call has left: the folder beside the pack's place."""
    process = subprocess.run([sys.executable, "-c", KILLED, str(root)])
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "pack").exists()
    return tmp_path / ".pack.part"


def test_a_killed_call_is_gone_on_from(
    root: Path, tmp_path: Path, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = next(killed.rglob("train/ash/*"))
    half.write_bytes(half.read_bytes()[:100])
    made: list[str] = []
    small = pack._small

    def watched(size: int, items: Items, item: str) -> tuple[str, bytes]:
        made.append(f"{items.label}/{item}")
        return small(size, items, item)

    monkeypatch.setattr(pack, "_small", watched)
    make(root, tmp_path / "pack")
    # The one that was cut, and those that had not been made.
    assert len(made) == 1 + 2 + 4 and made[0].startswith("targets/leaves/train/ash/")
    make(root, tmp_path / "unbroken")
    assert files(tmp_path / "pack") == files(tmp_path / "unbroken") and not killed.exists()


def test_what_another_request_has_left_is_not_used(root: Path, tmp_path: Path, killed: Path) -> None:
    make(root, tmp_path / "pack", PackRequest(("leaves",), ("pool",), 12, 2))
    assert Image.open(next((tmp_path / "pack").rglob("train/ash/*"))).size == (24, 12)
    assert len(files(tmp_path / "pack")) == 12 + 3


def test_a_folder_of_somebody_else_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / ".pack.part").mkdir()
    (tmp_path / ".pack.part/note").write_text("mine")
    with pytest.raises(UserError, match="is in the way"):
        make(root, tmp_path / "pack")
    assert [path.name for path in (tmp_path / ".pack.part").iterdir()] == ["note"]
