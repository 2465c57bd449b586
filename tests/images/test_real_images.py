"""The real images that SOURCES.md describes, where BENCHMARK_DATA names them."""

from pathlib import Path

import pytest

from benchmark.images.relevance import heldout_mask, relevance
from benchmark.images.scan import find_manifest, open_source
from benchmark.images.sources import DataRoot, Source

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def mixed(real_root: Path, real_store: Path) -> Source:
    return open_source(DataRoot(real_root), "opensets", "mixed", "train", real_store)


@pytest.mark.parametrize(
    ("name", "classes", "train", "test"),
    [("birds70", 70, 2016, 2100), ("flowers12", 12, 623, 324), ("pets3", 3, 299, 298), ("dogcat9", 9, 720, 360)],
)
def test_target_counts(real_root: Path, real_store: Path, name: str, classes: int, train: int, test: int) -> None:
    root = DataRoot(real_root)
    first = open_source(root, "targets", name, "train", real_store).manifest
    second = open_source(root, "targets", name, "test", real_store).manifest
    assert (len(first.classes), len(first), len(second)) == (classes, train, test)
    assert set(second.labels) == set(range(classes))


def test_openset_counts(mixed: Source) -> None:
    assert len(mixed) == 16_481 and not mixed.manifest.skipped
    assert len(mixed.manifest.classes) == 428


@pytest.mark.parametrize(
    ("target", "images"), [("birds70", 2248), ("flowers12", 448), ("pets3", 804), ("dogcat9", 804)]
)
def test_relevant_images(mixed: Source, target: str, images: int) -> None:
    mask = relevance(mixed, target)
    assert mask is not None and mask.sum() == images


def test_heldout_images(mixed: Source) -> None:
    assert heldout_mask(mixed).sum() == 1786 + 930 + 400


def test_the_pool_is_found_again_without_opening_an_image(
    real_root: Path, real_store: Path, mixed: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("benchmark.images.scan._look")
    assert find_manifest(DataRoot(real_root), "opensets", "mixed", "train", real_store) == mixed.manifest
