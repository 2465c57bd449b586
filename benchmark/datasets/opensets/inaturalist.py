"""Open-set iNaturalist2021-mini."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="inaturalist",
    title="iNaturalist2021-mini",
    images=500_000,
    source="https://github.com/visipedia/inat_comp/tree/master/2021",
    licence="research only: each image has its owner's licence, see source",
    citation=("Van Horn et al., Benchmarking Representation Learning for Natural World Image Collections, CVPR 2021"),
    note="torchvision's INaturalist, version 2021_train_mini: 50 images of each of 10,000 species",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Every image, in the folders of the species. torchvision, which wants another folder's name, lists the same."""
    for folder, file in image_files(tree / "train_mini"):
        yield OfficialImage("train", folder, file.name, file)


official = Official(
    parts=(
        Part(
            file="train_mini.tar.gz",
            others=("2021_train_mini.tgz",),
            holds=("train_mini",),
            address="https://ml-inat-competition-datasets.s3.amazonaws.com/2021/train_mini.tar.gz",
            rounded_gigabytes=44.6,
            md5="db6ed8330e634445efc8fec83ae81442",
            read_in="torchvision, datasets/inaturalist.py; size in a public download script",
        ),
    ),
    read=read,
    read_on="2026-11-24",
)
