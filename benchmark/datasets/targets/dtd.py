"""Target Textures."""

from benchmark.specs.datasets import Target

entry = Target(
    name="dtd",
    title="Textures",
    classes=47,
    train=3760,
    test=1880,
    metric="top1",
    source="https://www.robots.ox.ac.uk/~vgg/data/dtd/",
    licence="research only, see source",
    citation="Cimpoi et al., Describing Textures in the Wild, CVPR 2014",
    split="split 1 of 10 only: train = train1.txt and val1.txt merged, test = test1.txt",
)
