"""Folders and Hub names that a user gives one by one, without a data root."""

import shutil
from pathlib import Path

import pytest

from benchmark.commands.sample.output import check_link
from benchmark.commands.sample.request import Exports
from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.images.items import Folder
from benchmark.images.parquet import Rows
from benchmark.images.sources import NamedFolders


def read(place: str, store: Path) -> tuple[str, ...]:
    data = Data(NamedFolders(), False, store)
    data.read([("opensets", place, "train")])
    manifest, images = data.manifest("opensets", place, "train"), data.images("opensets", place, "train")
    assert manifest is not None and images.sha256 == manifest.images_sha256
    assert images.label == manifest.label == data.find("opensets", place).label == place
    return manifest.ids


def test_a_folder_needs_no_layout(data: Path, store: Path) -> None:
    ids = read(str(data / "targets" / "leaves"), store)
    assert {item.split("/")[0] for item in ids} == {"train", "test"}
    assert read(str(data / "targets" / "leaves" / "train" / "ash"), store)[0].count("/") == 0


def test_parquet_files_in_a_folder(data: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")
    (tmp_path / "table").mkdir()
    jpegs = [path.read_bytes() for path in sorted((data / "targets/leaves/train/ash").iterdir())]
    columns = {"image": [{"bytes": one, "path": None} for one in jpegs]}
    table = datasets.Dataset.from_dict(columns, features=datasets.Features({"image": datasets.Image()}))
    table.to_parquet(str(tmp_path / "table" / "train-00000-of-00001.parquet"))
    assert read(str(tmp_path / "table"), store) == tuple(f"{row:08d}" for row in range(len(jpegs)))
    items = NamedFolders().items("opensets", str(tmp_path / "table"), "train")
    with pytest.raises(UserError, match="--link needs a pool of files"):
        check_link(items, Exports(link=tmp_path / "links"))


def test_a_name_on_the_hub_is_pinned_to_a_revision() -> None:
    items = NamedFolders().items("opensets", "someone/birds@v2", "train")
    assert isinstance(items, Rows) and items.pointer is not None
    assert (items.pointer.dataset, items.pointer.revision, items.pointer.train) == ("someone/birds", "v2", "train")


def test_a_path_that_reads_as_a_registered_name_is_a_path(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data / "targets/leaves/train", tmp_path / "all")
    monkeypatch.chdir(tmp_path)
    items = NamedFolders().items("opensets", "all", "train")
    assert isinstance(items, Folder) and items.path == Path("all") and items.label == "all"


@pytest.mark.parametrize("place", ["/nowhere/at/all", "./absent", "absent"])
def test_a_place_that_is_none(place: str, store: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        read(place, store)


def test_a_folder_misspelt_as_a_hub_name(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def absent(**_: object) -> None:
        raise FileNotFoundError("no such dataset")

    monkeypatch.setattr(datasets, "load_dataset", absent)
    with pytest.raises(UserError, match="there is no folder my/pool either"):
        read("my/pool", store)
