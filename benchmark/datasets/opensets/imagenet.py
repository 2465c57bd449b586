"""Open-set ImageNet-1k."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="imagenet",
    title="ImageNet-1k",
    images=1_281_167,
    source="https://www.image-net.org/",
    licence="research only: terms of access, images belong to their owners, see source",
    citation=(
        "Deng et al., ImageNet: A Large-Scale Hierarchical Image Database, CVPR 2009; Russakovsky et al., IJCV 2015"
    ),
    note="the train split of ILSVRC 2012",
)
