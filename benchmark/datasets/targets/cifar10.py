"""Target CIFAR-10."""

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
)
