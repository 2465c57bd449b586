"""The identity of images: contents and ids move it; places, times, names, roles and labels do not.

What was read is kept by its place, whole or not at all.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.images import scan
from benchmark.images.items import Items
from benchmark.images.journal import Seen
from benchmark.images.manifest import Contents, Manifest, load_contents
from benchmark.images.scan import find_manifest, open_source
from benchmark.images.sources import DataRoot, NamedFolders, Source

Opened = Callable[..., Source]


def test_content_moves_the_identity(data: Path, opened: Opened, picture: Callable[..., None]) -> None:
    before = opened("targets", "leaves").manifest
    picture(data / "targets/leaves/train/ash/0.jpg", 999)
    after = opened("targets", "leaves").manifest
    assert after.images_sha256 != before.images_sha256 and after.labels_sha256 == before.labels_sha256


def test_a_name_moves_the_identity(data: Path, opened: Opened) -> None:
    before = opened("targets", "leaves").manifest.images_sha256
    (data / "targets/leaves/train/ash/0.jpg").rename(data / "targets/leaves/train/ash/00.jpg")
    assert opened("targets", "leaves").manifest.images_sha256 != before


def test_the_class_folder_is_part_of_an_id(data: Path, opened: Opened) -> None:
    """An image in another class folder has another id and another place in the order of the images."""
    before = opened("targets", "leaves").manifest
    (data / "targets/leaves/train/ash/3.jpg").rename(data / "targets/leaves/train/elm/9.jpg")
    after = opened("targets", "leaves").manifest
    assert after.images_sha256 != before.images_sha256 and after.labels_sha256 != before.labels_sha256


def test_a_class_more_in_train_moves_the_labels_of_test_and_not_its_images(
    data: Path, opened: Opened, picture: Callable[..., None]
) -> None:
    before = opened("targets", "leaves", "test").manifest
    picture(data / "targets/leaves/train/beech/0.jpg", 999)
    after = opened("targets", "leaves", "test").manifest
    assert (before.labels, after.labels) == ((0, 0, 1, 1), (0, 0, 2, 2))
    assert after.images_sha256 == before.images_sha256 and after.labels_sha256 != before.labels_sha256


def test_times_and_places_do_not(data: Path, opened: Opened, store: Path, tmp_path: Path) -> None:
    before = opened("targets", "leaves").manifest
    os.utime(data / "targets/leaves/train/ash/0.jpg", (1, 1))
    assert find_manifest(DataRoot(data), "targets", "leaves", "train", store) is None
    assert opened("targets", "leaves").manifest.images_sha256 == before.images_sha256
    shutil.copytree(data, tmp_path / "elsewhere")
    (tmp_path / "elsewhere/targets/leaves").rename(tmp_path / "elsewhere/targets/trees")
    moved = open_source(DataRoot(tmp_path / "elsewhere"), "targets", "trees", "train", store)
    assert (moved.manifest.images_sha256, moved.manifest.labels_sha256) == (before.images_sha256, before.labels_sha256)


def test_labels_have_an_identity_of_their_own(opened: Opened) -> None:
    manifest = opened("targets", "leaves").manifest
    relabelled = replace(manifest, labels=tuple(reversed(manifest.labels)))
    assert relabelled.images_sha256 == manifest.images_sha256
    assert relabelled.labels_sha256 != manifest.labels_sha256


# Other names and roles -----------------------------------------------------------------------------------------------
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


def test_a_folder_has_one_identity_whatever_its_name_and_role_and_is_read_once(
    data: Path, opened: Opened, store: Path, tmp_path: Path, reads: list[str]
) -> None:
    before = opened("targets", "leaves").manifest
    assert len(reads) == 12
    (tmp_path / "link").symlink_to(data / "targets/leaves/train")
    for place in (data / "targets/leaves/train", tmp_path / "link"):
        folders = NamedFolders()
        manifest = find_manifest(folders, "opensets", str(place), "train", store)
        assert manifest == open_source(folders, "opensets", str(place), "train", store).manifest
        assert manifest is not None and manifest.images_sha256 == before.images_sha256
        assert (manifest.role, manifest.label) == ("opensets", str(place))
    assert len(reads) == 12


def test_an_unreadable_file_that_a_pool_may_have_is_refused_in_a_target(
    data: Path, opened: Opened, store: Path, picture: Callable[..., None]
) -> None:
    folder = data / "targets/leaves/train"
    for number in range(100):
        picture(folder / f"ash/1{number:02d}.jpg", number, (8, 8))
    (folder / "ash/199.jpg").write_bytes(b"no image")
    pool = open_source(NamedFolders(), "opensets", str(folder), "train", store).manifest
    assert [item for item, _ in pool.skipped] == ["ash/199.jpg"]
    assert find_manifest(DataRoot(data), "targets", "leaves", "train", store) is None
    with pytest.raises(UserError, match=f"^{folder}: 1 of 112 files are no readable images; the first is"):
        open_source(NamedFolders(), "targets", str(folder), "train", store)
    with pytest.raises(UserError, match=r"targets/leaves/train: 1 of 112 files are no readable images; the first is"):
        opened("targets", "leaves")


# Keeping -------------------------------------------------------------------------------------------------------------


def test_the_order_of_equal_parts_counts(opened: Opened) -> None:
    pool = opened("opensets", "pool").manifest
    assert replace(pool, ids=pool.ids[::-1], digests=pool.digests[::-1]).images_sha256 != pool.images_sha256


CONTENTS = Contents(("ash/0.jpg", "ash/1.jpg"), ("a" * 64, "b" * 64), (("ash/9.jpg", "no image"),))


def test_save_and_load(tmp_path: Path) -> None:
    CONTENTS.save(tmp_path / "m.json")
    assert load_contents(tmp_path / "m.json") == CONTENTS


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("ash/0", "ash/7"),
        lambda text: text.replace("no image", "none"),
        lambda _: "[]",
    ],
)
def test_damaged_contents_are_none(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = tmp_path / "m.json"
    CONTENTS.save(path)
    path.write_text(damage(path.read_text()))
    assert load_contents(path) is None
    assert load_contents(tmp_path / "absent.json") is None


def test_a_new_file_is_seen(data: Path, opened: Opened, picture: Callable[..., None]) -> None:
    opened("opensets", "pool")
    picture(data / "opensets/pool/train/dir-b/4.jpg", 5)
    assert "dir-b/4.jpg" in opened("opensets", "pool").manifest.ids


def test_a_kill_before_the_rename_leaves_nothing_to_read(data: Path, store: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot
os.replace = Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
open_source(DataRoot(Path({str(data)!r})), "opensets", "pool", "train", Path({str(store)!r}))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert any((store / "manifests").iterdir())
    assert find_manifest(DataRoot(data), "opensets", "pool", "train", store) is None
    manifest = open_source(DataRoot(data), "opensets", "pool", "train", store).manifest
    assert find_manifest(DataRoot(data), "opensets", "pool", "train", store) == manifest


def test_length_and_label() -> None:
    manifest = Manifest("opensets", "pool", "train", ("a.jpg",), (0,), ("",), ("d",))
    assert len(manifest) == 1 and manifest.label == "opensets/pool/train"
