"""Target Dogs."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import mat, voc_boxes
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="dogs",
    title="Dogs",
    classes=120,
    train=12_000,
    test=8580,
    metric="top1",
    source="http://vision.stanford.edu/aditya86/ImageNetDogs/",
    licence="research only: images are ImageNet's and belong to their owners, see source",
    citation=(
        "Khosla et al., Novel Dataset for Fine-Grained Image Categorization: Stanford Dogs, CVPR workshop on FGVC 2011"
    ),
    split="official split: train_list.mat and test_list.mat",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The cell arrays `file_list` of both lists; a breed's folder has its WordNet id first. Boxes count from 0."""
    import numpy as np

    for split in ("train", "test"):
        for place in np.atleast_1d(mat(tree / f"{split}_list.mat", "file_list")["file_list"]).tolist():
            breed, _, name = str(place).rpartition("/")
            annotation = tree / "Annotation" / Path(breed, name).with_suffix("")
            boxes = voc_boxes(annotation, first=0)
            yield OfficialImage(split, breed, name, tree / "Images" / breed / name, boxes=boxes)  # type: ignore[arg-type]


ADDRESS = "http://vision.stanford.edu/aditya86/ImageNetDogs"
READ_IN = (
    "TensorFlow Datasets, image_classification/stanford_dogs.py; sizes and SHA-256 in url_checksums/stanford_dogs.txt"
)

official = Official(
    parts=(
        Part(
            file="images.tar",
            holds=("Images/n02085620-Chihuahua",),
            address=f"{ADDRESS}/images.tar",
            size=793_579_520,
            sha256="a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58",
            read_in=READ_IN,
        ),
        Part(
            file="lists.tar",
            holds=("train_list.mat", "test_list.mat"),
            loose=True,
            address=f"{ADDRESS}/lists.tar",
            size=481_280,
            sha256="34b47cacd9a98b5d150e084f24d29391c084c55272295ec65c85651bc35f4d6c",
            read_in=READ_IN,
        ),
        Part(
            file="annotation.tar",
            holds=("Annotation/n02085620-Chihuahua",),
            optional=True,
            address=f"{ADDRESS}/annotation.tar",
            size=21_852_160,
            sha256="662ed36f707be6b195c2fda392d8e153e83af28cedc8e2134a649f198def30fd",
            read_in=READ_IN,
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="all images are ImageNet's, test split included, under the same ids: an open-set of ImageNet has them too",
)
