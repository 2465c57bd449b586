"""The pixel cache: the right pixels, decoded once, and never half a file."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.images.sources import Source
from benchmark.images.square_cache import square, square_pixels

Opened = Callable[..., Source]
WRITER = """
import os, signal, sys
from pathlib import Path
from benchmark.images.square_cache import square_pixels
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot
data, store = Path(sys.argv[1]), Path(sys.argv[2])
source = open_source(DataRoot(data), "targets", "leaves", "train", store)
"""


def random_image(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(40, 30), (30, 41), (17, 17), (200, 33), (5, 9), (33, 200)])
@pytest.mark.parametrize("side", [16, 17])
def test_a_square_is_what_torchvision_makes(size: tuple[int, int], side: int) -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    image = random_image(*size)
    expected = functional.center_crop(functional.resize(image, side), side)
    assert np.array_equal(square(image, side), np.asarray(expected))


def test_pixels_are_those_of_the_images_in_order(opened: Opened, store: Path) -> None:
    source = opened("targets", "leaves")
    pixels = square_pixels(source, 16, store / "pixels")
    assert pixels.shape == (12, 16, 16, 3) and pixels.dtype == np.uint8
    assert all(np.array_equal(pixels[i], square(source.open(i), 16)) for i in range(12))


def test_they_are_mapped_read_only(opened: Opened, store: Path) -> None:
    pixels = square_pixels(opened("targets", "leaves"), 16, store / "pixels")
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_rows_are_a_file_of_their_own(opened: Opened, store: Path) -> None:
    source = opened("targets", "leaves")
    whole = square_pixels(source, 16, store / "pixels")
    some = square_pixels(source, 16, store / "pixels", rows=np.array([7, 2]))
    assert np.array_equal(some, whole[[7, 2]])
    assert len(list((store / "pixels").iterdir())) == 2


def test_images_are_decoded_once(opened: Opened, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened("targets", "leaves")
    first = np.array(square_pixels(source, 16, store / "pixels"))
    monkeypatch.setattr(Source, "open", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(square_pixels(source, 16, store / "pixels"), first)


def test_decoding_reports_its_progress(opened: Opened, store: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    square_pixels(opened("targets", "leaves"), 16, store / "pixels", lambda *step: steps.append(step))
    assert steps[-1] == ("decoding targets/leaves/train at 16 px", 12, 12)


def test_an_image_that_has_gone_since_is_named_and_nothing_is_left(data: Path, opened: Opened, store: Path) -> None:
    source = opened("targets", "leaves")
    (data / "targets/leaves/train/elm/0.jpg").unlink()
    with pytest.raises(UserError, match=r"elm/0\.jpg could be read before and cannot now"):
        square_pixels(source, 16, store / "pixels")
    assert not list((store / "pixels").iterdir())


def test_a_full_disk_is_an_error_before_anything_is_written(
    opened: Opened, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"has no room for .* GB of decoded images"):
        square_pixels(opened("targets", "leaves"), 16, store / "pixels")
    assert not list((store / "pixels").iterdir())


MOMENTS = {
    "first byte": ("benchmark.images.square_cache._open_square", 0),
    "row": ("benchmark.images.growing.GrowingRows.add", 9),
    "before the count": ("benchmark.images.growing.GrowingRows._write_header", 2),
    "rename": ("Path.replace", 0),
}
KILL = """
import benchmark.images.growing, benchmark.images.square_cache
def killing(*arguments, calls=[], call={0}):
    calls.append(1)
    if len(calls) > {1}:
        os.kill(os.getpid(), signal.SIGKILL)
    return call(*arguments)
benchmark.images.growing.SETTLED = 4
{0} = killing
square_pixels(source, 16, store / 'pixels')
"""


@pytest.mark.parametrize(("moment", "kept"), [("first byte", 0), ("row", 8), ("before the count", 4), ("rename", 12)])
def test_a_killed_writer_leaves_nothing_to_read_and_all_its_settled_rows_to_the_next(
    data: Path, opened: Opened, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, kept: int
) -> None:
    source = opened("targets", "leaves")
    code = WRITER + KILL.format(*MOMENTS[moment])
    killed = subprocess.run([sys.executable, "-c", code, str(data), str(store)])
    assert killed.returncode == -signal.SIGKILL
    (part,) = (store / "pixels").iterdir()
    assert part.suffix == ".part"
    decoded: list[int] = []
    monkeypatch.setattr(Source, "open", lambda self, at: decoded.append(at) or self.items.open(self.manifest.ids[at]))
    square_pixels(source, 16, store / "pixels")
    assert sorted(decoded) == list(range(kept, 12))
    square_pixels(source, 16, tmp_path / "whole")
    (one,), (other,) = ((store / "pixels").iterdir(), (tmp_path / "whole").iterdir())
    assert one.name == other.name and one.read_bytes() == other.read_bytes()


def damaged(part: bytes, way: str) -> bytes:
    """What a power cut might leave of a part, and what no writer left."""
    return {"empty": b"", "header": part[:70], "short": part[:-1], "other": b"\x93NUMPY\x09\x00", "zeros": bytes(500)}[
        way
    ]


@pytest.mark.parametrize("way", ["empty", "header", "short", "other", "zeros"])
def test_a_part_that_does_not_hold_what_it_says_is_written_anew(
    opened: Opened, store: Path, tmp_path: Path, way: str
) -> None:
    source = opened("targets", "leaves")
    square_pixels(source, 16, tmp_path / "whole")
    (whole,) = (tmp_path / "whole").iterdir()
    (store / "pixels").mkdir(parents=True)
    (store / "pixels" / f".{whole.stem}.1.part").write_bytes(damaged(whole.read_bytes(), way))
    square_pixels(source, 16, store / "pixels")
    (path,) = (store / "pixels").iterdir()
    assert path.name == whole.name and path.read_bytes() == whole.read_bytes()


def test_a_file_of_a_living_writer_is_not_removed(opened: Opened, store: Path) -> None:
    import fcntl

    source = opened("targets", "leaves")
    path = store / "pixels"
    square_pixels(source, 16, path)
    (whole,) = path.iterdir()
    part = path / f".{whole.stem}.0.part"
    with part.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.utime(part, (1, 1))
        whole.unlink()
        square_pixels(source, 16, path)
        assert part.exists()


def test_writers_at_the_same_time_all_finish(data: Path, opened: Opened, store: Path) -> None:
    source = opened("targets", "leaves")
    code = f"{WRITER}\nsquare_pixels(source, 16, store / 'pixels')\n"
    arguments = [sys.executable, "-c", code, str(data), str(store)]
    writers = [subprocess.Popen(arguments) for _ in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    (path,) = (store / "pixels").iterdir()
    assert np.array_equal(np.load(path)[3], square(source.open(3), 16))
