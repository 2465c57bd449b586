"""Every image of a source as a square of a few pixels, decoded once and memory-mapped from then on."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.images.scan import threaded
from benchmark.images.sources import Source
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest

if TYPE_CHECKING:
    from PIL.Image import Image


VERSION = 1


def square_pixels(
    source: Source, side: int, folder: Path, progress: Progress = silent, rows: Sequence[int] | None = None
) -> "np.memmap[tuple[int, ...], np.dtype[np.uint8]]":
    """Read-only uint8 [N, side, side, 3]: shorter side resized to `side` (bilinear, antialiased), then centre-cropped.

    `rows` (positions in the manifest) restricts it to these, in their order. The file lies in `folder` under a name
    made of the manifest's identity, side and rows; several processes may ask for it at once. UserError when the disk
    has no room for it or an image has gone since it was scanned.
    """
    positions = range(len(source)) if rows is None else [int(row) for row in rows]
    chosen = None if rows is None else list(positions)
    path = folder / f"{digest([VERSION, source.manifest.sha256, side, chosen])}.npy"
    if not path.is_file():
        _write(source, side, positions, path, progress)
    pixels: np.memmap[tuple[int, ...], np.dtype[np.uint8]] = np.load(path, mmap_mode="r")
    return pixels


def square(image: "Image", side: int) -> NDArray[np.uint8]:
    """uint8 [side, side, 3]: torchvision's Resize(side) and CenterCrop(side) of an RGB image."""
    from PIL import Image

    width, height = image.size
    short = min(width, height)
    wide, high = int(side * width / short), int(side * height / short)
    left, top = round((wide - side) / 2), round((high - side) / 2)
    resized = image.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def _write(source: Source, side: int, positions: Sequence[int], path: Path, progress: Progress) -> None:
    what = f"decoding {source.manifest.label} at {side} px"
    shape = (len(positions), side, side, 3)
    with _appearing(path, 3 * side * side * len(positions)) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        pixels = threaded(lambda position: _open_square(source, position, side), positions)
        for done, image in enumerate(pixels, start=1):
            file.write(image.tobytes())
            progress(what, done, len(positions))


def _open_square(source: Source, position: int, side: int) -> NDArray[np.uint8]:
    try:
        return square(source.open(position), side)
    except OSError as error:
        item = source.manifest.ids[position]
        raise UserError(f"{source.manifest.label}: {item} could be read before and cannot now: {error}") from error


@contextlib.contextmanager
def _appearing(path: Path, size: int) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` at once when the block ends well, and leaves nothing when it does not.

    Written with write() and not through a memory map: a full disk then is an error and not the end of the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    if shutil.disk_usage(path.parent).free < size:
        raise UserError(f"{path.parent} has no room for {size / 1e9:.1f} GB of decoded images; name another --store")
    aside = path.with_name(f".{path.stem}.{uuid4().hex}.part")
    try:
        with aside.open("xb") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _lock(file: BinaryIO) -> bool:
    """Hold the file until it is closed or this process ends; False when another one holds it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(path: Path) -> None:
    """Remove what killed writers of this very file left: parts older than a minute that no living process holds."""
    for part in path.parent.glob(f".{path.stem}.*.part"):
        with contextlib.suppress(FileNotFoundError), part.open("rb+") as file:
            if time.time() - part.stat().st_mtime > 60 and _lock(file):
                part.unlink()
