"""Target Cars."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import folder_name, mat
from benchmark.datasets.archives.official import Box, Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="cars",
    title="Cars",
    classes=196,
    train=8144,
    test=8041,
    metric="top1",
    source="https://ai.stanford.edu/~jkrause/cars/car_dataset.html",
    licence="research only, see source",
    citation="Krause et al., 3D Object Representations for Fine-Grained Categorization, ICCV workshops 2013",
    split="official split: the test flag of cars_annos.mat",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """`cars_annos.mat` as the released code reads it or, where that is not there, the later layout as torchvision does.

    A class is its name, with underscores for spaces and slashes; brand and type are labels, parsed as there.
    """
    yield from _one_list(tree) if (tree / "cars_annos.mat").exists() else _two_lists(tree)


def _one_list(tree: Path) -> Iterator[OfficialImage]:
    import numpy as np

    content = mat(tree / "cars_annos.mat", "annotations", "class_names")
    names = np.atleast_1d(content["class_names"]).tolist()
    for row in np.atleast_1d(content["annotations"]):
        split = "test" if row["test"] else "train"
        file = tree / str(row["relative_im_path"])
        yield _image(split, names[int(row["class"]) - 1], file, [row[f"bbox_{side}"] for side in SIDES])


def _two_lists(tree: Path) -> Iterator[OfficialImage]:
    import numpy as np
    from torchvision.datasets import StanfordCars

    folder = tree / "stanford_cars"
    mat(folder / "devkit" / "cars_meta.mat", "class_names")
    for split, file in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        annotations = np.atleast_1d(mat(folder / file, "annotations")["annotations"])
        data = StanfordCars(tree, split)
        inner = data._images_base_path / f"cars_{split}"
        for (image, label), row in zip(data._samples, annotations, strict=True):
            box = [row[f"bbox_{side}"] for side in SIDES]
            # The copy on Kaggle has every folder in one of the same name.
            place = inner / Path(image).name if inner.is_dir() else Path(image)
            yield _image(split, data.classes[label], place, box)


SIDES = ("x1", "y1", "x2", "y2")


def _image(split: str, name: str, file: Path, box: list[int]) -> OfficialImage:
    return OfficialImage(
        split,  # type: ignore[arg-type]
        folder_name(name),
        file.name,
        file,
        # MATLAB counts from 1.
        boxes=(Box(*(int(side) - 1 for side in box)),),
        labels={"brand": name.partition(" ")[0], "type": car_type(name)},
    )


TYPES = ("SUV", "Sedan", "Hatchback", "Convertible", "Coupe", "Wagon", "Cab", "Van", "Minivan")
TYPE_OF = {
    "Type-S": "Sedan",
    "R": "Coupe",
    "GS": "Sedan",
    "SuperCab": "Cab",
    "IPL": "Coupe",
    "XKR": "Coupe",
    "Superleggera": "Coupe",
}


def car_type(name: str) -> str:
    """The word before the year, or what the released code takes it for; nothing where it drops the class."""
    word = name.split()[-2]
    return word if word in TYPES else TYPE_OF.get(word, "")


READ_IN = "public READMEs; gone as torchvision, datasets/stanford_cars.py, and issue 7545 of pytorch/vision say"
GONE = "it is no longer offered (since 2023)"
THREAD = "issue 7545 of pytorch/vision"
LISTS = (
    Part(
        file="car_devkit.tgz",
        holds=("devkit/cars_train_annos.mat", "devkit/cars_meta.mat"),
        into="stanford_cars",
        address="https://github.com/pytorch/vision/files/11644847/car_devkit.tgz",
        read_in=THREAD,
    ),
    Part(
        file="cars_test_annos_withlabels.mat",
        into="stanford_cars",
        address="https://github.com/pytorch/vision/issues/7545#issuecomment-1631441616",
        by_hand="it is attached to a comment, where a browser shows it",
        read_in=THREAD,
    ),
)

HALVES = (
    ("train", 979_269_282, "512b227b30e2f0a8aab9e09485786ab4479582073a144998da74d64b801fd288"),
    ("test", 977_350_468, "bffea656d6f425cba3c91c6d83336e4c5f86c6cffd8975b0f375d3a10da8e243"),
)

official = Official(
    parts=(
        Part(
            file="car_ims.tgz",
            holds=("car_ims",),
            address="http://ai.stanford.edu/~jkrause/car196/car_ims.tgz",
            by_hand=GONE,
            read_in=READ_IN,
        ),
        Part(
            file="cars_annos.mat",
            address="http://ai.stanford.edu/~jkrause/car196/cars_annos.mat",
            by_hand=GONE,
            read_in=READ_IN,
        ),
    ),
    or_else=(
        (
            *(
                Part(
                    file=f"cars_{split}.tgz",
                    holds=(f"cars_{split}",),
                    into="stanford_cars",
                    address=f"http://ai.stanford.edu/~jkrause/car196/cars_{split}.tgz",
                    by_hand=GONE,
                    size=size,
                    sha256=sha256,
                    read_in=READ_IN + "; sizes and SHA-256 in TensorFlow Datasets, url_checksums/cars196.txt",
                )
                for split, size, sha256 in HALVES
            ),
            *LISTS,
        ),
        (
            Part(
                file="stanford-cars-dataset.zip",
                others=("archive.zip",),
                holds=("cars_train/cars_train", "cars_test/cars_test"),
                into="stanford_cars",
                address="https://www.kaggle.com/datasets/jessicali9530/stanford-cars-dataset",
                by_hand="Kaggle asks for an account",
                read_in=THREAD,
            ),
            *LISTS,
        ),
    ),
    read=read,
    read_on="2026-11-24",
    gone="the official page and all its files (since 2023). The field uses the copy on Kaggle, which needs an account, "
    "with the two lists that are attached to issue 7545 of pytorch/vision",
)
