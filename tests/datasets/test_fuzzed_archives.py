"""Archives of drawn members and with drawn damage: refused with nothing written, or plain files below the folder."""

import io
import stat
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets.archives.unpack import Limits, unpack
from benchmark.errors import UserError
from tests.datasets.archive_builders import seal

FEW = settings(max_examples=40, derandomize=True, deadline=None)
LIMITS = Limits(growth=10, floor=2**16, members=500)
PARTS = ("a", "A", "b.jpg", "..", ".", "", "x.tar", "x.zip", "C:", "\\", "\u00e9", "e\u0301", "a\0b", "\x9b", " ", "~")
NAMES = st.lists(st.sampled_from(PARTS), max_size=4).map("/".join) | st.text(max_size=8)
TYPES = b"01234567gKLSVxX\0"


def assert_unpacked_or_refused(content: bytes, suffix: str) -> None:
    """Write the bytes as an archive, and hold what unpacking makes of it to the rules."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, f"data{suffix}")
        archive.write_bytes(content)
        assert_rules_held(archive)


def assert_rules_held(archive: Path) -> None:
    """Unpack an archive: one line and nothing written, or only files and folders of whole content below the folder."""
    folder = archive.parent / "to" / "data"
    try:
        unpack(archive, folder, nested=True, limits=LIMITS)
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
        assert not folder.parent.exists() or list(folder.parent.iterdir()) == []
    else:
        kinds = {stat.S_IFMT(path.lstat().st_mode) for path in folder.rglob("*")}
        assert kinds <= {stat.S_IFREG, stat.S_IFDIR} and stat.S_IFREG in kinds
        assert not any(path.name.startswith(".") for path in folder.rglob("*"))
    assert {path.name for path in archive.parent.iterdir()} <= {"to", archive.name}


def tar(members: list[tuple[str, int, str, bytes]], form: int) -> bytes:
    """A tar of (name, type, name that it links to, content); what a writer refuses is left out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, kind, link, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = bytes([kind]), link, len(content)
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:
                continue
    return out.getvalue()


def zipped(members: list[tuple[str, int, int, bytes]]) -> bytes:
    """A zip of (name, mode, method, content)."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        # Of two members of one name, which are drawn on purpose.
        warnings.simplefilter("ignore")
        for name, mode, method, content in members:
            info = zipfile.ZipInfo(name or "a")
            info.external_attr, info.compress_type = mode << 16, method
            archive.writestr(info, content)
    return out.getvalue()


CONTENTS = st.binary(max_size=40) | st.just(bytes(3000)) | st.just(tar([("a", 48, "", b"x"), ("b/c", 48, "", b"x")], 1))
TARS = st.builds(
    tar,
    st.lists(st.tuples(NAMES, st.sampled_from(list(TYPES)), NAMES, CONTENTS), min_size=1, max_size=5),
    st.sampled_from((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)),
)
MODES = st.sampled_from((0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFIFO, 0xFFFF))
METHODS = st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
ZIP_NAMES = NAMES.map(lambda name: name.replace("\0", "0"))
ZIPS = st.builds(zipped, st.lists(st.tuples(ZIP_NAMES, MODES, METHODS, CONTENTS), min_size=1, max_size=4))


def damaged(content: bytes, changes: list[tuple[float, int]], cut: float) -> bytes:
    """Bytes with some of them changed, each at a share of the length, and cut off at one."""
    changed = bytearray(content)
    for place, byte in changes:
        changed[int(place * (len(changed) - 1))] = byte
    return bytes(changed[: int(cut * len(changed))])


SHARES = st.floats(0, 1)
DAMAGE = st.lists(st.tuples(SHARES, st.integers(0, 255)), max_size=4)
CUTS = st.just(1.0) | SHARES


@FEW
@given(TARS, DAMAGE, CUTS)
def test_tar(content: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    assert_unpacked_or_refused(damaged(content, changes, cut), ".tar")


@FEW
@given(TARS, st.integers(0, 20), DAMAGE)
def test_a_header_with_a_true_checksum(content: bytes, block: int, changes: list[tuple[float, int]]) -> None:
    """Damage that a checksum shows is refused at the door; this one goes further in."""
    start = 512 * (block % (len(content) // 512))
    header = bytearray(damaged(content[start : start + 512], changes, 1.0))
    seal(header)
    assert_unpacked_or_refused(content[:start] + bytes(header) + content[start + 512 :], ".tar")


@FEW
@given(ZIPS, DAMAGE, CUTS)
def test_zip(content: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    assert_unpacked_or_refused(damaged(content, changes, cut), ".zip")


@FEW
@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=12)), max_size=6))
def test_headers_of_the_pax_format(fields: list[tuple[str, str]]) -> None:
    known = ("path", "linkpath", "size", "mtime", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.name", "hdrcharset")
    for name in known:
        fields = [*fields, (name, fields[0][1])] if fields else []
    records = b"".join(b"%d %s=%s\n" % (len(key) + len(text), key.encode(), text.encode()) for key, text in fields)
    assert_unpacked_or_refused(tar([("pax", ord("x"), "", records), ("a.jpg", 48, "", b"x" * 600)], 1), ".tar")
