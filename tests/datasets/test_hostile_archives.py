"""Archives that are refused by name, with nothing half-written; and honest ones that are unpacked."""

import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from benchmark.datasets.archives.members import HostileArchive
from benchmark.datasets.archives.unpack import Limits, unpack
from benchmark.errors import UserError
from tests.datasets.archive_builders import (
    add,
    cut,
    directory_elsewhere,
    encrypted,
    file_of,
    gzipped,
    inside,
    inside_beside_a_folder,
    links_in_a_row,
    long_name,
    lying_size,
    many_headers,
    many_inside,
    method_of,
    negative_size,
    packed,
    pax,
    renamed,
    second_end,
    sparse,
    sparse_by_pax,
    stairs,
    tar_of,
    wrong_checksum,
    zeros,
    zip_of,
)

SMALL = Limits(growth=10, floor=4096, members=50)


HOSTILE = {
    "absolute, tar": (tar_of("/etc/cron.d/evil"), "absolute path"),
    "absolute, zip": (zip_of("/etc/cron.d/evil"), "absolute path"),
    "climbs, tar": (tar_of("set/../../evil.jpg"), "leads out of the folder"),
    "climbs, tar.gz": (gzipped(tar_of("../evil.jpg")), "leads out of the folder"),
    "climbs, zip": (zip_of("set/../../evil.jpg"), "leads out of the folder"),
    "climbs by backslash": (zip_of("set\\..\\..\\evil.jpg"), "leads out of the folder"),
    "drive": (zip_of("C:/evil.jpg"), "begins with a drive"),
    "backslash": (zip_of("set\\second.jpg"), "backslash"),
    "line break": (tar_of("set/a\nb.jpg"), "control character"),
    "null character": (
        cut(zip_of("set/aXb.jpg"), lambda content: content.replace(b"aXb", b"a\0b")),
        "control character",
    ),
    "no text": (tar_of(os.fsdecode(b"set/caf\xe9.jpg")), "no UTF-8 text"),
    "too long": (tar_of("set/" + "a" * 300 + ".jpg"), "too long"),
    "symbolic link out": (tar_of("set/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
    "symbolic link up, tar.gz": (gzipped(tar_of("up", type=tarfile.SYMTYPE, linkname="..")), "is a link"),
    "hard link out": (tar_of("set/link", type=tarfile.LNKTYPE, linkname="../../secret"), "is a link"),
    "symbolic link, zip": (zip_of("set/link", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd"), "is a link"),
    "device": (tar_of("set/disk", type=tarfile.BLKTYPE, devmajor=8), "is a device"),
    "terminal": (tar_of("set/tty", type=tarfile.CHRTYPE, devmajor=5), "is a device"),
    "pipe": (tar_of("set/pipe", type=tarfile.FIFOTYPE), "is a device"),
    "pipe, zip": (zip_of("set/pipe", mode=stat.S_IFIFO | 0o644), "is a device"),
    "two of a name, tar": (tar_of("set/a.jpg", "set/a.jpg"), "two members of the name 'set/a.jpg'"),
    "two of a name, spelled otherwise": (tar_of("set/a.jpg", "./set//a.jpg"), "two members of the name"),
    "two of a name, zip": (zip_of("set/a.jpg", "set/./a.jpg"), "two members of the name"),
    "file and folder of a name": (tar_of("set/a", "set/a/b.jpg"), "two members of the name"),
    "case": (tar_of("set/A.jpg", "set/a.jpg"), "only in case"),
    "case of a folder, zip": (zip_of("Set/second.jpg"), "only in case"),
    "accents": (tar_of("set/caf\u00e9.jpg", "set/cafe\u0301.jpg"), "how accents"),
    "bomb, tar.gz": (gzipped(zeros), "decompression bomb"),
    "bomb, zip": (zip_of("set/zeros.jpg", content=bytes(200_000)), "decompression bomb"),
    "too many members": (tar_of(*(f"set/{number}.jpg" for number in range(60))), "decompression bomb"),
    "sparse": (sparse, "sparse"),
    "endless name": (long_name, "damaged or was cut off"),
    "negative size": (negative_size, "damaged or was cut off: a header states -"),
    "size that lies": (lying_size, r"set/second.jpg|cannot be unpacked"),
    "wrong checksum": (wrong_checksum, "cannot be unpacked"),
    "encrypted": (encrypted, "encrypted"),
    "web page": (file_of("data.tar.gz", b"<!DOCTYPE html><html>Sign in</html>"), "web page"),
    "web page, zip": (file_of("data.zip", b"\n <HTML><body>quota exceeded"), "web page"),
    "message of a server": (file_of("data.tar", b'{"error": "not found"}'), "server's message"),
    "pointer": (file_of("data.zip", b"version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer"),
    "empty": (file_of("data.tar", b""), "an empty file"),
    "image": (file_of("data.zip", b"\xff\xd8\xff\xe0" + bytes(600)), "a JPEG image"),
    "program": (file_of("data.tar", b"\x7fELF" + bytes(600)), "a program"),
    "other packer": (file_of("data.tar.gz", b"Rar!\x1a\x07\x00" + bytes(600)), "a RAR archive"),
    "zip called tar": (renamed(zip_of(), "data.tar"), "a zip archive"),
    "tar called zip": (renamed(tar_of(), "data.zip"), "a tar archive"),
    "cut in a member, tar": (cut(zeros, lambda content: content[:3000]), "cut off|cannot be unpacked|bomb"),
    "cut between members, tar": (cut(tar_of("set/a.jpg"), lambda content: content[:1024]), "damaged or was cut off"),
    "noise after a member, tar": (
        cut(tar_of("set/a.jpg"), lambda content: content[:1024] + b"\x01" * 2048),
        "damaged or was cut off",
    ),
    "cut, tar.gz": (cut(gzipped(tar_of("set/a.jpg")), lambda content: content[:-30]), "cannot be unpacked|cut off"),
    "cut, zip": (cut(zip_of("set/a.jpg"), lambda content: content[:-30]), "cannot be unpacked"),
    "goes on after its end": (cut(tar_of(), lambda content: content + b"more"), "goes on after its end"),
    "climbs, tar in tar": (inside(tar_of("../evil.jpg"), "data.tar"), "leads out of the folder"),
    "link, tar.gz in zip": (inside(gzipped(tar_of("a", type=tarfile.SYMTYPE, linkname="/")), "data.zip"), "is a link"),
    "bomb, zip in tar": (inside(zip_of("z.jpg", content=bytes(200_000)), "data.tar"), "decompression bomb"),
    "bytes of all zips in zip": (
        many_inside(zip_of("z.jpg", content=bytes(4000)), 5),
        "data.zip is a decompression bomb: .* bytes of archive",
    ),
    "members of all tars in zip": (
        many_inside(gzipped(tar_of(*(f"set/{number}.jpg" for number in range(20)))), 3),
        "data.zip is a decompression bomb: .* 51 members",
    ),
    "folder of an inner archive's name": (inside_beside_a_folder, "two members of the name 'train/inner'"),
    "web page in tar": (inside(file_of("inner.tar", b"<html></html>"), "data.tar"), "web page"),
    "C1 control": (tar_of("set/\x9b31m.jpg"), "control character"),
    "next line": (tar_of("set/a\x85b.jpg"), "line break"),
    "line separator": (tar_of("set/a\u2028b.jpg"), "line break"),
    "file without a name": (tar_of(""), "a file has the name '', which is none"),
    "file called .": (tar_of("."), r"a file has the name '\.', which is none"),
    "deep": (tar_of("a/" * 40 + "b.jpg"), "more than 32 folders"),
    "deep, step by step": (stairs, "more than 32 folders"),
    "long path": (tar_of("/".join(["a" * 200] * 6)), "too long"),
    "absolute path of Windows": (tar_of("C:\\Windows\\evil.jpg"), "begins with a drive"),
    "share of Windows": (zip_of("\\\\host\\share\\evil.jpg"), "absolute path"),
    "case that folds to two letters": (tar_of("set/stra\u00dfe.jpg", "set/STRASSE.jpg"), "only in case"),
    "case and accents at once": (tar_of("set/\u0390.jpg", "set/\u0399\u0308\u0301.jpg"), "only in case"),
    "hard link to an earlier link": (links_in_a_row, "is a link"),
    "hidden link": (tar_of(".up", type=tarfile.SYMTYPE, linkname=".."), "is a link"),
    "pax: path that climbs": (pax(b"19 path=../../evil\n"), "leads out of the folder"),
    "pax: null character": (pax(b"12 path=a\0b\n"), "control character"),
    "pax: no text": (pax(b"11 path=\xff\xfe\n"), "no UTF-8 text"),
    "pax: length in 6,000 digits": (pax(b"9" * 6000 + b" path=a\n"), "cannot be unpacked"),
    "pax: size in 400 digits": (pax(b"409 size=" + b"9" * 399 + b"\n"), "more bytes than a file can have"),
    "pax: endless name": (pax(b"90012 path=" + b"a" * 90_000 + b"\n"), "too long"),
    "pax: headers of 2 MiB": (pax(b"12 k0000=vv\n" * 180_000), "for a name"),
    "pax: sparse without a map": (
        sparse_by_pax(bytes(512), major="1", minor="0", name="a", realsize="9"),
        "cannot be unpacked",
    ),
    "pax: sparse with letters for numbers": (sparse_by_pax(size="9", map="a,b,c"), "cannot be unpacked"),
    "pax: sparse": (sparse_by_pax(size="9", map="0,1"), "is a sparse file"),
    "headers in headers": (many_headers, "cannot be unpacked: maximum recursion"),
    "damaged deflate": (packed(zipfile.ZIP_DEFLATED), "cannot be unpacked"),
    "damaged bzip2": (packed(zipfile.ZIP_BZIP2), "cannot be unpacked"),
    "damaged LZMA": (packed(zipfile.ZIP_LZMA), "cannot be unpacked"),
    "unknown method": (method_of(9), "packed in a way that is not read here .*unpack it yourself"),
    "name that is no text, zip": (
        cut(zip_of("set/caf\u00e9.jpg"), lambda content: content.replace(b"\xc3\xa9", b"\xff\xfe")),
        "cannot be unpacked",
    ),
    "two ends": (second_end, "holds no files"),
    "nothing in it": (cut(zip_of(), lambda content: content[content.rindex(b"PK\x05\x06") :]), "cannot be unpacked"),
    "directory beyond the end": (directory_elsewhere, "cannot be unpacked"),
    "empty zip in tar": (inside(second_end, "data.tar"), "holds no files"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_by_name_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[name]
    (tmp_path / "from").mkdir()
    (tmp_path / "secret").write_text("untouched")
    archive = make(tmp_path / "from")
    with pytest.raises(HostileArchive, match=reason) as refusal:
        unpack(archive, tmp_path / "to" / "data", nested=True, limits=SMALL)
    text = str(refusal.value)
    assert "\n" not in text and len(text) < 500 and (archive.name in text or "inner" in text or "data." in text)
    assert list((tmp_path / "to").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "secret", "to"]


def test_there_are_bombs_that_the_usual_limits_refuse(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.jpg", "w") as member:
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(HostileArchive, match="decompression bomb"):
        unpack(path, tmp_path / "to")
    assert not (tmp_path / "to").exists()


HONEST = {
    "tar": tar_of("set/b c/\u00e9t\u00e9.jpg", "./set/d.jpg"),
    "tar.gz": gzipped(tar_of("set/b c/\u00e9t\u00e9.jpg", "./set/d.jpg")),
    "zip": zip_of("set/b c/\u00e9t\u00e9.jpg", "set/d.jpg"),
    "tar that a browser has unpacked": renamed(tar_of("set/b c/\u00e9t\u00e9.jpg", "set/d.jpg"), "data.tgz"),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_archive_is_unpacked_without_hidden_files(name: str, tmp_path: Path) -> None:
    make = HONEST[name]
    archive = make(tmp_path)
    if archive.suffix == ".tar":
        with tarfile.open(archive, "a") as tar:
            add(tar, "set/._d.jpg")
            add(tar, "__MACOSX/set/._d.jpg")
    folder = unpack(archive, tmp_path / "to" / "data", limits=SMALL)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["set/b c/\u00e9t\u00e9.jpg", "set/d.jpg", "set/first.jpg"]
    assert {path.read_bytes() for path in folder.rglob("*.jpg")} == {b"x"}


def test_archives_in_an_archive_become_folders(tmp_path: Path) -> None:
    archive = inside(tar_of("a.jpg"), "data.tar")(tmp_path)
    folder = unpack(archive, tmp_path / "to", nested=True, limits=Limits())
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["set/first.jpg", "train/data/a.jpg", "train/data/set/first.jpg"]


def test_without_nested_an_archive_in_it_is_a_file(tmp_path: Path) -> None:
    folder = unpack(inside(tar_of(), "data.tar")(tmp_path), tmp_path / "to", limits=Limits())
    assert (folder / "train/data.tar").is_file()


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from benchmark.datasets.archives import unpack as module

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(UserError, match=r"is full: data\.tar has no room"):
        unpack(tar_of("set/a.jpg")(tmp_path), tmp_path / "to" / "data")
    assert list((tmp_path / "to").iterdir()) == []


def test_what_a_killed_call_left_is_used_for_archives_in_an_archive(tmp_path: Path) -> None:
    archive = inside(tar_of("a.jpg"), "data.tar")(tmp_path)
    whole = tmp_path / "to" / ".data.part" / "train" / "data"
    whole.mkdir(parents=True)
    (whole / "kept.jpg").write_bytes(b"from the first call")
    folder = unpack(archive, tmp_path / "to" / "data", nested=True, limits=Limits())
    assert sorted(path.name for path in (folder / "train/data").iterdir()) == ["kept.jpg"]
