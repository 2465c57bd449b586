"""`data prepare`: bad input is one line and leaves nothing; a killed call is gone on with, a whole one left alone."""

import dataclasses
import errno
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.__main__ import main
from benchmark.commands.data import prepare as verb
from benchmark.datasets.archives import place, prepare
from benchmark.datasets.archives.formats import lines, mat, voc_boxes, xml
from benchmark.datasets.archives.official import OfficialImage, official
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UserError
from tests.datasets import miniature_opensets, miniatures
from tests.datasets.preparing import assert_refused, edit, leftovers
from tests.datasets.test_official_archives import KINDS, images_below, prepare_small

ROOT = Path(__file__).resolve().parents[2]


# Bad input -----------------------------------------------------------------------------------------------------------


def test_counts_are_those_registered(source: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miniatures.mit67(source)
    command = ["data", "prepare", "mit67", "--from", str(source), "--data-root", str(root)]
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == 2 and leftovers(root) == []
    error = capsys.readouterr().err
    assert "2 classes for 67, 2 train for 5,360, 2 test for 1,340 as registered" in error and error.count("\n") == 1
    with pytest.raises(SystemExit) as end:
        main([*command, "--unverified"])
    assert end.value.code == 0
    assert "mit67: 2 train, 2 test in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "stated"), [("dtd", "625,239,812"), ("cub", "97eceeb196236b17998738112f37df78")], ids=["size", "MD5"]
)
def test_size_and_checksum_that_are_stated_are_held(
    source: Path, root: Path, capsys: pytest.CaptureFixture[str], name: str, stated: str
) -> None:
    getattr(miniatures, name)(source)
    with pytest.raises(SystemExit) as end:
        main(["data", "prepare", name, "--from", str(source), "--data-root", str(root)])
    assert end.value.code == 2 and leftovers(root) == []
    assert f"{stated} is stated for it" in capsys.readouterr().err


def test_a_wrong_archive_is_named_by_its_content(source: Path, root: Path) -> None:
    miniatures.cub(source)
    (source / "CUB_200_2011.tgz").rename(source / "fgvc-aircraft-2013b.tar.gz")
    assert_refused("aircraft", source, root, "is not the archive of aircraft: there is no fgvc.*it looks like cub")


def test_a_folder_of_another_data_set_is_an_error(source: Path, root: Path) -> None:
    miniatures.flowers(source)
    assert_refused(
        "dtd", source, root, r"lacks dtd-r1\.0\.1\.tar\.gz \(found: 102flowers\.tgz, .*it looks like flowers\)"
    )
    assert_refused("cars", source, root, r"lacks car_ims\.tgz, cars_annos\.mat")
    assert_refused("dtd", source / "absent", root, "is no folder")


def test_a_web_page_in_place_of_an_archive_is_an_error(source: Path, root: Path) -> None:
    (source / "archive.zip").write_text("<!doctype html><html>Sign in to Kaggle</html>")
    assert_refused("food11", source, root, r"archive\.zip is not what its name says: it is a web page")


def test_a_missing_list_is_named(source: Path, root: Path) -> None:
    miniatures.aircraft(source)
    edit(source / "fgvc-aircraft-2013b.tar.gz", **{"images_family_test.txt": None})
    assert_refused("aircraft", source, root, r"2013b\.tar\.gz lacks .*images_family_test\.txt")


def test_images_of_lists_that_do_not_exist_are_counted_and_five_named(source: Path, root: Path) -> None:
    miniatures.mit67(source)
    absent = [f"winecellar/{number}.jpg" for number in range(7)]
    with (source / "TrainImages.txt").open("a") as file:
        file.write("\n" + "\n".join(absent))
    match = r"7 images are in its lists and not in the download: 0\.jpg, 1\.jpg, 2\.jpg, 3\.jpg, 4\.jpg$"
    assert_refused("mit67", source, root, match)


def test_names_that_no_file_can_have_are_named_as_absent(source: Path, root: Path) -> None:
    miniatures.mit67(source)
    with (source / "TrainImages.txt").open("a") as file:
        file.write(f"\nwinecellar/{'a' * 300}.jpg\nwinecellar/a\x9bb.jpg")
    refused = r"2 images are in its lists and not in the download: 'a\\x9bb\.jpg', 'a{100}'$"
    assert_refused("mit67", source, root, refused)


@pytest.mark.parametrize(
    "error", [AttributeError("no such\nthing"), MemoryError(), Image.DecompressionBombError("big")]
)
def test_whatever_a_reader_raises_is_one_line(error: Exception, source: Path, root: Path) -> None:
    def read(tree: Path) -> Iterator[OfficialImage]:
        raise error
        yield

    download = official(TARGETS.get("mit67"))
    miniatures.mit67(source)
    broken = dataclasses.replace(download, read=read)  # type: ignore[type-var]
    with pytest.raises(UserError, match=f"mit67: its files cannot be read: {type(error).__name__}: [a-z ]*$"):
        prepare.prepare(TARGETS.get("mit67"), broken, source, root, lambda *_: None)  # type: ignore[arg-type]
    assert list(root.iterdir()) == []


def test_a_mask_that_cannot_be_made_is_named(source: Path, root: Path) -> None:
    expected = miniatures.cub(source)
    with tarfile.open(source / "segmentations.tgz") as tar:
        files = {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}  # type: ignore[union-attr]
    stem = Path(min(expected)).stem
    (name,) = (name for name in files if Path(name).stem == stem)
    miniatures.write_tar(source / "segmentations.tgz", files | {name: files[name][:40]})
    assert_refused("cub", source, root, rf"^{stem}\.png cannot be made of the official files: \w+: ", expected)


@pytest.mark.parametrize(
    "line", ["../../../secret.jpg", "/etc/passwd", "winecellar/../../../secret.jpg", "winecellar/../../secret.jpg"]
)
def test_a_list_cannot_name_a_file_outside_of_the_download(line: str, source: Path, root: Path) -> None:
    miniatures.mit67(source)
    (source.parent / "secret.jpg").write_bytes(miniatures.picture(1))
    with (source / "TestImages.txt").open("a") as file:
        file.write("\n" + line)
    assert_refused("mit67", source, root, "lead out of the download")


def test_images_that_one_disk_cannot_tell_apart_are_refused(source: Path, root: Path) -> None:
    files = {"training/Bread/a.jpg": b"x", "evaluation/Bread/a.jpg": b"x", "validation/Bread/a.jpg": b"x"}
    for place_, content in files.items():
        (source / place_).parent.mkdir(parents=True)
        (source / place_).write_bytes(content)
    (source / "training/Bread/A.jpg").write_bytes(b"x")
    assert_refused("food11", source, root, r"2 images differ from another one only in case.*: A\.jpg, a\.jpg")


def test_two_images_of_one_place_are_refused(source: Path, root: Path) -> None:
    miniature_opensets.webfg(source)
    edit(source / "web-bird.tar.gz", **{"Black_footed_Albatross/2.jpg": None})
    with tarfile.open(source / "web-bird.tar.gz") as tar:
        files = {info.name: tar.extractfile(info).read() for info in tar if info.isreg()}  # type: ignore[union-attr]
    files["web-bird/train/001.Black_footed_Albatross/1.jpg"] = miniatures.picture(9)
    miniatures.write_tar(source / "web-bird.tar.gz", files)
    assert_refused("webfg", source, root, r"2 images have the place of another one: 1\.jpg, 1\.jpg")


def test_a_target_has_no_files_that_are_no_images(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    edit(source / "indoorCVPR_09.tar", **{"airport_inside_0001.jpg": b"\x7fELF\2\1\1" + bytes(50)})
    assert_refused(
        "mit67", source, root, r"1 images are no images by their content: airport_inside_0001\.jpg", expected
    )


@pytest.mark.parametrize(("count", "taken"), [(199, True), (99, True), (98, False)])
def test_one_in_a_hundred_files_of_an_openset_may_be_no_image(
    count: int, taken: bool, source: Path, root: Path
) -> None:
    folder = source / "train2017"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03d}.jpg").write_bytes(miniatures.picture(1))
    (folder / "page.jpg").write_bytes(b"<html>gone</html>")
    places = [f"train/train2017/{path.name}" for path in folder.iterdir()]
    if not taken:
        assert_refused("coco", source, root, r"are no images by their content: page\.jpg", places)
        return
    prepared = prepare_small("coco", source, root, places)
    assert prepared.left_out == ("train/train2017/page.jpg",) and prepared.counts == {"train": count}
    assert "left out, no images by their content: 1 files, first train/train2017/page.jpg" in verb.text(
        "coco", prepared
    )


@pytest.mark.parametrize(("number", "text"), [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot be written")])
def test_a_full_or_read_only_disk_is_one_line_and_leaves_nothing(
    number: int, text: str, source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = miniatures.mit67(source)
    calls = []

    def fail(content: object, path: Path, link: bool) -> bool:
        calls.append(path)
        if len(calls) == 3:
            raise OSError(number, os.strerror(number), str(path))
        return put(content, path, link)  # type: ignore[arg-type]

    put = place._put
    monkeypatch.setattr(place, "_put", fail)
    assert_refused("mit67", source, root, text, expected)
    assert len(calls) == 3


def test_a_data_root_that_is_no_folder_is_an_error(source: Path, root: Path) -> None:
    expected = miniatures.mit67(source)
    root.write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        prepare_small("mit67", source, root, expected)
    assert root.read_text() == "a file"


def test_names_that_are_no_single_download(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="made of coco, inaturalist, imagenet, places as a run reads it"):
        verb.prepare_data("all", source, root)
    with pytest.raises(UserError, match="unknown data set 'aircrafts'; did you mean aircraft"):
        verb.prepare_data("aircrafts", source, root)
    monkeypatch.setitem(TARGETS._entries, "coco", TARGETS.get("dtd"))
    with pytest.raises(UserError, match="a target and an open-set have the name coco"):
        verb.prepare_data("coco", source, root)


def test_official_files_that_are_damaged_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"MATLAB 5.0 MAT-file, cut")
    with pytest.raises(UserError, match="list is no MATLAB file"):
        mat(path, "labels")
    path.write_bytes(miniatures.mat_file(other=1))
    with pytest.raises(UserError, match="lacks the variable labels"):
        mat(path, "labels")
    path.write_bytes(b"1.jpg\0\0")
    with pytest.raises(UserError, match="is no text file"):
        lines(path)
    path.write_bytes(b"<annotation><object>")
    with pytest.raises(UserError, match="is no XML"):
        voc_boxes(path, 0)
    large = miniatures.mat_file(labels=np.zeros((2, 3)))
    stated = np.array([2, 3], "<i4").tobytes()
    assert large.count(stated) == 1
    path.write_bytes(large.replace(stated, np.array([2**30, 3], "<i4").tobytes()))
    with pytest.raises(UserError, match="states more than 16,777,216 values"):
        mat(path, "labels")
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes('<!DOCTYPE a [<!ENTITY b "lol">]><a>&b;</a>'.encode(encoding))
        with pytest.raises(UserError, match="defines XML entities"):
            xml(path)
    path.write_bytes("caf\xe9.jpg".encode("latin-1"))
    assert lines(path) == ["café.jpg"]
    path.write_bytes(b"a\x85b.jpg\r\n\r\n c.jpg\n")
    assert lines(path) == ["a\x85b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("kind", "archive", "end", "content"),
    [
        ("aircraft", "fgvc-aircraft-2013b.tar.gz", "images_box.txt", b"0056978 1 2\n"),
        ("aircraft", "fgvc-aircraft-2013b.tar.gz", "images_family_test.txt", b"1025794 A family of nobody\n"),
        ("cub", "CUB_200_2011.tgz", "train_test_split.txt", b"1 0\n"),
        ("dogs", "lists.tar", "train_list.mat", b"no .mat"),
        ("dtd", "dtd-r1.0.1.tar.gz", "train1.txt", b"one word\n"),
        ("pets", "annotations.tar.gz", "trainval.txt", b"Abyssinian_1 one 1 1\n"),
    ],
)
def test_lists_that_make_no_sense_are_one_line(
    kind: str, archive: str, end: str, content: bytes, source: Path, root: Path
) -> None:
    KINDS[kind][1](source)
    edit(source / archive, **{end: content})
    assert_refused(kind, source, root, f"{kind}: its files cannot be read|columns expected|no MATLAB file")


# Links and copies ----------------------------------------------------------------------------------------------------


def test_images_are_hard_links_or_copies(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = source / "train2017" / "1.jpg"
    file.parent.mkdir()
    file.write_bytes(miniatures.picture(1))
    linked = prepare_small("coco", source, root, ["train/a"])
    assert (linked.linked, linked.copied) == (1, 0)
    assert (linked.folder / "train/train2017/1.jpg").samefile(file)
    copied = prepare_small("coco", source, root / "copies", ["train/a"], link=False)
    assert (copied.linked, copied.copied) == (0, 1)

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(place.os, "link", refuse)
    other = prepare_small("coco", source, root / "elsewhere", ["train/a"])
    assert (other.linked, other.copied) == (0, 1)
    for prepared in (copied, other):
        place_ = prepared.folder / "train/train2017/1.jpg"
        assert not place_.samefile(file) and place_.read_bytes() == file.read_bytes()


def test_links_to_files_elsewhere_are_followed(source: Path, root: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "1.jpg").write_bytes(miniatures.picture(1))
    (source / "train2017").symlink_to(tmp_path / "disk")
    prepared = prepare_small("coco", source, root, ["train/a"])
    assert not (prepared.folder / "train/train2017/1.jpg").is_symlink()


def test_the_record_says_what_a_data_set_was_made_of(source: Path, root: Path) -> None:
    expected = miniatures.celeba(source)
    folder = prepare_small("celeba", source, root, expected).folder
    record = json.loads((folder / prepare.RECORD).read_text())
    assert sorted(record["made_of"]) == ["CelebAMask-HQ.zip", "identity_CelebA.txt"]
    assert record["images"] == {"train": 24, "test": 7} and "images of a split may not be" in record["note"]


def test_the_order_of_a_folder_does_not_change_the_split_of_faces(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = miniatures.celeba(source)
    first = prepare_small("celeba", source, root / "one", expected)
    listdir, scandir = os.listdir, os.scandir
    monkeypatch.setattr(os, "listdir", lambda *arguments: sorted(listdir(*arguments), reverse=True))
    assert scandir is os.scandir
    second = prepare_small("celeba", source, root / "two", expected)
    assert images_below(first.folder) == images_below(second.folder)


# Readers and parts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["no_such_module:official", "json:official", "json:loads"])
def test_a_reader_that_is_none_is_an_error(value: str) -> None:
    entry = TARGETS.get("dtd").model_copy(update={"official": value})
    with pytest.raises(UserError, match=r"names nothing|not an Official"):
        official(entry)
    assert official(entry.model_copy(update={"official": ""})) is None


def test_parts_that_overlap_are_merged_or_an_error(source: Path, root: Path) -> None:
    download = official(TARGETS.get("mit67"))
    assert download is not None
    expected = miniatures.mit67(source)
    second = dataclasses.replace(download.parts[0], file="more.tar", holds=())
    miniatures.write_tar(source / "more.tar", {"Images/airport_inside/more.jpg": miniatures.picture(3)})
    with (source / "TrainImages.txt").open("a") as file:
        file.write("\nairport_inside/more.jpg")
    both = dataclasses.replace(download, parts=(*download.parts, second))
    entry = TARGETS.get("mit67").model_copy(update={"classes": 2, "train": 3, "test": 2})
    prepared = prepare.prepare(entry, both, source, root, lambda *_: None)
    assert len(images_below(prepared.folder)) == len(expected) + 1
    miniatures.write_tar(source / "more.tar", {"Images/airport_inside/airport_inside_0001.jpg": miniatures.picture(4)})
    with pytest.raises(UserError, match=r"two parts of the download hold airport_inside_0001\.jpg"):
        prepare.prepare(entry, both, source, root / "second", lambda *_: None)
