"""Rendered stand-in images for registered names: small, deterministic, and fine-grained enough to learn from.

Each target is a family of five subtly different classes. An open-set mixes relatives of the targets (same family, other
classes) with unrelated pictures. Numbers measured on them say that the pipeline works, nothing about the paper.
`VERSION` is raised with every change of a pixel; `tests/golden/standins.json` holds the pixels to it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS, registered_target
from benchmark.errors import UserError
from benchmark.images.attributes import Attributes
from benchmark.images.items import FolderLabels, Items, MissingImages, folder_of
from benchmark.images.manifest import Manifest, Split
from benchmark.images.sources import ImageRoot
from benchmark.images.standins.drawing import SIDE, NamedRandom, background, expose, grid, hsv, paint
from benchmark.images.standins.families import FAMILIES, Palette, Shape
from benchmark.images.standins.unrelated import KINDS
from benchmark.specs.base import digest
from benchmark.specs.datasets import Role

if TYPE_CHECKING:
    from PIL.Image import Image


VERSION = 1
CLASSES = 5
PER_CLASS: Mapping[Split, int] = {"train": 20, "test": 12}
RELATED_CLASSES = 9
WOBBLE = 0.06
"""How far a class's numbers vary from image to image; classes are 0.2 apart in each of them."""


class Mix(NamedTuple):
    """What an open-set is made of: `each` relatives of every family named, and `unrelated` other images."""

    families: tuple[str, ...]
    each: int
    unrelated: int


MIXES: Mapping[str, Mix] = {
    "imagenet": Mix(tuple(FAMILIES), 45, 1505),
    "webvision": Mix(tuple(FAMILIES), 45, 1505),
    "coco": Mix(("aircraft", "cars", "pets", "cub", "dogs", "stanford40", "food11"), 45, 685),
    "inaturalist": Mix(("cub", "flowers"), 135, 730),
    "places": Mix(("mit67", "dtd"), 135, 1230),
    "webfg": Mix(("aircraft", "cars", "cub"), 135, 95),
}


class StandIns(ImageRoot):
    """Registered targets and open-sets, rendered: those that have pictures of their own or name another's."""

    standins = True

    def names(self, role: Role) -> list[str]:
        if role == "targets":
            return sorted({*FAMILIES, *(target.name for target in TARGETS if target.standin)})
        return OPENSETS.names()

    def _single(self, role: Role, name: str, split: Split) -> Items:
        if drawn_as(role, name) is None:
            raise MissingImages(f"no stand-in for {role}/{name}; there are {', '.join(self.names(role))}")
        return Rendered(role, name, split)


def drawn_as(role: Role, name: str) -> str | None:
    """The family of pictures of a target, or the mix of an open-set; None where there is no stand-in.

    UserError for a registered data set whose `standin` is no family and no mix.
    """
    drawn = FAMILIES if role == "targets" else MIXES
    if name in drawn:
        return name
    openset = OPENSETS.get(name) if role == "opensets" and name in OPENSETS else None
    entry = registered_target(name) if role == "targets" else openset
    if entry is None or not entry.standin:
        return None
    if entry.standin not in drawn:
        raise UserError(f"{role}/{name}: its field 'standin' is '{entry.standin}'; known: {', '.join(sorted(drawn))}")
    return entry.standin


@dataclass(frozen=True)
class Rendered(Items):
    """The stand-in images of one split. Ids are `<family>__<class>/<number>.png`."""

    @property
    def signature(self) -> str:
        return digest({"kind": "standins", "version": VERSION, "side": SIDE, "label": self.label, "ids": self.ids})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        drawn = drawn_as(self.role, self.name) or self.name
        counts = _target_counts(drawn, self.split) if self.role == "targets" else _openset_counts(drawn)
        return tuple(sorted(f"{folder}/{number:04d}.png" for folder, count in counts for number in range(count)))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({folder_of(item) for item in self.ids}))

    @cached_property
    def known_manifest(self) -> Manifest:
        number = {name: position for position, name in enumerate(self.classes)}
        return Manifest(
            role=self.role,
            name=self.name,
            split=self.split,
            ids=self.ids,
            labels=tuple(number[folder_of(item)] for item in self.ids),
            classes=self.classes,
            digests=tuple(hashlib.sha256(self._seed(item).encode()).hexdigest() for item in self.ids),
        )

    @cached_property
    def folder_labels(self) -> FolderLabels | None:
        if self.role == "targets":
            return None
        return FolderLabels(
            targets=frozenset(FAMILIES),
            source=dict.fromkeys(self.classes, "standins"),
            relevant={name: frozenset({_family(name)}) & frozenset(FAMILIES) for name in self.classes},
        )

    @cached_property
    def attributes(self) -> Attributes | None:
        """Two attributes that follow from the class: its number's parity, and which half of the classes it is of."""
        if self.role == "opensets":
            return None
        number = {name: position for position, name in enumerate(self.classes)}
        values = {
            f"{split}/{item}": (str(number[folder_of(item)] % 2), str(2 * number[folder_of(item)] // len(number)))
            for split in ("train", "test")
            for item in replace(self, split=split).ids  # type: ignore[arg-type]
        }
        return Attributes(f"stand-ins of targets/{self.name}", ("parity", "half"), values)

    def _seed(self, item: str) -> str:
        return f"standins {VERSION} {SIDE} {self.label}/{item}"

    def pixels(self, item: str) -> NDArray[np.uint8]:
        """The image as uint8 [side, side, 3]."""
        return render(folder_of(item), self._seed(item))

    def open(self, item: str) -> "Image":
        from PIL import Image

        return Image.fromarray(self.pixels(item))

    def read(self, item: str) -> bytes:
        buffer = BytesIO()
        self.open(item).save(buffer, "png")
        return buffer.getvalue()


def _target_counts(family: str, split: Split) -> Iterator[tuple[str, int]]:
    return ((f"{family}__{number:02d}", PER_CLASS[split]) for number in range(CLASSES))


def _openset_counts(name: str) -> Iterator[tuple[str, int]]:
    mix = MIXES[name]
    for family in mix.families:
        for number in range(RELATED_CLASSES):
            yield f"{family}__{CLASSES + number:02d}", mix.each // RELATED_CLASSES
    for position, kind in enumerate(KINDS):
        yield f"{kind}__00", mix.unrelated // len(KINDS) + (position < mix.unrelated % len(KINDS))


def _family(folder: str) -> str:
    return folder.partition("__")[0]


def render(folder: str, seed: str) -> NDArray[np.uint8]:
    """An image of the class `folder` ("<family>__<class>"), uint8 [side, side, 3]; the same for the same arguments."""
    family, rng = _family(folder), NamedRandom(seed)
    if family in KINDS:
        return expose(KINDS[family](rng), rng)
    shape = _wobbled(_class_shape(folder), rng)
    at = grid((rng.between(-0.15, 0.15), rng.between(-0.15, 0.15)), rng.between(-0.35, 0.35), rng.between(0.75, 1.05))
    picture = background(rng)
    for mask, colour in FAMILIES[family](at, shape, _palette(family, rng), rng):
        picture = paint(picture, mask, colour)
    return expose(picture, rng)


@cache
def _class_shape(folder: str) -> Shape:
    """The numbers of a class. Those of a family's target classes are spread evenly in each dimension, and so are its
    relatives'; the first in the order of the classes, the others in random orders."""
    family, _, text = folder.partition("__")
    number = int(text)
    related = number >= CLASSES
    count, rank = (RELATED_CLASSES, number - CLASSES) if related else (CLASSES, number)
    rng = NamedRandom(f"standins {VERSION} classes of {family} {related}")
    orders = [np.arange(count), *(rng.order(count) for _ in range(3))]
    return Shape(*((float(order[rank]) + 0.5) / count for order in orders))


def _wobbled(shape: Shape, rng: NamedRandom) -> Shape:
    return Shape(shape.a, *(min(max(value + rng.between(-WOBBLE, WOBBLE), 0.0), 1.0) for value in shape[1:]))


def _palette(family: str, rng: NamedRandom) -> Palette:
    """Colours around the family's hue, far enough around it to overlap with most other families'."""
    hue = list(FAMILIES).index(family) / len(FAMILIES) + rng.between(-0.13, 0.13)
    return Palette(
        main=hsv(hue, rng.between(0.4, 0.8), rng.between(0.5, 0.9)),
        light=hsv(hue + 0.05, rng.between(0.1, 0.3), rng.between(0.8, 1.0)),
        dark=hsv(hue - 0.05, rng.between(0.4, 0.8), rng.between(0.1, 0.3)),
        accent=hsv(hue + rng.between(0.3, 0.6), rng.between(0.5, 0.9), rng.between(0.6, 1.0)),
    )
