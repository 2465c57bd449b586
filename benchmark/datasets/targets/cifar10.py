"""Target CIFAR-10."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.datasets.archives.formats import png
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="cifar10",
    title="CIFAR-10",
    classes=10,
    train=50_000,
    test=10_000,
    metric="top1",
    source="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated, see source",
    citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    split="train = the five training batches, test = the test batch; images of 32 px",
    work="All4One",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """As torchvision reads it. It holds every file to its checksum first, so that no other pickle is loaded."""
    from torchvision.datasets import CIFAR10

    for split in ("train", "test"):
        data = CIFAR10(tree, train=split == "train")
        for number, (pixels, label) in enumerate(zip(data.data, data.targets, strict=True)):
            name = f"{number:05d}.png"
            yield OfficialImage(split, data.classes[label], name, partial(png, pixels))  # type: ignore[arg-type]


official = Official(
    parts=(
        Part(
            file="cifar-10-python.tar.gz",
            holds=tuple(f"cifar-10-batches-py/{file}" for file in ("data_batch_1", "test_batch", "batches.meta")),
            address="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            md5="c58f30108f718f92721af3b95e74349a",
            rounded_gigabytes=0.163,
            read_in="torchvision, datasets/cifar.py; size on the official page",
        ),
    ),
    read=read,
    read_on="2026-11-24",
)
