"""What is kept of every image of a split to compare it with others: 75 bytes, made once by decoding it."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.images.decoding import decoded
from benchmark.images.growing import find_rows, growing_rows
from benchmark.images.items import Items
from benchmark.images.processes import each_item
from benchmark.images.square_cache import FOLDER
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
SIDE = 16
"""A difference hash compares SIDE x SIDE pairs of neighbours: 256 bits."""
LOOK = np.dtype(
    [
        ("pixels", "u1", 32),
        ("hash", "u1", 32),
        ("width", "<u4"),
        ("height", "<u4"),
        ("edges", "u1"),
        ("readable", "u1"),
        ("grey", "u1"),
    ]
)
"""`pixels` is the SHA-256 of size and RGB values, `hash` the difference hash, `edges` how many of its pairs differ
clearly (at most 255). All is zero for a file that is no readable image."""
CLEAR = 4
"""Grey levels (of 256) by which two neighbours differ clearly: more than the noise of JPEG on a plain background."""


@dataclass(frozen=True)
class Looks:
    """A split whose images were looked at: `rows` is [N] of `LOOK`, in the order of `items.ids`; `name` changes with
    the files."""

    items: Items
    name: str
    rows: NDArray[np.void]

    @property
    def label(self) -> str:
        return self.items.label

    @property
    def ids(self) -> Sequence[str]:
        return self.items.ids

    @property
    def readable(self) -> NDArray[np.intp]:
        """The positions of the readable images."""
        return np.flatnonzero(self.rows["readable"])


def look_at_split(items: Items, store: Path, progress: Progress = silent, jobs: int | None = None) -> Looks:
    """Look at every image of a split, in `jobs` processes; an unreadable file is no error.

    What was done is kept below the root of the store: a second call reads nothing, and one that was killed is gone on
    from. UserError when the disk has no room, and when the images cannot be listed.
    """
    ids = items.ids
    name = digest([VERSION, items.label, items.place, list(ids), list(items.stamps)])
    path = find_rows(store / FOLDER / name, "looks at images") or _write(items, store / FOLDER / name, progress, jobs)
    return Looks(items, name, np.load(path, mmap_mode="r").view(LOOK)[:, 0])


def _write(items: Items, start: Path, progress: Progress, jobs: int | None) -> Path:
    what = f"looking at {items.label}"
    with growing_rows(start, (len(items.ids), LOOK.itemsize)) as rows:
        for look in each_item(look_at, items, items.ids[rows.done :], jobs):
            rows.add(np.frombuffer(look, np.uint8))
            progress(what, rows.done, len(items.ids))
    return rows.path


def look_at(items: Items, item: str) -> bytes:
    """One image as the bytes of a `LOOK`."""
    look = np.zeros((), LOOK)
    image = _image(items, item)
    if not isinstance(image, str):
        pixels = np.asarray(image)
        size = np.array(image.size, "<u4")
        look["pixels"] = np.frombuffer(hashlib.sha256(size.tobytes() + pixels.tobytes()).digest(), np.uint8)
        look["hash"], look["edges"] = difference_hash(image)
        look["width"], look["height"] = image.size
        look["readable"] = 1
        look["grey"] = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    return look.tobytes()


def difference_hash(image: "Image") -> tuple[NDArray[np.uint8], int]:
    """The hash of an RGB image, uint8 [32], and how many of its pairs differ clearly.

    A bit says whether a pixel of the 17 x 16 grey version is darker than its right neighbour (N. Krawetz, "Kind of
    like that", 2013, there with 8 x 8). Decoding at reduced size (Pillow's `draft`) is not used: it changes bits.
    """
    from PIL import Image

    small = image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.LANCZOS)
    steps = np.diff(np.asarray(small, np.int16), axis=1)
    return np.packbits(steps > 0), min(255, int((abs(steps) >= CLEAR).sum()))


def problem(items: Items, item: str) -> str:
    """Why an item is no readable image, nothing where it is one."""
    image = _image(items, item)
    return image if isinstance(image, str) else ""


def _image(items: Items, item: str) -> "Image | str":
    """The image as RGB, or why it cannot be read."""
    try:
        with warnings.catch_warnings():
            # Palettes with transparency in bytes, sizes below the limit: what a run reads without a word.
            warnings.simplefilter("ignore")
            return decoded(items, item)[1]
    except OSError as error:
        return error.strerror or type(error).__name__
