"""Target Flowers."""

from benchmark.specs.datasets import Target

entry = Target(
    name="flowers",
    title="Flowers",
    classes=102,
    train=2040,
    test=6149,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    licence="research only, see source",
    citation=("Nilsback and Zisserman, Automated Flower Classification over a Large Number of Classes, ICVGIP 2008"),
    split="setid.mat: train = trnid and valid merged, test = tstid",
)
