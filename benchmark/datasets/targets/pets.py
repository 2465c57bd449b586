"""Target Pet."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import voc_boxes
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="pets",
    title="Pet",
    classes=37,
    train=3680,
    test=3669,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/pets/",
    licence="research only as stated in the data set's README; see source for the licence stated there",
    citation="Parkhi et al., Cats and Dogs, CVPR 2012",
    split="train = annotations/trainval.txt, test = annotations/test.txt",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The lists as torchvision reads them. A breed's folder is what the file names begin with; its trimap is the mask.

    The boxes are those of the heads, which are there for most train images only.
    """
    from torchvision.datasets import OxfordIIITPet

    for split, source in (("train", "trainval"), ("test", "test")):
        data = OxfordIIITPet(tree, source)
        for file, trimap, species in zip(data._images, data._segs, data._bin_labels, strict=True):
            breed, heads = file.stem.rpartition("_")[0], data._anns_folder / "xmls" / f"{file.stem}.xml"
            yield OfficialImage(
                split,  # type: ignore[arg-type]
                breed,
                file.name,
                file,
                boxes=voc_boxes(heads, first=1),
                mask=trimap if trimap.exists() else None,
                labels={"species": data.bin_classes[species]},
            )


READ_IN = "torchvision, datasets/oxford_iiit_pet.py; sizes in TensorFlow Datasets, url_checksums/oxford_iiit_pet.txt"
ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/pets/data"

official = Official(
    parts=(
        Part(
            file="images.tar.gz",
            holds=("images/Abyssinian_1.jpg",),
            into="oxford-iiit-pet",
            address=f"{ADDRESS}/images.tar.gz",
            size=791_918_971,
            md5="5c4f3ee8e5d25df40f4fd59a7f44e54c",
            read_in=READ_IN,
        ),
        Part(
            file="annotations.tar.gz",
            holds=("annotations/trainval.txt", "annotations/test.txt"),
            into="oxford-iiit-pet",
            address=f"{ADDRESS}/annotations.tar.gz",
            size=19_173_078,
            md5="95a8c909bbe2e81eed6a22bccdf3f68f",
            read_in=READ_IN,
        ),
    ),
    read=read,
    read_on="2026-11-24",
    boxes="boxes_head.csv",
)
