"""The data sets that have miniatures: for each kind of download the data set and what writes it."""

from collections.abc import Callable
from pathlib import Path

from tests.datasets import miniature_opensets, miniatures
from tests.datasets.miniatures import Expected

Make = Callable[[Path], Expected]
TARGETS: dict[str, tuple[str, Make]] = {
    "aircraft": ("aircraft", miniatures.aircraft),
    "cars": ("cars", miniatures.cars),
    "cars in two lists": ("cars", miniatures.cars_in_two_lists),
    "cars of Kaggle": ("cars", miniatures.cars_of_kaggle),
    "pets": ("pets", miniatures.pets),
    "cub": ("cub", miniatures.cub),
    "dogs": ("dogs", miniatures.dogs),
    "flowers": ("flowers", miniatures.flowers),
    "stanford40": ("stanford40", miniatures.stanford40),
    "mit67": ("mit67", miniatures.mit67),
    "dtd": ("dtd", miniatures.dtd),
    "celeba": ("celeba", miniatures.celeba),
    "food11": ("food11", miniatures.food11),
    "food11, original": ("food11", miniatures.food11_original),
}
OPENSETS: dict[str, tuple[str, Make]] = {
    "imagenet": ("imagenet", miniature_opensets.imagenet),
    "coco": ("coco", miniature_opensets.coco),
    "inaturalist": ("inaturalist", miniature_opensets.inaturalist),
    "places": ("places", miniature_opensets.places),
    "webvision": ("webvision", miniature_opensets.webvision),
    "webfg": ("webfg", miniature_opensets.webfg),
}
