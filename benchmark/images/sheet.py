"""Images in rows under headings, each with a caption and its folder."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmark.images.items import folder_of
from benchmark.images.sources import Source

WIDTH, COLUMNS = 960, 8
"""Pixels of a full row; images of a row, at most."""
WIDEST = 240
"""Pixels of an image where a row has few."""
LINE, GAP, SIZE = 14, 6, 11
"""Pixels of a line of text, between images, and of letters."""


@dataclass(frozen=True)
class Part:
    """Images of `source` under a heading: `positions` [k] and a caption of each."""

    title: str
    source: Source
    positions: Sequence[int]
    captions: Sequence[str]


def draw_sheet(columns: int, parts: Sequence[Part]) -> Image.Image:
    """All parts below one another, `columns` images a row."""
    return _Sheet(columns).draw(parts)


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
        strip = Image.new("RGB", (width, top + row * -(-len(part.positions) // self._columns)), "white")
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
