"""Target Textures."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import lines
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="dtd",
    title="Textures",
    classes=47,
    train=3760,
    test=1880,
    metric="top1",
    source="https://www.robots.ox.ac.uk/~vgg/data/dtd/",
    licence="research only, see source",
    citation="Cimpoi et al., Describing Textures in the Wild, CVPR 2014",
    split="split 1 of 10 only: train = train1.txt and val1.txt merged, test = test1.txt",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Partition 1 as torchvision reads it, train and val merged; the further attributes of an image as a label."""
    from torchvision.datasets import DTD

    joint = tree / "dtd/dtd/labels/labels_joint_anno.txt"
    attributes = {line.split()[0]: line.split()[1:] for line in lines(joint)} if joint.exists() else {}
    for split, source in (("train", "train"), ("train", "val"), ("test", "test")):
        data = DTD(tree, source, partition=1)
        for file, label in zip(data._image_files, data._labels, strict=True):
            folder = data.classes[label]
            others = " ".join(sorted(set(attributes.get(f"{folder}/{file.name}", ())) - {folder}))
            labels = {"also": others} if attributes else {}
            yield OfficialImage(split, folder, file.name, file, labels=labels)  # type: ignore[arg-type]


LISTS = tuple(f"dtd/labels/{split}1.txt" for split in ("train", "val", "test"))

official = Official(
    parts=(
        Part(
            file="dtd-r1.0.1.tar.gz",
            holds=(*LISTS, "dtd/images"),
            into="dtd",
            address="https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
            size=625_239_812,
            md5="fff73e5086ae6bdbea199a49dfb8a4c1",
            read_in="torchvision, datasets/dtd.py; size in TensorFlow Datasets, url_checksums/dtd.txt",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="the first of ten official splits, as in the paper",
)
