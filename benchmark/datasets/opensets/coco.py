"""Open-set MS COCO."""

from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="coco",
    title="MS COCO",
    images=118_287,
    source="https://cocodataset.org/",
    licence="annotations CC BY 4.0; images under the terms of Flickr and their owners, see source",
    citation="Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014",
    note="the train2017 images, without labels",
)
