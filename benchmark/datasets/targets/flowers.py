"""Target Flowers."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import mat
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="flowers",
    title="Flowers",
    classes=102,
    train=2040,
    test=6149,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
    licence="research only, see source",
    citation=("Nilsback and Zisserman, Automated Flower Classification over a Large Number of Classes, ICVGIP 2008"),
    split="setid.mat: train = trnid and valid merged, test = tstid",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The two .mat files: ids and labels count from 1, and so do the folders, which have no names there.

    torchvision's reader is not used: it wants the parts in a folder of its own and holds the lists to their checksums.
    """
    import numpy as np

    labels = np.atleast_1d(mat(tree / "imagelabels.mat", "labels")["labels"])
    splits = mat(tree / "setid.mat", "trnid", "valid", "tstid")
    for split, source in (("train", "trnid"), ("train", "valid"), ("test", "tstid")):
        for number in np.atleast_1d(splits[source]).tolist():
            name = f"image_{number:05d}.jpg"
            folder = f"{int(labels[number - 1]):03d}"
            yield OfficialImage(split, folder, name, tree / "jpg" / name)  # type: ignore[arg-type]


ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"
READ_IN = "torchvision, datasets/flowers102.py; sizes in TensorFlow Datasets, url_checksums/oxford_flowers102.txt"

official = Official(
    parts=(
        Part(
            file="102flowers.tgz",
            holds=("jpg/image_00001.jpg",),
            address=f"{ADDRESS}/102flowers.tgz",
            size=344_862_509,
            md5="52808999861908f626f3c1f4e79d11fa",
            read_in=READ_IN,
        ),
        Part(
            file="imagelabels.mat",
            address=f"{ADDRESS}/imagelabels.mat",
            size=502,
            md5="e0620be6f572b9609742df49c70aed4d",
            read_in=READ_IN,
        ),
        Part(
            file="setid.mat",
            address=f"{ADDRESS}/setid.mat",
            size=14_989,
            md5="a5357ecc9cb78c4bef273ce3793fc85c",
            read_in=READ_IN,
        ),
    ),
    read=read,
    read_on="2026-11-24",
)
