"""Open-set WebFG-496."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.datasets.archives.formats import folder_name, image_files
from benchmark.datasets.archives.official import Official, OfficialImage, Part
from benchmark.specs.datasets import OpenSet

entry = OpenSet(
    name="webfg",
    title="WebFG-496",
    images=53_339,
    source="https://github.com/NUST-Machine-Intelligence-Laboratory/weblyFG-dataset",
    licence="research only: images belong to their owners, see source",
    citation=("Sun et al., Webly Supervised Fine-Grained Recognition: Benchmark Datasets and An Approach, ICCV 2021"),
    note="the train splits of web-aircraft, web-bird and web-car, classes of the same name merged",
    official=f"{__name__}:official",
)


def read(tree: Path) -> Iterator[OfficialImage]:
    """The train images of the three; classes of the same name, spaces read as underscores, are merged."""
    for name in SETS:
        for folder, file in image_files(tree / name / "train"):
            yield OfficialImage("train", folder_name(folder), file.name, file)


SETS = ("web-aircraft", "web-bird", "web-car")
ADDRESS = "https://web-fgvc-496-5089-sh.oss-cn-shanghai.aliyuncs.com"

official = Official(
    parts=tuple(
        Part(
            file=f"{name}.tar.gz",
            holds=(f"{name}/train",),
            address=f"{ADDRESS}/{name}.tar.gz",
            read_in="the README of NUST-Machine-Intelligence-Laboratory/weblyFG-dataset",
        )
        for name in SETS
    ),
    read=read,
    read_on="2026-11-24",
    note="the released script says that 7 files are corrupted; a run leaves out those that cannot be decoded",
)
