"""A contact sheet: your images, the picks that a sampler is surest of, those that it took last, the pool at random."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.images.sheet import COLUMNS, Part, draw_sheet
from benchmark.images.sources import Source
from benchmark.specs.wording import counted

ROWS = 3
"""Rows of a part of the picks, at most."""


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
    return draw_sheet(columns, parts)


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
