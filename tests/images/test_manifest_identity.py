"""A manifest is the identity of images: contents move it, places and times do not. It is cached whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.images.manifest import Manifest, load_manifest
from benchmark.images.scan import find_manifest, open_source
from benchmark.images.sources import DataRoot, Source

Opened = Callable[..., Source]


def test_content_moves_the_identity(data: Path, opened: Opened, picture: Callable[..., None]) -> None:
    before = opened("targets", "leaves").manifest.sha256
    picture(data / "targets/leaves/train/ash/0.jpg", 999)
    assert opened("targets", "leaves").manifest.sha256 != before


def test_a_name_moves_the_identity(data: Path, opened: Opened) -> None:
    before = opened("targets", "leaves").manifest.sha256
    (data / "targets/leaves/train/ash/0.jpg").rename(data / "targets/leaves/train/ash/00.jpg")
    assert opened("targets", "leaves").manifest.sha256 != before


def test_times_and_places_do_not(data: Path, opened: Opened, store: Path, tmp_path: Path) -> None:
    before = opened("targets", "leaves").manifest
    os.utime(data / "targets/leaves/train/ash/0.jpg", (1, 1))
    assert find_manifest(DataRoot(data), "targets", "leaves", "train", store) is None
    assert opened("targets", "leaves").manifest.sha256 == before.sha256
    shutil.copytree(data, tmp_path / "elsewhere")
    (tmp_path / "elsewhere/targets/leaves").rename(tmp_path / "elsewhere/targets/trees")
    moved = open_source(DataRoot(tmp_path / "elsewhere"), "targets", "trees", "train", store)
    assert moved.manifest.sha256 == before.sha256


def test_labels_count_for_targets_only(opened: Opened) -> None:
    target, pool = opened("targets", "leaves").manifest, opened("opensets", "pool").manifest
    assert replace(target, labels=tuple(reversed(target.labels))).sha256 != target.sha256
    assert replace(pool, labels=tuple(reversed(pool.labels))).sha256 == pool.sha256


def test_the_order_of_equal_parts_counts(opened: Opened) -> None:
    pool = opened("opensets", "pool").manifest
    assert replace(pool, ids=pool.ids[::-1], digests=pool.digests[::-1]).sha256 != pool.sha256


def test_save_and_load(opened: Opened, tmp_path: Path) -> None:
    manifest = replace(opened("targets", "leaves").manifest, skipped=(("ash/9.jpg", "no image"),))
    manifest.save(tmp_path / "m.json")
    assert load_manifest(tmp_path / "m.json") == manifest


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda text: text.replace("ash/0", "ash/7"), lambda _: "[]"]
)
def test_a_damaged_manifest_is_none(opened: Opened, tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = tmp_path / "m.json"
    opened("targets", "leaves").manifest.save(path)
    path.write_text(damage(path.read_text()))
    assert load_manifest(path) is None
    assert load_manifest(tmp_path / "absent.json") is None


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
