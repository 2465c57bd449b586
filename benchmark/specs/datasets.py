"""Targets and open-sets as frozen typed values."""

from typing import Literal

from pydantic import Field

from benchmark.specs.base import Spec

Metric = Literal["top1", "mean_per_class"]
Role = Literal["targets", "opensets"]
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""How the names of files that are taken for images end, in any case."""


def split_label(role: Role, name: str, split: str, by_path: bool = False) -> str:
    """A split in words: "targets/cub/train". `by_path`: `name` is the path that a user gave, which says it all."""
    return name if by_path else f"{role}/{name}/{split}"


class Target(Spec):
    """A fine-grained labelled dataset with its official split. Counts are images; `metric` is the paper's."""

    name: str
    title: str
    classes: int = Field(gt=0)
    train: int = Field(gt=0)
    test: int = Field(gt=0)
    metric: Metric
    source: str
    licence: str
    citation: str
    split: str
    work: str = "SimCore"
    """The work whose tables are measured on it."""
    standin: str = ""
    """The family of pictures that a profile of stand-ins draws for it: one of `images/standins/families.py`."""
    official: str = ""
    """`module:name` of what reads the official download: a `benchmark.datasets.archives.official.Official`."""


class OpenSet(Spec):
    """An unlabelled pool. `parts` names the open-sets that it is the concatenation of, in order."""

    name: str
    title: str
    images: int = Field(gt=0)
    source: str
    licence: str
    citation: str
    parts: tuple[str, ...] = ()
    note: str = ""
    standin: str = ""
    """The open-set whose mix of pictures a profile of stand-ins draws for it: one of `images/standins/root.py`."""
    official: str = ""
    """`module:name` of what reads the official download: a `benchmark.datasets.archives.official.Official`."""
