"""Target Food."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import folder_name
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="food11",
    title="Food",
    classes=11,
    train=13_296,
    test=3347,
    metric="top1",
    source="https://www.kaggle.com/datasets/trolukovich/food11-image-dataset",
    licence="research only, see source",
    citation=(
        "Singla et al., Food/Non-food Image Classification and Food Categorization using Pre-Trained "
        "GoogLeNet Model, MADiMa 2016"
    ),
    split="train = training and validation folders merged, test = evaluation folder",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The three folders, with a folder for each class (Kaggle) or names `<class>_<number>.jpg` (the original).

    Train images are called train_ and val_ as in the released code: the two folders have files of one name.
    """
    for split, source, prefix in FOLDERS:
        for file in sorted((tree / source).rglob("*")):
            if file.is_file():
                name = CLASSES[int(file.stem.partition("_")[0])] if file.parent == tree / source else file.parent.name
                yield OfficialImage(split, folder_name(name), f"{prefix}{file.name}", file)  # type: ignore[arg-type]


FOLDERS = (("train", "training", "train_"), ("train", "validation", "val_"), ("test", "evaluation", ""))
CLASSES = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles-Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable-Fruit",
)
"""In the order of the numbers that the original files are named by."""

official = Official(
    parts=(
        Part(
            file="food11-image-dataset.zip",
            others=("archive.zip", "Food-11.zip"),
            holds=("training", "validation", "evaluation"),
            address="https://www.kaggle.com/datasets/trolukovich/food11-image-dataset",
            by_hand="Kaggle asks for an account",
            read_in="the README of the official code, which names this page",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    gone="the original address, grebvm2.epfl.ch/lin/food/Food-11.zip, is called unreliable by public tutorials; the "
    "paper's authors name the copy on Kaggle, which needs an account",
)
