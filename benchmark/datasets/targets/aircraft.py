"""Target Aircraft."""

from benchmark.specs.datasets import Target

entry = Target(
    name="aircraft",
    title="Aircraft",
    classes=100,
    train=6667,
    test=3333,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
    licence="research only: made available for non-commercial research purposes, see source",
    citation="Maji et al., Fine-Grained Visual Classification of Aircraft, arXiv 1306.5151, 2013",
    split=("variant labels; train = images_variant_trainval (train and val merged), test = images_variant_test"),
)
