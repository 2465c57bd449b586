"""Open-set ImageNet-1k."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
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
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Every image of the folders that are named by WordNet ids. Labels of open-sets are not used, nor is the devkit."""
    for folder, file in image_files(tree / "train"):
        if folder.startswith("n"):
            yield OfficialImage("train", folder, file.name, file)


official = Official(
    parts=(
        Part(
            file="ILSVRC2012_img_train.tar",
            holds=("n01440764",),
            into="train",
            nested=True,
            loose=True,
            by_hand="the page gives it to accounts that accept its terms",
            rounded_gigabytes=138,
            md5="1d675b47d978889d74fa0da5fadfb00e",
            read_in="torchvision, datasets/imagenet.py; size in many public READMEs",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    gone="downloads without an account: the page gives the file after terms are accepted",
)
