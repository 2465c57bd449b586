"""What a user can get wrong with images: one line that names the thing and the way out, and nothing written."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot, Source

Opened = Callable[..., Source]


def message(root: Path, store: Path, role: str, name: str, split: str = "train") -> str:
    """The one line of the error that opening a split gives."""
    with pytest.raises(UserError) as caught:
        open_source(DataRoot(root), role, name, split, store)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    assert not store.exists()
    return text


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def test_missing_data_root(tmp_path: Path, store: Path) -> None:
    text = message(tmp_path / "nowhere", store, "targets", "leaves")
    assert f"data root {tmp_path / 'nowhere'} does not exist" in text
    assert "targets/<name>/{train,test}/<class>/<image>" in text


def test_data_root_without_data(tmp_path: Path, store: Path) -> None:
    (tmp_path / "data/photos").mkdir(parents=True)
    text = message(tmp_path / "data", store, "targets", "leaves")
    assert "holds neither targets nor open-sets (found: photos)" in text


def test_unknown_name_gets_what_is_there(data: Path, store: Path) -> None:
    text = message(data, store, "targets", "leafs")
    assert "(found in targets/: leaves; did you mean leaves?)" in text


def test_a_name_cannot_lead_out_of_the_data_root(data: Path, store: Path) -> None:
    assert "does not exist" in message(data, store, "targets", "../targets/leaves")


def test_missing_split(data: Path, store: Path) -> None:
    (data / "targets/leaves/test").rename(data / "targets/leaves/val")
    text = message(data, store, "targets", "leaves", "test")
    assert "targets/leaves/test" in text and "(found there: train, val)" in text


def test_empty_folder(data: Path, store: Path) -> None:
    (data / "opensets/bare/train").mkdir(parents=True)
    assert "holds no images" in message(data, store, "opensets", "bare")
    (data / "opensets/bare/train/images.zip").write_text("x")
    assert "only 1 files with .zip" in message(data, store, "opensets", "bare")


def test_target_images_outside_of_class_folders(data: Path, store: Path) -> None:
    (data / "targets/leaves/train/ash/0.jpg").rename(data / "targets/leaves/train/0.jpg")
    text = message(data, store, "targets", "leaves")
    assert "1 images lie outside of class folders (0.jpg)" in text


def test_a_class_in_test_that_train_lacks(data: Path, store: Path) -> None:
    (data / "targets/leaves/test/ash").rename(data / "targets/leaves/test/yew")
    text = message(data, store, "targets", "leaves", "test")
    assert "targets/leaves/test has 1 classes that targets/leaves/train lacks: yew" in text


def test_a_truncated_file_in_a_target(data: Path, store: Path) -> None:
    truncate(data / "targets/leaves/train/elm/2.jpg")
    text = message(data, store, "targets", "leaves")
    assert "1 of 12 files are no readable images; the first is elm/2.jpg (image file is truncated" in text


def test_a_web_page_called_jpg(data: Path, store: Path) -> None:
    (data / "targets/leaves/train/elm/2.jpg").write_text("<!doctype html>")
    text = message(data, store, "targets", "leaves")
    assert "elm/2.jpg (cannot identify image file)" in text


def test_a_link_to_nowhere(data: Path, store: Path) -> None:
    (data / "targets/leaves/train/elm/9.jpg").symlink_to(data / "gone.jpg")
    assert "elm/9.jpg (a link to nowhere)" in message(data, store, "targets", "leaves")


def test_too_many_bad_files_in_an_openset(data: Path, store: Path) -> None:
    truncate(data / "opensets/pool/train/loose.jpg")
    text = message(data, store, "opensets", "pool")
    assert "1 of 4 files are no readable images, more than the 1% that an open-set may have" in text


def test_a_few_bad_files_in_an_openset_are_named_and_skipped(
    data: Path, opened: Opened, picture: Callable[..., None]
) -> None:
    for number in range(200):
        picture(data / f"opensets/pool/train/many/{number:03d}.jpg", number, (8, 8))
    truncate(data / "opensets/pool/train/loose.jpg")
    source = opened("opensets", "pool")
    assert len(source) == 203 and "loose.jpg" not in source.manifest.ids
    assert [item for item, _ in source.manifest.skipped] == ["loose.jpg"]
    assert opened("opensets", "pool").manifest.skipped == source.manifest.skipped
    assert source.open(202).size == (8, 8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_never_skipped(data: Path, store: Path) -> None:
    (data / "opensets/pool/train/loose.jpg").chmod(0)
    assert "loose.jpg cannot be read: Permission denied" in message(data, store, "opensets", "pool")


def test_a_disk_error_is_never_skipped(data: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, item: str) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("benchmark.images.items.Folder.read", fail)
    assert "dir-a/1.jpg cannot be read: Input/output error" in message(data, store, "opensets", "pool")
