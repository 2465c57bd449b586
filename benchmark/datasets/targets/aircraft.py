"""Target Aircraft."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import folder_name, rows
from benchmark.datasets.archives.official import Box, Official, OfficialImage, Part
from benchmark.specs.datasets import Target

entry = Target(
    name="aircraft",
    title="Aircraft",
    classes=100,
    train=6667,
    test=3333,
    metric="mean_per_class",
    source="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/",
    licence="research only: made available for non-commercial research purposes, see source",
    citation="Maji et al., Fine-Grained Visual Classification of Aircraft, arXiv 1306.5151, 2013",
    split=("variant labels; train = images_variant_trainval (train and val merged), test = images_variant_test"),
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Variants as torchvision reads them; family and manufacturer as labels. A variant's folder has underscores for
    spaces and slashes, as in the released code."""
    boxes = {name: Box(*(int(side) - 1 for side in sides)) for name, *sides in rows(tree / DATA / "images_box.txt", 5)}
    for split, source in SPLITS:
        names = {level: _names(tree, source, level) for level in LEVELS}
        for file, variant in names["variant"].items():
            yield OfficialImage(
                split,  # type: ignore[arg-type]
                folder_name(variant),
                file.name,
                file,
                boxes=(boxes[file.stem],),
                labels={level: names[level][file] for level in LEVELS[1:]},
            )


def _names(tree: Path, split: str, level: str) -> dict[Path, str]:
    from torchvision.datasets import FGVCAircraft

    data = FGVCAircraft(tree, split, level)
    return {Path(file): data.classes[label] for file, label in zip(data._image_files, data._labels, strict=True)}


DATA = "fgvc-aircraft-2013b/data"
SPLITS = (("train", "trainval"), ("test", "test"))
LEVELS = ("variant", "family", "manufacturer")
LISTS = tuple(f"{DATA}/images_{level}_{split}.txt" for level in LEVELS for _, split in SPLITS)

official = Official(
    parts=(
        Part(
            file="fgvc-aircraft-2013b.tar.gz",
            holds=(f"{DATA}/variants.txt", f"{DATA}/images", f"{DATA}/images_box.txt", *LISTS),
            address="https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz",
            rounded_gigabytes=2.75,
            read_in="torchvision, datasets/fgvc_aircraft.py; size in the archive's own README",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="the lowest 20 rows of each image are a banner with its source; it is kept, as in the paper",
)
