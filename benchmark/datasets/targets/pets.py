"""Target Pet."""

from benchmark.specs.datasets import Target

entry = Target(
    name="pets",
    title="Pet",
    classes=37,
    train=3680,
    test=3669,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/pets/",
    licence="research only as stated in the data set's README; see source for the licence stated there",
    citation="Parkhi et al., Cats and Dogs, CVPR 2012",
    split="train = annotations/trainval.txt, test = annotations/test.txt",
)
