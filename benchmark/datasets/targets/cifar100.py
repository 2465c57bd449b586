"""Target CIFAR-100."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.datasets.archives.formats import png
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="cifar100",
    title="CIFAR-100",
    classes=100,
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
    from torchvision.datasets import CIFAR100

    for split in ("train", "test"):
        data = CIFAR100(tree, train=split == "train")
        for number, (pixels, label) in enumerate(zip(data.data, data.targets, strict=True)):
            name = f"{number:05d}.png"
            yield OfficialImage(split, data.classes[label], name, partial(png, pixels))  # type: ignore[arg-type]


official = Official(
    parts=(
        Part(
            file="cifar-100-python.tar.gz",
            holds=("cifar-100-python/train", "cifar-100-python/test", "cifar-100-python/meta"),
            address="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            md5="eb9058c3a382ffc7106e4002c42a8d85",
            read_in="torchvision, datasets/cifar.py",
        ),
    ),
    read=read,
    read_on="2026-11-24",
)
