"""Pictures that are related to no family: what most of a stand-in open-set is made of."""

from collections.abc import Callable

import numpy as np

from benchmark.images.standins.drawing import (
    SIDE,
    Colour,
    Field,
    NamedRandom,
    ellipse,
    grid,
    hsv,
    paint,
    polygon,
    stroke,
)

Kind = Callable[[NamedRandom], Field]


def _colour(dice: NamedRandom) -> Colour:
    return hsv(dice.between(0, 1), dice.between(0.1, 0.9), dice.between(0.2, 1))


def _blend(share: Field, dice: NamedRandom) -> Field:
    """Two colours, the second where `share` is 1."""
    first, second = _colour(dice), _colour(dice)
    return first + share[..., None] * (second - first)


def noise(dice: NamedRandom) -> Field:
    """Coarse squares of random colours."""
    cells = (4, 6, 8, 12, 16, 24)[int(dice.between(0, 6))]
    return dice.field(cells, cells, 3).repeat(SIDE // cells, axis=0).repeat(SIDE // cells, axis=1)


def gradient(dice: NamedRandom) -> Field:
    at = grid(turn=dice.between(0, 2 * np.pi))
    return _blend(np.clip(at.x * dice.between(0.3, 1) + 0.5, 0, 1), dice)


def stripes(dice: NamedRandom) -> Field:
    at = grid(turn=dice.between(0, np.pi))
    return _blend(np.clip(np.sin(at.x * dice.between(5, 25)) * 3 + 0.5, 0, 1), dice)


def checker(dice: NamedRandom) -> Field:
    at, dense = grid(turn=dice.between(0, np.pi)), dice.between(4, 14)
    return _blend(np.clip(np.sin(at.x * dense) * np.sin(at.y * dense) * 6 + 0.5, 0, 1), dice)


def rings(dice: NamedRandom) -> Field:
    at = grid(shift=(dice.between(-0.6, 0.6), dice.between(-0.6, 0.6)))
    return _blend(np.clip(np.sin(np.sqrt(at.x**2 + at.y**2) * dice.between(8, 25)) * 3 + 0.5, 0, 1), dice)


def blobs(dice: NamedRandom) -> Field:
    """Many overlapping ellipses."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(dice)
    for _ in range(12):
        spot = ellipse(grid(), dice.between(-1, 1), dice.between(-1, 1), dice.between(0.1, 0.4), dice.between(0.1, 0.4))
        picture = paint(picture, spot, _colour(dice))
    return picture


def shards(dice: NamedRandom) -> Field:
    """Overlapping triangles."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(dice)
    for _ in range(8):
        at = grid(
            (dice.between(-0.8, 0.8), dice.between(-0.8, 0.8)), dice.between(0, 2 * np.pi), dice.between(0.3, 0.8)
        )
        picture = paint(picture, polygon(at, (-0.6, -0.5), (0.7, -0.4), (0.0, 0.8)), _colour(dice))
    return picture


def scribble(dice: NamedRandom) -> Field:
    """Lines across the picture."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(dice)
    for _ in range(9):
        start, end = ((dice.between(-1, 1), dice.between(-1, 1)) for _ in range(2))
        picture = paint(picture, stroke(grid(), start, end, dice.between(0.02, 0.08)), _colour(dice))
    return picture


def mosaic(dice: NamedRandom) -> Field:
    """Cells around random points, a colour each."""
    at, points, colours = grid(), dice.field(14, 2) * 2 - 1, dice.field(14, 3)
    distance = (at.x[..., None] - points[:, 0]) ** 2 + (at.y[..., None] - points[:, 1]) ** 2
    nearest: Field = colours[np.argmin(distance, axis=-1)]
    return nearest


def clouds(dice: NamedRandom) -> Field:
    """A sum of a few waves."""
    share: Field = np.full((SIDE, SIDE), 0.5)
    for _ in range(5):
        share = share + 0.25 * np.sin(grid(turn=dice.between(0, np.pi)).x * dice.between(2, 8) + dice.between(0, 6))
    return _blend(np.clip(share, 0, 1), dice)


KINDS: dict[str, Kind] = {
    "noise": noise, "gradient": gradient, "stripes": stripes, "checker": checker, "rings": rings,
    "blobs": blobs, "shards": shards, "scribble": scribble, "mosaic": mosaic, "clouds": clouds,
}  # fmt: skip
