"""Squares: every image of a source as a square of a few pixels, decoded once and then memory-mapped."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.images.growing import find_rows, growing_rows, is_whole
from benchmark.images.scan import threaded
from benchmark.images.sources import Source
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest

if TYPE_CHECKING:
    from PIL.Image import Image


VERSION = 1
FOLDER = "pixels"


def square_pixels(
    source: Source, side: int, folder: Path, progress: Progress = silent, rows: Sequence[int] | None = None
) -> "np.memmap[tuple[int, ...], np.dtype[np.uint8]]":
    """Read-only uint8 [N, side, side, 3]: shorter side resized to `side` (bilinear, antialiased), then centre-cropped.

    `rows` (positions in the manifest) restricts it to these, in their order. The file lies in `folder` under a name
    made of the images' identity, side and rows, and of its own SHA-256, to which it is held once per process (0.63
    s/GB): one that is damaged is put beside, and made again. Several processes may ask for it at once, and one that is
    killed leaves what it has to the next. UserError when the disk has no room for it or an image has gone since it was
    scanned.
    """
    positions = range(len(source)) if rows is None else [int(row) for row in rows]
    chosen = None if rows is None else list(positions)
    name = digest([VERSION, source.manifest.images_sha256, side, chosen])
    path = find_rows(folder / name, "decoded images") or _write(source, side, positions, folder / name, progress)
    pixels: np.memmap[tuple[int, ...], np.dtype[np.uint8]] = np.load(path, mmap_mode="r")
    return pixels


def check_squares(folder: Path) -> Iterator[str]:
    """A line for every file of rows in `folder` that is not what was written, after reading all of them."""
    for path in sorted(folder.glob("*.*.npy")):
        if not is_whole(path):
            yield f"{path}: another SHA-256 than it was written with"


def square(image: "Image", side: int) -> NDArray[np.uint8]:
    """uint8 [side, side, 3]: torchvision's Resize(side) and CenterCrop(side) of an RGB image."""
    from PIL import Image

    width, height = image.size
    short = min(width, height)
    wide, high = int(side * width / short), int(side * height / short)
    left, top = round((wide - side) / 2), round((high - side) / 2)
    resized = image.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + side, top + side)))


def _write(source: Source, side: int, positions: Sequence[int], start: Path, progress: Progress) -> Path:
    what = f"decoding {source.manifest.label} at {side} px"
    with growing_rows(start, (len(positions), side, side, 3)) as rows:
        for image in threaded(lambda position: _open_square(source, position, side), positions[rows.done :]):
            rows.add(image)
            progress(what, rows.done, len(positions))
    return rows.path


def _open_square(source: Source, position: int, side: int) -> NDArray[np.uint8]:
    try:
        return square(source.open(position), side)
    except OSError as error:
        item = source.manifest.ids[position]
        raise UserError(f"{source.manifest.label}: {item} could be read before and cannot now: {error}") from error
