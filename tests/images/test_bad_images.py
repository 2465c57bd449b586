"""What a user can get wrong with images: one line that names the thing and the way out, and nothing written."""

import contextlib
import os
import socket
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


@pytest.mark.parametrize("place", ["", "dir-a/", "dir-a/deep/"])
@pytest.mark.parametrize("depth", [0, 1])
def test_a_link_to_a_folder_that_holds_it_is_named(data: Path, store: Path, place: str, depth: int) -> None:
    pool = data / "opensets/pool/train"
    holder = (pool / place).parents[depth - 1] if depth else pool / place
    (pool / place / "again").symlink_to(holder)
    text = message(data, store, "opensets", "pool")
    link = f"{place}again" if len(holder.parts) >= len(pool.parts) else f"{place}again/train"
    assert f"opensets/pool/train: {link} leads back to a folder above it: remove the link in a circle" in text


def test_two_folders_that_link_to_each_other_are_a_circle_too(data: Path, store: Path) -> None:
    pool = data / "opensets/pool/train"
    (pool / "dir-a/b").symlink_to(pool / "dir-b")
    (pool / "dir-b/a").symlink_to(pool / "dir-a")
    assert "leads back to a folder above it" in message(data, store, "opensets", "pool")


def test_two_links_to_one_folder_are_no_circle(data: Path, opened: Opened) -> None:
    pool = data / "opensets/pool/train"
    for name in ("once", "twice"):
        (pool / name).symlink_to(pool / "dir-a")
    ids = opened("opensets", "pool").manifest.ids
    assert {"once/1.jpg", "once/deep/2.JPEG", "twice/1.jpg", "twice/deep/2.JPEG"} < set(ids) and len(ids) == 8


def test_folders_that_a_file_system_numbers_alike_are_no_circle(
    data: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.images.items._place", lambda status: (0, 0))
    assert len(opened("opensets", "pool").manifest) == 4


@pytest.mark.parametrize(("name", "goal"), [("more", "more"), ("more", "gone"), ("v1.0", "gone"), ("x.csv", "x.csv")])
def test_a_link_to_itself_or_to_nowhere_that_may_be_a_folder(data: Path, store: Path, name: str, goal: str) -> None:
    (data / "opensets/pool/train/dir-a" / name).symlink_to(goal)
    text = message(data, store, "opensets", "pool")
    assert f"dir-a/{name} is a link that cannot be followed; mend or remove it" in text


def test_an_image_that_is_a_link_to_itself_is_an_unreadable_image(data: Path, store: Path) -> None:
    (data / "targets/leaves/train/elm/9.jpg").symlink_to("9.jpg")
    assert "elm/9.jpg (a link in a circle)" in message(data, store, "targets", "leaves")


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):
        # From its own folder: the path of a socket may have a hundred characters.
        one.bind(path.name)


@pytest.mark.parametrize("make", [os.mkfifo, socket_at, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_an_unreadable_image(data: Path, store: Path, make: Callable[[Path], None]) -> None:
    make(data / "targets/leaves/train/elm/9.jpg")
    assert "elm/9.jpg (a pipe, a socket or a device)" in message(data, store, "targets", "leaves")


def test_a_folder_that_cannot_be_listed_is_named(data: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def closed(path: Path) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    # Not by its mode: root may list everything.
    monkeypatch.setattr("os.scandir", closed)
    text = message(data, store, "opensets", "pool")
    assert f"the folder {data}/opensets/pool/train/dir-a/deep cannot be listed: Permission denied" in text


def test_a_data_root_that_cannot_be_listed_is_named(data: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    assert f"{data}/opensets cannot be listed: Permission denied" in message(data, store, "opensets", "pool")


def test_broken_links_in_an_openset_are_left_out_and_named(
    data: Path, opened: Opened, picture: Callable[..., None]
) -> None:
    for number in range(300):
        picture(data / f"opensets/pool/train/many/{number:03d}.jpg", number, (8, 8))
    (data / "opensets/pool/train/many/self.jpg").symlink_to("self.jpg")
    os.mkfifo(data / "opensets/pool/train/many/pipe.jpg")
    skipped = opened("opensets", "pool").manifest.skipped
    assert skipped == (("many/pipe.jpg", "a pipe, a socket or a device"), ("many/self.jpg", "a link in a circle"))


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
