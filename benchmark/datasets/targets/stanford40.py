"""Target Action."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import lines, voc_boxes
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="stanford40",
    title="Action",
    classes=40,
    train=4000,
    test=5532,
    metric="top1",
    source="http://vision.stanford.edu/Datasets/40actions.html",
    licence="research only, see source",
    citation=("Yao et al., Human Action Recognition by Learning Bases of Action Attributes and Parts, ICCV 2011"),
    split="official split: ImageSplits/<class>_train.txt and ImageSplits/<class>_test.txt",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The two lists of all classes; an action is what a file's name begins with. Boxes are of the person who acts."""
    for split in ("train", "test"):
        for name in lines(tree / "ImageSplits" / f"{split}.txt"):
            action = name.rpartition("_")[0]
            person = tree / "XMLAnnotations" / Path(name).with_suffix(".xml")
            boxes = voc_boxes(person, first=1)
            yield OfficialImage(split, action, name, tree / "JPEGImages" / name, boxes=boxes)  # type: ignore[arg-type]


ADDRESS = "http://vision.stanford.edu/Datasets"
READ_IN = "several public download scripts for Stanford 40"

official = Official(
    parts=(
        Part(
            file="Stanford40_JPEGImages.zip",
            holds=("JPEGImages/applauding_001.jpg",),
            address=f"{ADDRESS}/Stanford40_JPEGImages.zip",
            read_in=READ_IN,
        ),
        Part(
            file="Stanford40_ImageSplits.zip",
            holds=("ImageSplits/train.txt", "ImageSplits/test.txt"),
            address=f"{ADDRESS}/Stanford40_ImageSplits.zip",
            read_in=READ_IN,
        ),
        Part(
            file="Stanford40_XMLAnnotations.zip",
            holds=("XMLAnnotations",),
            optional=True,
            address=f"{ADDRESS}/Stanford40_XMLAnnotations.zip",
            read_in=READ_IN,
        ),
    ),
    read=read,
    read_on="2026-11-24",
    gone="the .tar files of the same names no longer exist (a public reader says so); the .zip files are used",
)
