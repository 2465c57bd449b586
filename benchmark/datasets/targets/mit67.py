"""Target Indoor."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import lines
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="mit67",
    title="Indoor",
    classes=67,
    train=5360,
    test=1340,
    metric="mean_per_class",
    source="https://web.mit.edu/torralba/www/indoor.html",
    licence="research only, see source",
    citation="Quattoni and Torralba, Recognizing Indoor Scenes, CVPR 2009",
    split="official split: TrainImages.txt (80 a class) and TestImages.txt (20 a class)",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The two lists, lines of `<scene>/<file>`."""
    for split, file in (("train", "TrainImages.txt"), ("test", "TestImages.txt")):
        for place in lines(tree / file):
            scene, _, name = place.rpartition("/")
            yield OfficialImage(split, scene, name, tree / "Images" / scene / name)  # type: ignore[arg-type]


READ_IN = "several public readers of MIT Indoor 67"

official = Official(
    parts=(
        Part(
            file="indoorCVPR_09.tar",
            holds=("Images/airport_inside",),
            address="http://groups.csail.mit.edu/vision/LabelMe/NewImages/indoorCVPR_09.tar",
            rounded_gigabytes=2.4,
            read_in=READ_IN,
        ),
        Part(file="TrainImages.txt", address="http://web.mit.edu/torralba/www/TrainImages.txt", read_in=READ_IN),
        Part(file="TestImages.txt", address="http://web.mit.edu/torralba/www/TestImages.txt", read_in=READ_IN),
    ),
    read=read,
    read_on="2026-11-24",
    note="only 6,700 of the 15,620 images are in the two lists",
)
