"""The reader of both CIFAR targets."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from benchmark.datasets.archives.formats import png
from benchmark.datasets.archives.official import OfficialImage


def read(data_set: Literal["CIFAR10", "CIFAR100"], tree: Path) -> Iterator[OfficialImage]:
    """As torchvision reads it. It holds every file to its checksum first, so that no other pickle is loaded."""
    from torchvision import datasets

    for split in ("train", "test"):
        data = getattr(datasets, data_set)(tree, train=split == "train")
        for number, (pixels, label) in enumerate(zip(data.data, data.targets, strict=True)):
            name = f"{number:05d}.png"
            yield OfficialImage(split, data.classes[label], name, partial(png, pixels))  # type: ignore[arg-type]
