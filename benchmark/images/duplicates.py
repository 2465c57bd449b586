"""Which images of a split, or of two, are the same: by pixels, by difference hash, and by the name of their file."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.images.looks import Looks
from benchmark.progress import Progress, silent

NEAR = 6
"""Bits of 256 in which two difference hashes may differ for their images to count as near-duplicates."""
PLAIN = 16
"""With fewer clear pairs of neighbours an image is too plain to be told from others by its hash."""
BLOCK = 2048
"""Images that are searched for at once."""
KEEP_NAMES = {"dogs": ("imagenet",)}
"""Targets whose files keep the names that they have in an open-set, and these open-sets. Other files may have ids of
ImageNet in their names too, and another image behind them: Tiny-ImageNet numbers its images anew."""
_IMAGENET_ID = re.compile(r"n\d{8}_\d+")

Likeness = Literal["same pixels", "near", "same name"]


@dataclass(frozen=True)
class Pair:
    """Two images that are alike, by id. `bits` is the distance of their hashes."""

    first: str
    second: str
    likeness: Likeness
    bits: int

    @property
    def text(self) -> str:
        """What is alike, in words."""
        return f"{self.likeness}, {self.bits} bits"


def pairs_within(looks: Looks, progress: Progress = silent) -> list[Pair]:
    """The pairs of a split, in the order of its ids. k images of the same pixels are k - 1 pairs with the first of
    them, which also stands for the others among the near-duplicates."""
    firsts = _firsts(looks)
    pairs = [Pair(looks.ids[first], looks.ids[row], "same pixels", 0) for row, first in firsts.items() if row != first]
    once = np.array([row for row, first in firsts.items() if row == first], np.intp)
    for row, other, bits in _near(looks, once, looks, once, progress):
        if row < other:
            pairs.append(Pair(looks.ids[row], looks.ids[other], "near", bits))
    return _sorted(looks, pairs)


def pairs_between(few: Looks, many: Looks, progress: Progress = silent) -> list[Pair]:
    """The pairs of an image of `few` and one of `many`, in the order of the first. Every image of `many` that has the
    pixels of some images of `few` is paired with the first of these. By name only where `KEEP_NAMES` says so."""
    by_pixels = {key: row for row, key in reversed(_pixel_keys(few))}
    same = {row: by_pixels[key] for row, key in _pixel_keys(many) if key in by_pixels}
    pairs = [Pair(few.ids[first], many.ids[row], "same pixels", 0) for row, first in same.items()]
    rest = np.array([row for row in many.readable.tolist() if row not in same], np.intp)
    for row, other, bits in _near(many, rest, few, few.readable, progress):
        pairs.append(Pair(few.ids[other], many.ids[row], "near", bits))
    if many.items.name in KEEP_NAMES.get(few.items.name, ()):
        alike = {(pair.first, pair.second) for pair in pairs}
        pairs += [pair for pair in _same_names(few, many) if (pair.first, pair.second) not in alike]
    return _sorted(few, pairs)


def _firsts(looks: Looks) -> dict[int, int]:
    """By readable position the first position of the same pixels."""
    first: dict[bytes, int] = {}
    return {row: first.setdefault(key, row) for row, key in _pixel_keys(looks)}


def _pixel_keys(looks: Looks) -> list[tuple[int, bytes]]:
    """(position, digest of the pixels) of every readable image."""
    rows = looks.readable
    digests = np.ascontiguousarray(looks.rows["pixels"][rows]).view("V32").ravel()
    return list(zip(rows.tolist(), digests.tolist(), strict=True))


def _near(
    queries: Looks, rows: NDArray[np.intp], among: Looks, others: NDArray[np.intp], progress: Progress
) -> Iterator[tuple[int, int, int]]:
    """(position in `queries`, position in `among`, bits) of all near pairs of the given positions; plain ones are left
    out."""
    # Imported here: it loads a quarter of a second, and most of this package has no use for it.
    import faiss

    rows, others = _not_plain(queries, rows), _not_plain(among, others)
    index = faiss.IndexBinaryFlat(8 * among.rows["hash"].shape[1])
    index.add(np.ascontiguousarray(among.rows["hash"][others]))
    what = f"comparing {queries.label} with {'itself' if among is queries else among.label}"
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        # faiss finds what is nearer than its radius.
        limits, bits, neighbours = index.range_search(np.ascontiguousarray(queries.rows["hash"][block]), NEAR + 1)
        repeated = np.repeat(block, limits[1:].astype(int) - limits[:-1].astype(int))
        yield from zip(repeated.tolist(), others[neighbours].tolist(), bits.astype(int).tolist(), strict=True)
        progress(what, start + len(block), len(rows))


def _not_plain(looks: Looks, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[looks.rows["edges"][rows] >= PLAIN]


def _same_names(few: Looks, many: Looks) -> Iterator[Pair]:
    """The pairs whose file names hold the same id of ImageNet, `n02085620_10074`."""
    named: dict[str, list[str]] = defaultdict(list)
    for item in few.ids:
        if key := _imagenet_id(item):
            named[key].append(item)
    rows = {item: row for row, item in enumerate(few.ids)}
    for row, item in enumerate(many.ids):
        for other in named.get(_imagenet_id(item), ()):
            yield Pair(other, item, "same name", _distance(few.rows[rows[other]], many.rows[row]))


def _imagenet_id(item: str) -> str:
    match = _IMAGENET_ID.match(item.rpartition("/")[2])
    return match[0] if match else ""


def _distance(one: np.void, other: np.void) -> int:
    return int(np.unpackbits(one["hash"] ^ other["hash"]).sum())


def _sorted(looks: Looks, pairs: Sequence[Pair]) -> list[Pair]:
    rows = {item: row for row, item in enumerate(looks.ids)}
    return sorted(pairs, key=lambda pair: (rows[pair.first], pair.second))
