"""Reading image folders: what is found, in which order, with which labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.datasets.opensets import OPENSETS
from benchmark.errors import UserError
from benchmark.images.data import open_images
from benchmark.images.journal import Seen
from benchmark.images.manifest import join_manifests
from benchmark.images.scan import count_differences, find_manifest, open_source
from benchmark.images.sources import DataRoot, Source
from benchmark.specs.datasets import Target

Opened = Callable[..., Source]


def test_ids_are_sorted_paths_and_labels_follow_the_class_folders(opened: Opened) -> None:
    manifest = opened("targets", "leaves").manifest
    assert manifest.ids == tuple(f"{name}/{n}.jpg" for name in ("ash", "elm", "oak") for n in range(4))
    assert manifest.classes == ("ash", "elm", "oak")
    assert manifest.labels == (0,) * 4 + (1,) * 4 + (2,) * 4


def test_test_labels_count_in_the_classes_of_train(data: Path, opened: Opened) -> None:
    (data / "targets/leaves/test/ash").rename(data / "targets/leaves/test/oak")
    manifest = opened("targets", "leaves", "test").manifest
    assert manifest.classes == ("ash", "elm", "oak")
    assert manifest.labels == (1, 1, 2, 2)


def test_an_openset_may_nest_folders_and_have_none(opened: Opened) -> None:
    manifest = opened("opensets", "pool").manifest
    assert manifest.ids == ("dir-a/1.jpg", "dir-a/deep/2.JPEG", "dir-b/3.png", "loose.jpg")
    assert manifest.classes == ("", "dir-a", "dir-b")


def test_hidden_files_and_other_kinds_of_files_are_not_images(data: Path, opened: Opened) -> None:
    for name in (".hidden.jpg", "list.csv", "notes.txt", ".git/x.jpg"):
        path = data / "opensets/pool/train" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    manifest = opened("opensets", "pool").manifest
    assert len(manifest) == 4 and not manifest.skipped


def test_read_and_open_give_the_file_and_its_rgb_pixels(data: Path, opened: Opened) -> None:
    Image.new("L", (8, 6), 77).save(data / "targets/leaves/train/ash/0.jpg")
    source = opened("targets", "leaves")
    assert source.read(0) == (data / "targets/leaves/train/ash/0.jpg").read_bytes()
    image = source.open(0)
    assert (image.mode, image.size) == ("RGB", (8, 6))
    assert np.asarray(image).max() <= 78


def test_linked_folders_are_followed(data: Path, opened: Opened) -> None:
    (data / "opensets/linked/train").mkdir(parents=True)
    (data / "opensets/linked/train/all").symlink_to(data / "opensets/pool/train/dir-a")
    assert opened("opensets", "linked").manifest.ids == ("all/1.jpg", "all/deep/2.JPEG")


def test_names_lists_what_is_there(data: Path) -> None:
    assert DataRoot(data).names("targets") == ["leaves"]
    assert DataRoot(data).names("opensets") == ["pool"]


def test_all_is_its_parts_in_order(data: Path, store: Path, picture: Callable[..., None]) -> None:
    for seed, part in enumerate(OPENSETS.get("all").parts):
        picture(data / "opensets" / part / "train/x/1.jpg", seed)
    root = DataRoot(data)
    source = open_source(root, "opensets", "all", "train", store)
    parts = [open_source(root, "opensets", part, "train", store) for part in OPENSETS.get("all").parts]
    assert source.manifest.ids == tuple(f"{part.manifest.name}/x/1.jpg" for part in parts)
    assert source.manifest == join_manifests("all", [part.manifest for part in parts])
    assert [source.read(i) for i in range(4)] == [part.read(0) for part in parts]
    assert find_manifest(root, "opensets", "all", "train", store) == source.manifest


def test_counts_that_differ_from_the_registered_ones_are_reported(opened: Opened) -> None:
    facts = {"source": "-", "licence": "-", "citation": "-", "split": "-", "metric": "top1", "title": "Leaves"}
    manifests = [opened("targets", "leaves").manifest, opened("targets", "leaves", "test").manifest]
    right = Target(name="leaves", classes=3, train=12, test=4, **facts)
    wrong = Target(name="leaves", classes=4, train=5_990, test=4, **facts)
    assert count_differences(manifests, right) == []
    assert count_differences(manifests, wrong) == [
        "leaves: 12 train images, the paper used 5,990",
        "leaves: 3 classes, the paper used 4",
    ]


def test_openset_counts(opened: Opened) -> None:
    openset = OPENSETS.get("webfg").model_copy(update={"name": "pool"})
    lines = count_differences([opened("opensets", "pool").manifest], openset)
    assert lines == ["pool: 4 train images, the paper used 53,339"]


def test_a_manifest_is_found_again_without_reading_images(
    data: Path, opened: Opened, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_manifest(DataRoot(data), "targets", "leaves", "train", store) is None
    manifest = opened("targets", "leaves").manifest
    monkeypatch.setattr("benchmark.images.scan.scan", lambda *_: pytest.fail("read again"))
    assert find_manifest(DataRoot(data), "targets", "leaves", "train", store) == manifest
    assert opened("targets", "leaves").manifest == manifest


def test_absent_images_are_an_open_question_to_a_plan(data: Path, store: Path) -> None:
    (data / "targets/bare/train").mkdir(parents=True)
    for name in ("leafs", "bare"):
        assert find_manifest(DataRoot(data), "targets", name, "train", store) is None
    assert find_manifest(DataRoot(data / "nowhere"), "opensets", "pool", "train", store) is None


def test_reading_reports_its_progress(data: Path, store: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    open_source(DataRoot(data), "opensets", "pool", "train", store, lambda *step: steps.append(step))
    assert steps[-1] == ("reading opensets/pool/train", 4, 4)


def test_real_images_need_a_data_root() -> None:
    with pytest.raises(UserError, match="give --data-root or set BENCHMARK_DATA"):
        open_images(None, standins=False)


def test_images_that_were_read_before_are_not_opened_again(
    tmp_path: Path, store: Path, picture: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        picture(tmp_path / f"data/opensets/many/train/{number % 3}/{number}.jpg", number, (8, 8))
    root = DataRoot(tmp_path / "data")
    manifest = open_source(root, "opensets", "many", "train", store).manifest

    def look(_: object, item: str) -> Seen:
        raise AssertionError(f"{item} was opened again")

    monkeypatch.setattr("benchmark.images.scan._look", look)
    assert find_manifest(root, "opensets", "many", "train", store) == manifest
