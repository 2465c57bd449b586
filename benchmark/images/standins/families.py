"""The picture grammars of the stand-ins: eleven families that look like the paper's targets from afar.

A family draws its layers from four numbers in [0, 1] that its classes differ in. The first is the same in all images of
a class and may decide a count; the others vary a little from image to image.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmark.images.standins.drawing import Colour, Field, Grid, NamedRandom, box, ellipse, polygon, stroke


class Shape(NamedTuple):
    """What the classes of a family differ in; each in [0, 1]."""

    a: float
    b: float
    c: float
    d: float


class Palette(NamedTuple):
    """The colours of one image."""

    main: Colour
    light: Colour
    dark: Colour
    accent: Colour


Layers = list[tuple[Field, Colour]]
Family = Callable[[Grid, Shape, Palette, NamedRandom], Layers]


def _mix(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def aircraft(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """From the side: hull, wing (swept by b), fin (high by c), engines."""
    length, fat = _mix(0.6, 0.9, s.a), _mix(0.09, 0.19, s.d)
    sweep, fin = _mix(0.0, 0.6, s.b), _mix(0.2, 0.6, s.c)
    return [
        (polygon(at, (-length, 0), (-length - 0.08, fin), (-length + 0.12, fin), (-length + 0.4, 0)), p.accent),
        (ellipse(at, 0, 0, length, fat), p.main),
        (stroke(at, (-length * 0.6, fat * 0.3), (length * 0.6, fat * 0.3), 0.025), p.dark),
        (polygon(at, (0.25, -0.02), (0.05 - sweep, -0.62), (-0.12 - sweep, -0.62), (-0.25, -0.02)), p.light),
        (ellipse(at, length * 0.85, fat * 0.3, 0.08, 0.05), p.dark),
        (ellipse(at, 0.12 - sweep * 0.4, -0.32, 0.13, 0.05), p.dark),
    ]


def cars(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """From the side: body, cabin (from a to b, high by c), wheels (large by d)."""
    rear, front, roof = _mix(-0.75, -0.35, s.a), _mix(0.1, 0.5, s.b), _mix(0.22, 0.5, s.c)
    wheel = _mix(0.13, 0.26, s.d)
    cabin = ((rear, 0.05), (rear + 0.15, roof), (front - 0.2, roof), (front, 0.05))
    pane = ((rear + 0.1, 0.08), (rear + 0.18, roof - 0.06), (front - 0.24, roof - 0.06), (front - 0.1, 0.08))
    layers = [
        (polygon(at, *cabin), p.main),
        (polygon(at, *pane), p.light),
        (box(at, 0, -0.12, 0.85, 0.19), p.main),
        (box(at, 0.8, -0.08, 0.06, 0.06), p.accent),
    ]
    for x in (-0.48, 0.48):
        layers += [(ellipse(at, x, -0.3, wheel, wheel), p.dark), (ellipse(at, x, -0.3, wheel / 2, wheel / 2), p.light)]
    return layers


def pets(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A head: pointed ears (apart by a, high by b), eyes (apart by c), muzzle (large by d)."""
    apart, tall = _mix(0.18, 0.42, s.a), _mix(0.5, 0.95, s.b)
    eyes, muzzle = _mix(0.13, 0.32, s.c), _mix(0.1, 0.28, s.d)
    layers = []
    for side in (-1, 1):
        ear = ((side * (apart - 0.16), 0.25), (side * (apart + 0.05), tall), (side * (apart + 0.2), 0.15))
        layers.append((polygon(at, *ear), p.dark))
    layers += [(ellipse(at, 0, -0.05, 0.55, 0.5), p.main), (ellipse(at, 0, -0.28, muzzle * 1.3, muzzle), p.light)]
    for side in (-1, 1):
        layers += [
            (ellipse(at, side * eyes, 0.05, 0.1, 0.11), p.accent),
            (ellipse(at, side * eyes, 0.05, 0.035, 0.1), p.dark),
        ]
    return [*layers, (ellipse(at, 0, -0.2, 0.07, 0.05), p.dark)]


def cub(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A bird: body (fat by a), beak (long by b), tail (long by c), wing patch (large by d), legs."""
    fat, beak = _mix(0.2, 0.38, s.a), _mix(0.1, 0.45, s.b)
    tail, wing = _mix(0.2, 0.6, s.c), _mix(0.1, 0.4, s.d)
    return [
        (stroke(at, (-0.05, -0.2), (-0.05, -0.62), 0.03), p.dark),
        (stroke(at, (0.1, -0.2), (0.1, -0.62), 0.03), p.dark),
        (polygon(at, (-0.25, 0.12), (-0.35 - tail, -0.12), (-0.4 - tail, -0.3), (-0.25, -0.12)), p.dark),
        (ellipse(at, 0, 0, 0.46, fat), p.main),
        (ellipse(at, 0.12, -0.1, 0.3, fat * 0.55), p.light),
        (ellipse(at, -0.12, 0.05, wing, fat * 0.5), p.accent),
        (polygon(at, (0.5, 0.38), (0.5 + beak, 0.27), (0.5, 0.22)), p.accent),
        (ellipse(at, 0.42, 0.3, 0.2, 0.19), p.main),
        (ellipse(at, 0.47, 0.35, 0.04, 0.04), p.dark),
    ]


def dogs(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """On four legs (long by a), with ears (long by b), a tail (raised by c) and a snout (long by d)."""
    leg, ear = _mix(0.2, 0.55, s.a), _mix(0.08, 0.3, s.b)
    angle, snout = _mix(-0.6, 1.3, s.c), _mix(0.1, 0.36, s.d)
    tail = (-0.5 - 0.4 * float(np.cos(angle)), 0.15 + 0.4 * float(np.sin(angle)))
    layers = [(stroke(at, (x, 0), (x + rng.between(-0.08, 0.08), -0.15 - leg), 0.07), p.dark) for x in (-0.4, 0.3)]
    layers += [(stroke(at, (x, 0), (x + rng.between(-0.08, 0.08), -0.15 - leg), 0.07), p.main) for x in (-0.5, 0.4)]
    return [
        *layers,
        (stroke(at, (-0.5, 0.12), tail, 0.05), p.main),
        (stroke(at, (-0.42, 0.02), (0.4, 0.02), 0.19), p.main),
        (stroke(at, (0.4, 0.1), (0.52, 0.4), 0.12), p.main),
        (stroke(at, (0.55, 0.38), (0.58 + snout, 0.34), 0.08), p.light),
        (ellipse(at, 0.54, 0.42, 0.19, 0.17), p.main),
        (ellipse(at, 0.45, 0.42 - ear * 0.6, 0.08, ear), p.accent),
        (ellipse(at, 0.62, 0.47, 0.035, 0.035), p.dark),
    ]


def flowers(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """Petals (4 to 9 by a, deep by b), a disc (large by c), an inner ring (wide by d), a stem."""
    petals, deep = 4 + int(s.a * 5.99), _mix(0.08, 0.36, s.b)
    disc, ring = _mix(0.1, 0.3, s.c), _mix(0.0, 0.18, s.d)
    angle, radius = np.arctan2(at.y, at.x), np.sqrt(at.x**2 + at.y**2)
    edge = 0.78 - deep + deep * np.cos(petals * angle)
    petal = np.clip(0.5 - (radius - edge) / at.blur, 0.0, 1.0)
    return [
        (stroke(at, (0, 0), (0.1, -1.3), 0.05), p.dark),
        (petal, p.main),
        (petal * (0.5 + 0.5 * np.cos(petals * angle)) * 0.5, p.light),
        (ellipse(at, 0, 0, disc + ring, disc + ring), p.dark),
        (ellipse(at, 0, 0, disc, disc), p.accent),
    ]


def stanford40(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A figure that raises one arm by a and the other by b, spreads its legs by c and leans by d."""
    hip, lean = (0.0, -0.1), _mix(-0.35, 0.35, s.d)
    neck = (lean, 0.4)
    layers = []
    for side, raised in ((-1, s.a), (1, s.b)):
        angle = _mix(-1.2, 1.3, raised)
        elbow = (neck[0] + side * 0.3 * float(np.cos(angle)), neck[1] + 0.3 * float(np.sin(angle)))
        hand = (elbow[0] + side * 0.28 * float(np.cos(angle + 0.4)), elbow[1] + 0.28 * float(np.sin(angle + 0.4)))
        layers += [(stroke(at, neck, elbow, 0.07), p.main), (stroke(at, elbow, hand, 0.055), p.light)]
        foot = (side * _mix(0.08, 0.5, s.c) + rng.between(-0.05, 0.05), -0.85)
        layers.append((stroke(at, hip, foot, 0.08), p.dark))
    head = ellipse(at, neck[0] * 1.3, 0.66, 0.16, 0.18)
    return [
        *layers,
        (stroke(at, hip, neck, 0.13), p.main),
        (head, p.light),
        (ellipse(at, neck[0] * 1.3, 0.75, 0.16, 0.09), p.accent),
    ]


def mit67(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A room: windows (1 to 4 by a), back wall (wide by b, high by c), furniture (wide by d)."""
    count, wide, high = 1 + int(s.a * 3.99), _mix(0.35, 0.7, s.b), _mix(0.25, 0.55, s.c)
    layers = [
        (box(at, 0, 0, 3, 3), p.main),
        (polygon(at, (-wide, -high), (wide, -high), (wide + 2, -high - 2), (-wide - 2, -high - 2)), p.dark),
        (polygon(at, (-wide, high), (wide, high), (wide + 2, high + 2), (-wide - 2, high + 2)), p.light),
        (box(at, 0, 0, wide, high), 0.6 * p.main + 0.4 * p.light),
    ]
    for number in range(count):
        x = wide * ((2 * number + 1) / count - 1)
        layers.append((box(at, x, high * 0.25, wide * 0.6 / count, high * 0.45), p.accent))
    desk = _mix(0.15, 0.55, s.d)
    return [*layers, (box(at, rng.between(-0.3, 0.3), -high - 0.1, desk, 0.14), 0.5 * (p.accent + p.dark))]


def dtd(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A woven surface: threads (dense by a, wavy by b, thick by c) and a second set of them at an angle of d."""
    dense, wavy = _mix(9, 22, s.a), _mix(0.0, 1.8, s.b)
    angle, phase = _mix(0.6, 1.5, s.d), rng.between(0, 6)
    first = np.sin(dense * at.x + wavy * np.sin(5 * at.y + phase))
    turned = at.x * np.cos(angle) + at.y * np.sin(angle)
    second = np.sin(dense * turned + wavy * np.sin(5 * at.x - phase))
    thick = _mix(-0.5, 0.5, s.c)
    return [
        (np.ones_like(at.x), p.main),
        (np.clip((first + thick) * 2 + 0.5, 0, 1), p.light),
        (np.clip((second + thick) * 2, 0, 1) * 0.85, p.dark),
        (np.clip(first * second * 3 - 1.2, 0, 1), p.accent),
    ]


def celeba(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A face (narrow by a) with hair (high by b), eyes (apart by c) and a mouth (wide and bent by d)."""
    wide, hair = _mix(0.36, 0.56, s.a), _mix(0.0, 0.35, s.b)
    eyes, mouth = _mix(0.13, 0.28, s.c), _mix(0.1, 0.28, s.d)
    bend = _mix(-0.1, 0.14, s.d)
    layers = [
        (box(at, 0, -1.1, 0.8, 0.35), p.accent),
        (ellipse(at, 0, 0.18 + hair * 0.4, wide + 0.14, 0.6 + hair * 0.5), p.dark),
        (ellipse(at, 0, -0.08, wide, 0.6), p.light),
    ]
    for side in (-1, 1):
        layers += [
            (ellipse(at, side * eyes, 0.08, 0.085, 0.05), p.main),
            (ellipse(at, side * eyes, 0.08, 0.04, 0.05), p.dark),
            (stroke(at, (0, -0.38), (side * mouth, -0.38 + bend), 0.035), p.accent),
        ]
    return [*layers, (stroke(at, (0, 0.05), (0.02, -0.16), 0.03), p.main)]


def food11(at: Grid, s: Shape, p: Palette, rng: NamedRandom) -> Layers:
    """A plate (broad rim by b) with pieces (3 to 9 by a, large by c, far apart by d)."""
    count, rim = 3 + int(s.a * 6.99), _mix(0.06, 0.3, s.b)
    size, spread = _mix(0.09, 0.2, s.c), _mix(0.15, 0.5, s.d)
    layers = [
        (ellipse(at, 0, 0, 0.92, 0.92), p.light),
        (ellipse(at, 0, 0, 0.92 - rim, 0.92 - rim), p.main),
    ]
    start = rng.between(0, 2 * np.pi)
    for number in range(count):
        angle, far = start + 2 * np.pi * number / count, spread + rng.between(-0.06, 0.06)
        x, y = far * float(np.cos(angle)), far * float(np.sin(angle))
        layers.append((ellipse(at, x, y, size, size * rng.between(0.7, 1.0)), p.accent if number % 2 else p.dark))
    return layers


FAMILIES: dict[str, Family] = {
    "aircraft": aircraft, "cars": cars, "pets": pets, "cub": cub, "dogs": dogs, "flowers": flowers,
    "stanford40": stanford40, "mit67": mit67, "dtd": dtd, "celeba": celeba, "food11": food11,
}  # fmt: skip
