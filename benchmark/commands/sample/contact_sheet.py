"""A contact sheet: the picks that a sampler is surest of, and those that it took last, to look at."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from benchmark.images.sources import Source
from benchmark.specs.wording import counted

SIDE, CAPTION, HEADING, COLUMNS, ROWS = 96, 14, 22, 8, 3


def contact_sheet(source: Source, positions: NDArray[np.int64], scores: NDArray[np.float32]) -> Image.Image:
    """The nearest picks above the farthest ones, by score; by pick order where all scores are equal."""
    order = np.argsort(-scores, kind="stable")
    shown = min(COLUMNS * ROWS, max(1, len(order) // 2))
    parts = (("nearest", order[:shown]), ("farthest", order[len(order) - shown :]))
    height = HEADING + -(-shown // COLUMNS) * (SIDE + CAPTION)
    sheet = Image.new("RGB", (COLUMNS * SIDE, len(parts) * height), "white")
    for part, (title, ranks) in enumerate(parts):
        text = f"{title} {shown} of {counted(len(order), 'pick')}, with their scores"
        ImageDraw.Draw(sheet).text((4, part * height + 5), text, fill="black")
        for place, rank in enumerate(ranks.tolist()):
            corner = (place % COLUMNS * SIDE, part * height + HEADING + place // COLUMNS * (SIDE + CAPTION))
            _paste(sheet, source.open(int(positions[rank])), corner, f"{scores[rank]:.3f}")
    return sheet


def _paste(sheet: Image.Image, image: Image.Image, corner: tuple[int, int], caption: str) -> None:
    left, top = corner
    sheet.paste(ImageOps.fit(image, (SIDE - 2, SIDE - 2)), corner)
    ImageDraw.Draw(sheet).text((left + 2, top + SIDE - 1), caption, fill="black")
