"""A contact sheet: your images, the picks that a sampler is surest of, those that it took last, the pool at random."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmark.images.items import folder_of
from benchmark.images.sources import Source
from benchmark.specs.wording import counted

WIDTH, COLUMNS, ROWS = 960, 8, 3
"""Pixels of a full row; images of a row; rows of a part of the picks, at most."""
WIDEST = 240
"""Pixels of an image where a row has few."""
LINE, GAP, SIZE = 14, 6, 11
"""Pixels of a line of text, between images, and of letters."""


@dataclass(frozen=True)
class Part:
    """Images of `source` under a heading: `positions` [k], a multiple of the sheet's columns, and a caption of each."""

    title: str
    source: Source
    positions: Sequence[int]
    captions: Sequence[str]


def contact_sheet(
    target: Source, pool: Source, positions: NDArray[np.int64], scores: NDArray[np.float32], seed: int = 0
) -> Image.Image:
    """A row of target images, the picks by score (by pick order where all are equal), and a row of the pool at random.

    Every row is full: where there are few images, rows are shorter. Each caption has the score and the folder.
    """
    columns = min(COLUMNS, len(target), len(positions))
    generator = np.random.default_rng(seed)
    parts = [
        _drawn("your images, at random", target, columns, generator),
        *_picked(pool, positions, scores, columns),
        _drawn("the pool at random, for comparison", pool, columns, generator),
    ]
    return _Sheet(columns).draw(parts)


def _drawn(title: str, source: Source, count: int, generator: np.random.Generator) -> Part:
    positions = np.sort(generator.choice(len(source), size=count, replace=False)).tolist()
    return Part(f"{title}: {count} of {counted(len(source), 'image')}", source, positions, [""] * count)


def _picked(pool: Source, positions: NDArray[np.int64], scores: NDArray[np.float32], columns: int) -> list[Part]:
    """The nearest and the farthest picks; one part where there are not enough for two."""
    order = np.argsort(-scores, kind="stable")
    rows = min(ROWS, len(order) // (2 * columns))
    if not rows:
        return [_part(f"nearest {columns}", pool, positions, scores, order[:columns])]
    shown = rows * columns
    return [
        _part(f"nearest {shown}", pool, positions, scores, order[:shown]),
        _part(f"farthest {shown}", pool, positions, scores, order[len(order) - shown :]),
    ]


def _part(
    title: str, pool: Source, positions: NDArray[np.int64], scores: NDArray[np.float32], ranks: NDArray[np.int64]
) -> Part:
    heading = f"{title} of {counted(len(positions), 'pick')}, with scores"
    return Part(heading, pool, positions[ranks].tolist(), [f"{scores[rank]:.3f}" for rank in ranks])


class _Sheet:
    """The canvas, of `columns` images a row."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._side = min(WIDEST, WIDTH // columns)
        self._font = ImageFont.load_default(SIZE)

    def draw(self, parts: Sequence[Part]) -> Image.Image:
        """All parts below one another."""
        strips = [self._strip(part) for part in parts]
        sheet = Image.new("RGB", (self._columns * self._side, sum(strip.height for strip in strips)), "white")
        top = 0
        for strip in strips:
            sheet.paste(strip, (0, top))
            top += strip.height
        return sheet

    def _strip(self, part: Part) -> Image.Image:
        width = self._columns * self._side
        heading = textwrap.wrap(part.title, max(16, width * 2 // SIZE))
        top, row = (len(heading) + 1) * LINE, self._side + 2 * LINE
        strip = Image.new("RGB", (width, top + row * (len(part.positions) // self._columns)), "white")
        draw = ImageDraw.Draw(strip)
        draw.text((GAP // 2, LINE // 2), "\n".join(heading), fill="black", font=self._font)
        for place, (position, caption) in enumerate(zip(part.positions, part.captions, strict=True)):
            left, above = place % self._columns * self._side, top + place // self._columns * row
            image = ImageOps.fit(part.source.open(position), (self._side - GAP, self._side - GAP))
            strip.paste(image, (left + GAP // 2, above))
            folder = folder_of(part.source.manifest.ids[position])
            lines = [line for line in (caption, folder) if line]
            for number, line in enumerate(lines):
                draw.text((left + GAP // 2, above + self._side - GAP + number * LINE), self._fitted(line), "black",
                          font=self._font)  # fmt: skip
        return strip

    def _fitted(self, text: str) -> str:
        """The text, cut where it is wider than an image."""
        while len(text) > 1 and self._font.getlength(text) > self._side - GAP:
            text = text[:-2] + "…"
        return text
