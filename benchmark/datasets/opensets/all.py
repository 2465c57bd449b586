"""Open-set ALL."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="all",
    title="ALL",
    images=9_926_082,
    source="the four open-sets that it is made of",
    licence="those of its parts",
    citation=("Kim et al., Coreset Sampling from Open-Set for Fine-Grained Self-Supervised Learning, CVPR 2023"),
    parts=("coco", "inaturalist", "imagenet", "places"),
    note="concatenation in this order",
)
