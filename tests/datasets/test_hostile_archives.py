"""Archives that are refused by name, with nothing half-written; and honest ones that are unpacked."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.datasets.archives.members import HostileArchive
from benchmark.datasets.archives.unpack import Limits, unpack
from benchmark.errors import UserError

SMALL = Limits(growth=10, floor=4096, members=50)


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


def make_tar(path: Path, fill: Callable[[tarfile.TarFile], None], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        add(tar, "set/first.jpg")
        fill(tar)
    return path


def tar_of(*names: str, **fields: object) -> Callable[[Path], Path]:
    def fill(tar: tarfile.TarFile) -> None:
        for name in names:
            add(tar, name, b"" if "type" in fields else b"x", **fields)

    return lambda folder: make_tar(folder / "data.tar", fill)


def gzipped(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        plain = make(folder)
        path = folder / "data.tar.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        return path

    return build


def zip_of(*names: str, mode: int = 0, content: bytes = b"x") -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        path = folder / "data.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("set/first.jpg", b"x")
            for name in names:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
        return path

    return build


def renamed(make: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    return lambda folder: make(folder).rename(folder / name)


def file_of(name: str, content: bytes) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return build


def cut(make: Callable[[Path], Path], keep: Callable[[bytes], bytes]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(keep(path.read_bytes()))
        return path

    return build


def inside(make: Callable[[Path], Path], outer: str) -> Callable[[Path], Path]:
    """An archive that holds, beside an honest one, the archive that `make` builds."""

    def build(folder: Path) -> Path:
        hidden = folder / "inner"
        hidden.mkdir()
        inner = make(hidden)
        path = folder / outer
        if outer.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(inner, f"train/{inner.name}")
        else:
            make_tar(path, lambda tar: add(tar, f"train/{inner.name}", inner.read_bytes()))
        return path

    return build


def inside_beside_a_folder(folder: Path) -> Path:
    inner = renamed(tar_of("a.jpg"), "inner.tar")(folder)

    def fill(tar: tarfile.TarFile) -> None:
        add(tar, "train/inner.tar", inner.read_bytes())
        add(tar, "train/inner/a.jpg")

    return make_tar(folder / "data.tar", fill)


def many_inside(make: Callable[[Path], Path], count: int) -> Callable[[Path], Path]:
    """A zip with `count` archives, each of which is within the limits by itself."""

    def build(folder: Path) -> Path:
        (folder / "hidden").mkdir()
        inner = make(folder / "hidden")
        with zipfile.ZipFile(folder / "data.zip", "w") as archive:
            for number in range(count):
                archive.write(inner, f"train/{number}{''.join(inner.suffixes)}")
        return folder / "data.zip"

    return build


def zeros(folder: Path) -> Path:
    return make_tar(folder / "data.tar", lambda tar: add(tar, "set/zeros.jpg", bytes(200_000)))


def sparse(folder: Path) -> Path:
    """A sparse member of GNU tar that states 2^40 bytes and stores none."""

    def fill(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("set/sparse.jpg")
        info.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        block[386 : 386 + 24] = b"%011o\0%011o\0" % (0, 0)
        block[483:495] = b"%011o\0" % 2**33 if 2**33 < 8**11 else b"7" * 11 + b"\0"
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        tar.fileobj.write(bytes(block))  # type: ignore[union-attr]
        tar.offset += len(block)

    return make_tar(folder / "data.tar", fill)


def long_name(folder: Path) -> Path:
    """A GNU header that states two mebibytes for a name, which a careless reader takes into memory."""

    def fill(tar: tarfile.TarFile) -> None:
        add(tar, "././@LongLink", bytes(2 * 2**20), type=tarfile.GNUTYPE_LONGNAME)

    return make_tar(folder / "data.tar", fill)


def negative_size(folder: Path) -> Path:
    """A header in base 256 that states -512 bytes, at which some versions of Python's library go round in circles."""

    def fill(tar: tarfile.TarFile) -> None:
        block = bytearray(tarfile.TarInfo("set/second.jpg").tobuf(tarfile.GNU_FORMAT))
        block[124:136] = (2**96 - 512).to_bytes(12, "big")
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        tar.fileobj.write(bytes(block))  # type: ignore[union-attr]
        tar.offset += len(block)

    return make_tar(folder / "data.tar", fill)


def lying_size(folder: Path) -> Path:
    """A zip whose directory states more bytes for a member than it has."""
    path = zip_of("set/second.jpg", content=b"y" * 100)(folder)
    content = path.read_bytes()
    where = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: where + 24] + (5000).to_bytes(4, "little") + content[where + 28 :])
    return path


def wrong_checksum(folder: Path) -> Path:
    path = zip_of()(folder)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("set/first.jpg", b"content")
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT", 1))
    return path


def encrypted(folder: Path) -> Path:
    path = zip_of("set/second.jpg")(folder)
    content = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.rindex(magic) + place] |= 1
    path.write_bytes(content)
    return path


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
    assert "\n" not in text and (archive.name in text or "inner" in text or "data." in text)
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
