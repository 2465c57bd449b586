"""Target CIFAR-100."""

from functools import partial

from benchmark.datasets.archives.official import Official, Part
from benchmark.datasets.targets._cifar import read
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
    read=partial(read, "CIFAR100"),
    read_on="2026-11-24",
)
