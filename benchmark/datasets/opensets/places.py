"""Open-set Places365."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="places",
    title="Places365",
    images=8_026_628,
    source="http://places2.csail.mit.edu/",
    licence="research only: images belong to their owners, see source",
    citation="Zhou et al., Places: A 10 Million Image Database for Scene Recognition, IEEE TPAMI 2018",
    note="Places365-Challenge at 256 px; the released script lists 8 files to delete",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Every image of `data_256/<letter>/<scene>`; where a scene has kinds, as apartment_building/outdoor has, they are
    one name, as in the released code."""
    for folder, file in image_files(tree / "data_256"):
        _, _, scene = folder.partition("/")
        yield OfficialImage("train", scene.replace("/", "_"), file.name, file)


official = Official(
    parts=(
        Part(
            file="train_256_places365challenge.tar",
            holds=("data_256",),
            address="http://data.csail.mit.edu/places/places365/train_256_places365challenge.tar",
            rounded_gigabytes=108,
            md5="741915038a5e3471ec7332404dfb64ef",
            read_in="torchvision, datasets/places365.py; size in datadings, sets/Places365.py",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="the registered number counts the 8 images that the released script deletes; they are kept here, and a run "
    "leaves out those that cannot be decoded",
)
