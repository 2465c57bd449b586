"""Soft shapes, colours and light on a small grid, in numpy alone: what the stand-ins are drawn with.

Everything is float64: a difference of the last bit between machines then does not reach the eight bits of a pixel.
A mask is a float array [side, side] in [0, 1]; coordinates run from -1 to 1, x to the right and y upwards.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]
Colour = NDArray[np.float64]
SIDE = 48
_STEP = 2.0 / SIDE


class NamedRandom:
    """Uniform numbers from a name: the same name gives the same numbers, on every machine and in every order of use."""

    def __init__(self, name: str) -> None:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self._generator.random())

    def field(self, *shape: int) -> Field:
        """Uniform in [0, 1)."""
        return self._generator.random(shape)

    def order(self, count: int) -> NDArray[np.int64]:
        """A permutation of 0 ... count - 1."""
        return np.argsort(self.field(count), kind="stable")


@dataclass(frozen=True)
class Grid:
    """Where each pixel lies in the coordinates of a thing that was moved, turned and scaled; `blur` is one pixel."""

    x: Field
    y: Field
    blur: float


def grid(shift: tuple[float, float] = (0.0, 0.0), turn: float = 0.0, scale: float = 1.0) -> Grid:
    """The pixel grid seen from a thing at `shift`, turned by `turn` radians and `scale` times its size."""
    line = (np.arange(SIDE) + 0.5) * _STEP - 1.0
    x, y = line[None, :] - shift[0], -line[:, None] - shift[1]
    cosine, sine = np.cos(turn), np.sin(turn)
    return Grid((cosine * x + sine * y) / scale, (cosine * y - sine * x) / scale, _STEP / scale)


def _soft(distance: Field, at: Grid) -> Field:
    """A mask from a signed distance: 1 inside, 0 outside, one pixel of transition."""
    return np.clip(0.5 - distance / at.blur, 0.0, 1.0)


def ellipse(at: Grid, x: float, y: float, wide: float, high: float) -> Field:
    """The ellipse around (x, y) with half axes `wide` and `high`."""
    radius = np.sqrt(((at.x - x) / wide) ** 2 + ((at.y - y) / high) ** 2)
    return _soft((radius - 1.0) * min(wide, high), at)


def polygon(at: Grid, *corners: tuple[float, float]) -> Field:
    """The convex polygon with these corners, in either order."""
    points = np.array(corners)
    following = np.roll(points, -1, axis=0)
    turning = float(np.sum(points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]))
    distance = np.full(at.x.shape, -np.inf)
    for (x0, y0), (x1, y1) in zip(points, following, strict=True):
        length = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2) * np.sign(turning)
        distance = np.maximum(distance, ((at.x - x0) * (y1 - y0) - (at.y - y0) * (x1 - x0)) / length)
    return _soft(distance, at)


def box(at: Grid, x: float, y: float, wide: float, high: float) -> Field:
    """The rectangle around (x, y) with half sides `wide` and `high`."""
    return _soft(np.maximum(np.abs(at.x - x) - wide, np.abs(at.y - y) - high), at)


def stroke(at: Grid, start: tuple[float, float], end: tuple[float, float], thick: float) -> Field:
    """The line from `start` to `end` with round ends and half thickness `thick`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((at.x - start[0]) * dx + (at.y - start[1]) * dy) / (dx * dx + dy * dy)
    along = np.clip(along, 0.0, 1.0)
    distance = np.sqrt((at.x - start[0] - along * dx) ** 2 + (at.y - start[1] - along * dy) ** 2)
    return _soft(distance - thick, at)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour [3] in [0, 1]; hue in turns."""
    wheel = np.abs((hue * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0)
    return value * (1.0 - saturation * (1.0 - np.clip(wheel - 1.0, 0.0, 1.0)))


def paint(picture: Field, mask: Field, colour: Colour) -> Field:
    """`picture` [side, side, 3] with `colour` laid over it where `mask` says so."""
    return picture + mask[..., None] * (colour - picture)


def background(rng: NamedRandom) -> Field:
    """A slope between two colours with a few soft discs, [side, side, 3]."""
    hue = rng.between(0, 1)
    near, far = (hsv(hue + rng.between(0, 0.3), rng.between(0.05, 0.45), rng.between(0.25, 0.9)) for _ in range(2))
    at = grid(turn=rng.between(0, 2 * np.pi))
    picture = near + (np.clip(at.x * 0.5 + 0.5, 0.0, 1.0))[..., None] * (far - near)
    for _ in range(2):
        spot = ellipse(grid(), rng.between(-1, 1), rng.between(-1, 1), *(rng.between(0.1, 0.5) for _ in range(2)))
        picture = paint(picture, 0.5 * spot, hsv(rng.between(0, 1), 0.3, rng.between(0.2, 0.9)))
    return picture


def expose(picture: Field, rng: NamedRandom) -> NDArray[np.uint8]:
    """Light from one side, a colour cast and noise, as uint8 [side, side, 3]."""
    at = grid(turn=rng.between(0, 2 * np.pi))
    light = rng.between(0.75, 1.1) + rng.between(0.0, 0.3) * at.x
    cast = np.array([rng.between(0.9, 1.1) for _ in range(3)])
    lit = picture * light[..., None] * cast + 0.10 * (rng.field(SIDE, SIDE, 3) - 0.5)
    levels: NDArray[np.uint8] = (np.clip(lit, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return levels
