"""Open-set WebVision."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="webvision",
    title="WebVision",
    images=2_446_037,
    source="https://data.vision.ee.ethz.ch/cvl/webvision/",
    licence="research only: images belong to their owners, see source",
    citation=("Li et al., WebVision Database: Visual Learning and Understanding from Web Data, arXiv 1708.02862, 2017"),
    note="WebVision 1.0: the folders of the Google and the Flickr queries",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """Every image of the folders `<source>/q<number>`, which become `<source>_q<number>` as in the released code."""
    for source in ("google", "flickr"):
        for folder, file in image_files(tree / source):
            if "q" in folder:
                yield OfficialImage("train", f"{source}_{folder}", file.name, file)


ADDRESS = "https://data.vision.ee.ethz.ch/cvl/webvision"

official = Official(
    parts=(
        Part(
            file="google_resized_256.tar",
            holds=("google",),
            address=f"{ADDRESS}/google_resized_256.tar",
            rounded_gigabytes=17.0,
            read_in="sangamesh-kodge/Verifix, data/Mini-WebVision: its log of a download in 2024",
        ),
        Part(
            file="flickr_resized_256.tar",
            holds=("flickr",),
            address=f"{ADDRESS}/flickr_resized_256.tar",
            read_in="a public download script for WebVision",
        ),
    ),
    read=read,
    read_on="2026-11-24",
    note="images at a short side of 256 px; the paper does not state which of the two sizes it used",
)
