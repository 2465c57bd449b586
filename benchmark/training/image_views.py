"""The images of a run, as rows of caches or files that are never copied: first X, then the images of the pool."""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rows = NDArray[np.int64] | None


class ImageReader(Protocol):
    """Images that are decoded at every use."""

    def __len__(self) -> int: ...

    def open(self, index: int) -> Image.Image:
        """Image `index` as RGB."""


def _lengths(sizes: Sequence[int], rows: Sequence[Rows]) -> list[int]:
    return [size if chosen is None else len(chosen) for size, chosen in zip(sizes, rows, strict=True)]


@dataclass(frozen=True)
class SquareImages:
    """Rows of square caches. `parts` are uint8 arrays [N, R, R, 3] of one R, memory-mapped as a rule, each with the
    rows that are used (None: all)."""

    parts: tuple[tuple[NDArray[np.uint8], Rows], ...]

    @classmethod
    def of(cls, *parts: tuple[NDArray[np.uint8], Rows]) -> Self:
        return cls(tuple(parts))

    def __len__(self) -> int:
        return sum(_lengths([len(squares) for squares, _ in self.parts], [rows for _, rows in self.parts]))

    @property
    def side(self) -> int:
        return int(self.parts[0][0].shape[1])

    def take(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images `indices` [n] as uint8 [n, R, R, 3], in the order asked for."""
        taken = np.empty((len(indices), self.side, self.side, 3), dtype=np.uint8)
        start = 0
        for squares, rows in self.parts:
            stop = start + (len(squares) if rows is None else len(rows))
            (here,) = np.nonzero((indices >= start) & (indices < stop))
            if len(here):
                within = indices[here] - start
                taken[here] = squares[within if rows is None else rows[within]]
            start = stop
        return taken

    def __getstate__(self) -> dict[str, object]:
        """Pickle memory maps by their paths, not by their pixels."""
        return {"parts": [(_reference(squares), rows) for squares, rows in self.parts]}

    def __setstate__(self, state: dict[str, list[tuple[object, Rows]]]) -> None:
        parts = tuple((_resolve(squares), rows) for squares, rows in state["parts"])
        object.__setattr__(self, "parts", parts)


def _reference(squares: NDArray[np.uint8]) -> object:
    if isinstance(squares, np.memmap) and isinstance(squares.base, mmap.mmap):
        return str(squares.filename), squares.offset, squares.shape
    return squares


def _resolve(reference: object) -> NDArray[np.uint8]:
    if isinstance(reference, tuple):
        filename, offset, shape = reference
        return np.memmap(filename, dtype=np.uint8, mode="r", offset=offset, shape=shape)
    assert isinstance(reference, np.ndarray)
    return reference


@dataclass(frozen=True)
class FileImages:
    """Rows of image readers. `parts` are readers, each with the rows that are used (None: all)."""

    parts: tuple[tuple[ImageReader, Rows], ...]

    @classmethod
    def of(cls, *parts: tuple[ImageReader, Rows]) -> Self:
        return cls(tuple(parts))

    def __len__(self) -> int:
        return sum(_lengths([len(reader) for reader, _ in self.parts], [rows for _, rows in self.parts]))

    def open(self, index: int) -> Image.Image:
        """Image `index` as RGB. Raises IndexError past the end."""
        for reader, rows in self.parts:
            length = len(reader) if rows is None else len(rows)
            if index < length:
                return reader.open(index if rows is None else int(rows[index]))
            index -= length
        raise IndexError("no such image")


TrainingImages = SquareImages | FileImages
