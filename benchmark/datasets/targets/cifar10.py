"""Target CIFAR-10."""

from functools import partial

from benchmark.datasets.archives.official import Official, Part
from benchmark.datasets.targets._cifar import read
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
    read=partial(read, "CIFAR10"),
    read_on="2026-11-24",
)
