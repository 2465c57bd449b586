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


def _colour(rng: NamedRandom) -> Colour:
    return hsv(rng.between(0, 1), rng.between(0.1, 0.9), rng.between(0.2, 1))


def _blend(share: Field, rng: NamedRandom) -> Field:
    """Two colours, the second where `share` is 1."""
    first, second = _colour(rng), _colour(rng)
    return first + share[..., None] * (second - first)


def noise(rng: NamedRandom) -> Field:
    """Coarse squares of random colours."""
    cells = (4, 6, 8, 12, 16, 24)[int(rng.between(0, 6))]
    return rng.field(cells, cells, 3).repeat(SIDE // cells, axis=0).repeat(SIDE // cells, axis=1)


def gradient(rng: NamedRandom) -> Field:
    at = grid(turn=rng.between(0, 2 * np.pi))
    return _blend(np.clip(at.x * rng.between(0.3, 1) + 0.5, 0, 1), rng)


def stripes(rng: NamedRandom) -> Field:
    at = grid(turn=rng.between(0, np.pi))
    return _blend(np.clip(np.sin(at.x * rng.between(5, 25)) * 3 + 0.5, 0, 1), rng)


def checker(rng: NamedRandom) -> Field:
    at, dense = grid(turn=rng.between(0, np.pi)), rng.between(4, 14)
    return _blend(np.clip(np.sin(at.x * dense) * np.sin(at.y * dense) * 6 + 0.5, 0, 1), rng)


def rings(rng: NamedRandom) -> Field:
    at = grid(shift=(rng.between(-0.6, 0.6), rng.between(-0.6, 0.6)))
    return _blend(np.clip(np.sin(np.sqrt(at.x**2 + at.y**2) * rng.between(8, 25)) * 3 + 0.5, 0, 1), rng)


def blobs(rng: NamedRandom) -> Field:
    """Many overlapping ellipses."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(rng)
    for _ in range(12):
        spot = ellipse(grid(), rng.between(-1, 1), rng.between(-1, 1), rng.between(0.1, 0.4), rng.between(0.1, 0.4))
        picture = paint(picture, spot, _colour(rng))
    return picture


def shards(rng: NamedRandom) -> Field:
    """Overlapping triangles."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(rng)
    for _ in range(8):
        at = grid((rng.between(-0.8, 0.8), rng.between(-0.8, 0.8)), rng.between(0, 2 * np.pi), rng.between(0.3, 0.8))
        picture = paint(picture, polygon(at, (-0.6, -0.5), (0.7, -0.4), (0.0, 0.8)), _colour(rng))
    return picture


def scribble(rng: NamedRandom) -> Field:
    """Lines across the picture."""
    picture = np.ones((SIDE, SIDE, 3)) * _colour(rng)
    for _ in range(9):
        start, end = ((rng.between(-1, 1), rng.between(-1, 1)) for _ in range(2))
        picture = paint(picture, stroke(grid(), start, end, rng.between(0.02, 0.08)), _colour(rng))
    return picture


def mosaic(rng: NamedRandom) -> Field:
    """Cells around random points, a colour each."""
    at, points, colours = grid(), rng.field(14, 2) * 2 - 1, rng.field(14, 3)
    distance = (at.x[..., None] - points[:, 0]) ** 2 + (at.y[..., None] - points[:, 1]) ** 2
    nearest: Field = colours[np.argmin(distance, axis=-1)]
    return nearest


def clouds(rng: NamedRandom) -> Field:
    """A sum of a few waves."""
    share: Field = np.full((SIDE, SIDE), 0.5)
    for _ in range(5):
        share = share + 0.25 * np.sin(grid(turn=rng.between(0, np.pi)).x * rng.between(2, 8) + rng.between(0, 6))
    return _blend(np.clip(share, 0, 1), rng)


KINDS: dict[str, Kind] = {
    "noise": noise, "gradient": gradient, "stripes": stripes, "checker": checker, "rings": rings,
    "blobs": blobs, "shards": shards, "scribble": scribble, "mosaic": mosaic, "clouds": clouds,
}  # fmt: skip
