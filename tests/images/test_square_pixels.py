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
from benchmark.images.pixels import square_pixels
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


def test_progress_is_told(opened: Opened, store: Path) -> None:
    told: list[tuple[str, int, int]] = []
    square_pixels(opened("targets", "leaves"), 16, store / "pixels", lambda *step: told.append(step))
    assert told[-1] == ("decoding targets/leaves/train at 16 px", 12, 12)


def test_an_image_that_has_gone_since_is_named_and_nothing_is_left(data: Path, opened: Opened, store: Path) -> None:
    source = opened("targets", "leaves")
    (data / "targets/leaves/train/elm/0.jpg").unlink()
    with pytest.raises(UserError, match=r"elm/0\.jpg could be read before and cannot now"):
        square_pixels(source, 16, store / "pixels")
    assert not list((store / "pixels").iterdir())


def test_a_full_disk_is_told_before_anything_is_written(
    opened: Opened, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"has no room for .* GB of decoded images"):
        square_pixels(opened("targets", "leaves"), 16, store / "pixels")
    assert not list((store / "pixels").iterdir())


@pytest.mark.parametrize("moment", ["first byte", "rename"])
def test_a_kill_leaves_nothing_to_read(data: Path, opened: Opened, store: Path, moment: str) -> None:
    source = opened("targets", "leaves")
    where = "Path.replace" if moment == "rename" else "benchmark.images.square_cache._open_square"
    code = (
        f"{WRITER}\nimport benchmark.images.square_cache\n{where} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    code += "square_pixels(source, 16, store / 'pixels')\n"
    killed = subprocess.run([sys.executable, "-c", code, str(data), str(store)])
    assert killed.returncode == -signal.SIGKILL
    (part,) = (store / "pixels").iterdir()
    assert part.suffix == ".part"
    # The next writer clears what is surely abandoned.
    os.utime(part, (1, 1))
    assert len(square_pixels(source, 16, store / "pixels")) == 12
    assert [path.suffix for path in (store / "pixels").iterdir()] == [".npy"]


def test_a_living_writer_is_left_alone(opened: Opened, store: Path) -> None:
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
