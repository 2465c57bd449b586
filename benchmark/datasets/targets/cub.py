"""Target Birds."""

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

from benchmark.datasets.archives.formats import rows
from benchmark.datasets.archives.official import Box, Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="cub",
    title="Birds",
    classes=200,
    train=5990,
    test=5790,
    metric="top1",
    source="https://www.vision.caltech.edu/datasets/cub_200_2011/",
    licence="research only, see source",
    citation="Wah et al., The Caltech-UCSD Birds-200-2011 Dataset, Caltech CNS-TR-2011-001, 2011",
    split=("official split without its greyscale images: 4 of 5,994 train and 4 of 5,794 test images are dropped"),
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The official split without greyscale images: those that have one channel as they are stored, as in the released
    code. Masks are the segmentations at the thresholds of the released code."""
    from PIL import Image

    folder = tree / "CUB_200_2011"
    in_train = dict(rows(folder / "train_test_split.txt", 2))
    boxes = {number: _box(*cells) for number, *cells in rows(folder / "bounding_boxes.txt", 5)}
    for number, place in rows(folder / "images.txt", 2):
        file = folder / "images" / place
        if file.exists():
            with Image.open(file) as image:
                if image.mode == "L":
                    continue
        segmentation = tree / "segmentations" / Path(place).with_suffix(".png")
        yield OfficialImage(
            "train" if in_train[number] == "1" else "test",
            Path(place).parent.as_posix(),
            file.name,
            file,
            boxes=(boxes[number],),
            mask=partial(trimap, segmentation) if segmentation.exists() else None,
        )


def _box(x: str, y: str, width: str, height: str) -> Box:
    left, top = int(float(x)), int(float(y))
    return Box(left, top, left + int(float(width)) - 1, top + int(float(height)) - 1)


def trimap(segmentation: Path) -> bytes:
    """A segmentation as PNG: 1 where over four fifths of the annotators saw the bird, 2 under one fifth, else 3."""
    import numpy as np
    from PIL import Image

    with Image.open(segmentation) as image:
        votes = np.asarray(image.convert("L"))
    classes = np.where(votes > 204, 1, np.where(votes >= 51, 3, 2)).astype(np.uint8)
    encoded = BytesIO()
    Image.fromarray(classes).save(encoded, "PNG")
    return encoded.getvalue()


READ_IN = (
    "TensorFlow Datasets, image_classification/caltech_birds.py, sizes in url_checksums/caltech_birds2011.txt; "
    "checksums in several public readers"
)

official = Official(
    parts=(
        Part(
            file="CUB_200_2011.tgz",
            holds=(
                "CUB_200_2011/images.txt",
                "CUB_200_2011/train_test_split.txt",
                "CUB_200_2011/bounding_boxes.txt",
                "CUB_200_2011/images",
            ),
            address="https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz?download=1",
            rounded_gigabytes=1.15,
            md5="97eceeb196236b17998738112f37df78",
            read_in=READ_IN,
        ),
        Part(
            file="segmentations.tgz",
            holds=("segmentations",),
            optional=True,
            address="https://data.caltech.edu/records/w9d68-gec53/files/segmentations.tgz?download=1",
            rounded_gigabytes=0.039,
            md5="4d47ba1228eae64f2fa547c47bc65255",
            read_in=READ_IN,
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="some images are ImageNet's too: the official page of the first edition warns of it",
    gone="the addresses below www.vision.caltech.edu/visipedia-data, which older code names, have moved to "
    "data.caltech.edu",
)
