"""Open-set MS COCO."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="coco",
    title="MS COCO",
    images=118_287,
    source="https://cocodataset.org/",
    licence="annotations CC BY 4.0; images under the terms of Flickr and their owners, see source",
    citation="Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014",
    note="the train2017 images, without labels",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Every image of `train2017`, which stays the one folder."""
    for folder, file in image_files(tree):
        yield OfficialImage("train", folder, file.name, file)


official = Official(
    parts=(
        Part(
            file="train2017.zip",
            holds=("train2017",),
            address="http://images.cocodataset.org/zips/train2017.zip",
            size=19_336_861_798,
            sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
            read_in="many public download scripts; size and SHA-256 in TensorFlow Datasets, url_checksums/coco.txt",
        ),
    ),
    read=read,
    read_on="2026-11-24",
)
