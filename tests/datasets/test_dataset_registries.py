"""The registered data sets: exact counts and metrics of the paper, and a cheap import."""

import subprocess
import sys

import pytest
from paper_targets import paper_targets

from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UnknownName

TARGET_FACTS = {
    "aircraft": ("Aircraft", 100, 6667, 3333, "mean_per_class"),
    "cars": ("Cars", 196, 8144, 8041, "top1"),
    "pets": ("Pet", 37, 3680, 3669, "mean_per_class"),
    "cub": ("Birds", 200, 5990, 5790, "top1"),
    "dogs": ("Dogs", 120, 12000, 8580, "top1"),
    "flowers": ("Flowers", 102, 2040, 6149, "mean_per_class"),
    "stanford40": ("Action", 40, 4000, 5532, "top1"),
    "mit67": ("Indoor", 67, 5360, 1340, "mean_per_class"),
    "dtd": ("Textures", 47, 3760, 1880, "top1"),
    "celeba": ("Faces", 307, 4263, 1215, "top1"),
    "food11": ("Food", 11, 13296, 3347, "top1"),
}
OPENSET_FACTS = {
    "imagenet": 1_281_167,
    "coco": 118_287,
    "inaturalist": 500_000,
    "places": 8_026_628,
    "all": 9_926_082,
    "webvision": 2_446_037,
    "webfg": 53_339,
}


def test_there_are_eleven_targets_and_seven_opensets() -> None:
    assert {target.name for target in paper_targets()} == set(TARGET_FACTS)
    assert set(OPENSETS.names()) == set(OPENSET_FACTS)


@pytest.mark.parametrize("name", TARGET_FACTS)
def test_target_facts(name: str) -> None:
    target = TARGETS.get(name)
    assert (target.title, target.classes, target.train, target.test, target.metric) == TARGET_FACTS[name]
    assert "://" in target.source and target.licence and target.citation and target.split


@pytest.mark.parametrize("name", OPENSET_FACTS)
def test_openset_facts(name: str) -> None:
    openset = OPENSETS.get(name)
    assert openset.images == OPENSET_FACTS[name]
    assert openset.licence and openset.citation


def test_all_is_the_sum_of_its_parts() -> None:
    whole = OPENSETS.get("all")
    assert whole.parts == ("coco", "inaturalist", "imagenet", "places")
    assert sum(OPENSETS.get(part).images for part in whole.parts) == whole.images


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="did you mean flowers"):
        TARGETS.get("flower")


def test_names_need_no_heavy_library() -> None:
    heavy = "{'numpy', 'torch', 'PIL', 'datasets', 'pandas', 'sklearn'}"
    code = f"""
import sys, benchmark.datasets.targets, benchmark.datasets.opensets, benchmark.images.scan
benchmark.datasets.targets.TARGETS.names(), benchmark.datasets.opensets.OPENSETS.names()
print({heavy} & set(sys.modules))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
