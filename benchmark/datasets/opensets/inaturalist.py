"""Open-set iNaturalist2021-mini."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="inaturalist",
    title="iNaturalist2021-mini",
    images=500_000,
    source="https://github.com/visipedia/inat_comp/tree/master/2021",
    licence="research only: each image has its owner's licence, see source",
    citation=("Van Horn et al., Benchmarking Representation Learning for Natural World Image Collections, CVPR 2021"),
    note="torchvision's INaturalist, version 2021_train_mini: 50 images of each of 10,000 species",
)
