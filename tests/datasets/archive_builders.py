"""Builders of archives, honest and hostile: each takes a folder and gives the archive that it has written there."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], Path]


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


def seal(header: bytearray) -> None:
    """Give a header of 512 bytes its checksum."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)


def add_header(tar: tarfile.TarFile, header: bytearray) -> None:
    """Add a header, which gets its checksum, and no content."""
    seal(header)
    tar.fileobj.write(bytes(header))  # type: ignore[union-attr]
    tar.offset += len(header)


def make_tar(path: Path, fill: Callable[[tarfile.TarFile], None], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        add(tar, "set/first.jpg")
        fill(tar)
    return path


def tar_of(*names: str, **fields: object) -> Make:
    def fill(tar: tarfile.TarFile) -> None:
        for name in names:
            add(tar, name, b"" if "type" in fields else b"x", **fields)

    return lambda folder: make_tar(folder / "data.tar", fill)


def gzipped(make: Make) -> Make:
    def build(folder: Path) -> Path:
        plain = make(folder)
        path = folder / "data.tar.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        return path

    return build


def zip_of(*names: str, mode: int = 0, content: bytes = b"x") -> Make:
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


def renamed(make: Make, name: str) -> Make:
    return lambda folder: make(folder).rename(folder / name)


def file_of(name: str, content: bytes) -> Make:
    def build(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return build


def cut(make: Make, keep: Callable[[bytes], bytes]) -> Make:
    def build(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(keep(path.read_bytes()))
        return path

    return build


def inside(make: Make, outer: str) -> Make:
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


def links_in_a_row(folder: Path) -> Path:
    """A link out of the folder, a hard link to it, and a file below that."""

    def fill(tar: tarfile.TarFile) -> None:
        add(tar, "set/out", b"", type=tarfile.SYMTYPE, linkname="/etc")
        add(tar, "set/again", b"", type=tarfile.LNKTYPE, linkname="set/out")
        add(tar, "set/again/evil")

    return make_tar(folder / "data.tar", fill)


def many_inside(make: Make, count: int) -> Make:
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
    """A sparse member of GNU tar that states 8 GiB and stores none."""

    def fill(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("set/sparse.jpg")
        info.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        block[386 : 386 + 24] = b"%011o\0%011o\0" % (0, 0)
        block[483:495] = b"%011o\0" % (2**33 - 1)
        add_header(tar, block)

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
        add_header(tar, block)

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


def crafted(header: tarfile.TarInfo, content: bytes) -> Make:
    """A tar with a header of its own before the last member."""

    def fill(tar: tarfile.TarFile) -> None:
        header.size = len(content)
        tar.addfile(header, io.BytesIO(content))
        add(tar, "set/last.jpg")

    return lambda folder: make_tar(folder / "data.tar", fill)


def pax(content: bytes) -> Make:
    """A tar whose last member has a header of the pax format with that content."""
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    return crafted(header, content)


def sparse_by_pax(content: bytes = b"x", **fields: str) -> Make:
    """A member that a header of the pax format calls sparse."""
    header = tarfile.TarInfo("set/sparse.jpg")
    header.pax_headers = {f"GNU.sparse.{name}": value for name, value in fields.items()}
    return crafted(header, content)


def many_headers(folder: Path) -> Path:
    """Thousands of headers that are no members, each of which the library reads from within the one before."""

    def fill(tar: tarfile.TarFile) -> None:
        for _ in range(3000):
            add(tar, "pax", b"8 a=bcd\n", type=tarfile.XGLTYPE)

    return make_tar(folder / "data.tar", fill)


def stairs(folder: Path) -> Path:
    """Folders, each in the one before, deeper than a recursive function can go; then a name that is refused."""

    def fill(tar: tarfile.TarFile) -> None:
        for depth in range(1, 1200):
            add(tar, "/".join("a" * depth), b"", type=tarfile.DIRTYPE)
        add(tar, "/evil.jpg")

    return make_tar(folder / "data.tar", fill)


def packed(method: int) -> Make:
    """A zip of that method with bytes of its content changed."""

    def build(folder: Path) -> Path:
        path = folder / "data.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("set/first.jpg", bytes(range(256)) * 12)
        content = bytearray(path.read_bytes())
        content[70:90] = bytes(byte ^ 0x55 for byte in content[70:90])
        path.write_bytes(content)
        return path

    return build


def method_of(number: int) -> Make:
    """A zip that states a method of packing which the library does not know."""

    def build(folder: Path) -> Path:
        path = zip_of("set/second.jpg")(folder)
        content = bytearray(path.read_bytes())
        for magic, place in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
            content[content.rindex(magic) + place] = number
        path.write_bytes(content)
        return path

    return build


def second_end(folder: Path) -> Path:
    """A zip whose comment is the end of another, empty one: some programs see its member, others none."""
    path = zip_of("set/second.jpg")(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18)
    return path


def directory_elsewhere(folder: Path) -> Path:
    """A zip that states its directory to lie far beyond its end."""
    path = zip_of("set/second.jpg")(folder)
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)
    return path
