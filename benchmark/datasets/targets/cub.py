"""Target Birds."""

from benchmark.specs.datasets import Target

entry = Target(
    name="cub",
    title="Birds",
    classes=200,
    train=5990,
    test=5790,
    metric="top1",
    source="https://www.vision.caltech.edu/datasets/cub_200_2011/",
    licence="research only, see source",
    citation="Wah et al., The Caltech-UCSD Birds-200-2011 Dataset, Caltech CNS-TR-2011-001, 2011",
    split=("official split without its greyscale images: 4 of 5,994 train and 4 of 5,794 test images are dropped"),
)
