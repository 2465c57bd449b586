"""Images in tables, through the `datasets` library: local Parquet files and names on the Hub."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import UserError
from benchmark.images.relevance import relevance
from benchmark.images.scan import find_manifest
from benchmark.images.sources import DataRoot, Source
from benchmark.images.square_cache import square_pixels

datasets = pytest.importorskip("datasets")
Opened = Callable[..., Source]
NAMES = ["elm", "ash"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")


@pytest.fixture
def jpegs(data: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((data / "targets/leaves/train/ash").iterdir())]


def table(jpegs: list[bytes], labels: list[Any] | None, kind: Any = None) -> Any:
    columns: dict[str, Any] = {"image": [{"bytes": data, "path": None} for data in jpegs]}
    features: dict[str, Any] = {"image": datasets.Image()}
    if labels is not None:
        columns["label"], features["label"] = labels, kind or datasets.ClassLabel(names=NAMES)
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def save(value: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    value.to_parquet(str(path))


def test_parquet_rows_become_items(data: Path, opened: Opened, jpegs: list[bytes], store: Path) -> None:
    save(table(jpegs, [0, 1, 0, 1]), data / "targets/rows/train/part.parquet")
    source = opened("targets", "rows")
    assert source.manifest.ids == ("ash/00000001", "ash/00000003", "elm/00000000", "elm/00000002")
    assert source.manifest.classes == ("ash", "elm") and source.manifest.labels == (0, 0, 1, 1)
    assert [source.read(i) for i in range(4)] == [jpegs[1], jpegs[3], jpegs[0], jpegs[2]]
    assert find_manifest(DataRoot(data), "targets", "rows", "train", store) == source.manifest
    assert square_pixels(source, 8, store / "pixels").shape == (4, 8, 8, 3)


@pytest.mark.parametrize("place", ["test/0.parquet", "test-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"])
def test_places_of_parquet_files(data: Path, opened: Opened, jpegs: list[bytes], place: str) -> None:
    save(table(jpegs, [0, 1, 0, 1]), data / "targets/rows" / place.replace("test", "train"))
    save(table(jpegs[:2], [1, 1]), data / "targets/rows" / place)
    assert opened("targets", "rows", "test").manifest.labels == (0, 0)


def test_classes_without_names(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs, [10, 2, 10, 2], datasets.Value("int64")), data / "targets/rows/train/0.parquet")
    assert opened("targets", "rows").manifest.classes == ("00002", "00010")
    save(table(jpegs, ["b/c", "a", "a", "a"], datasets.Value("string")), data / "targets/words/train/0.parquet")
    assert opened("targets", "words").manifest.classes == ("a", "b_c")


def test_an_openset_needs_no_labels(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs, None), data / "opensets/rows/train/0.parquet")
    assert opened("opensets", "rows").manifest.ids == ("00000000", "00000001", "00000002", "00000003")


def test_relevance_labels_of_rows(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs, [0, 1, 0, 1]), data / "opensets/rows/train/0.parquet")
    (data / "opensets/rows/relevance.csv").write_text("dir,source,rel_leaves\nelm,web,1\nash,web,0\n")
    mask = relevance(opened("opensets", "rows"), "leaves")
    assert mask is not None and mask.tolist() == [False, False, True, True]


def test_a_target_needs_labels(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs, None), data / "targets/rows/train/0.parquet")
    with pytest.raises(UserError, match="no column label among image"):
        opened("targets", "rows")


def test_a_bad_row_of_a_target_is_named(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table([*jpegs[:3], b"<html>"], [0, 1, 0, 1]), data / "targets/rows/train/0.parquet")
    with pytest.raises(UserError, match="1 of 4 files are no readable images; the first is ash/00000003"):
        opened("targets", "rows")


def test_a_class_in_test_that_train_lacks(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs, [0, 0, 0, 0]), data / "targets/rows/train/0.parquet")
    save(table(jpegs, [0, 1, 0, 1]), data / "targets/rows/test/0.parquet")
    with pytest.raises(UserError, match="targets/rows/train lacks: ash"):
        opened("targets", "rows", "test")


def test_a_file_that_is_no_parquet(data: Path, opened: Opened) -> None:
    path = data / "targets/rows/train/0.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("no table")
    with pytest.raises(UserError, match=r"targets/rows/train cannot be read from parquet: .*; check the Parquet files"):
        opened("targets", "rows")


def test_rows_are_read_by_many_threads(data: Path, opened: Opened, jpegs: list[bytes]) -> None:
    save(table(jpegs * 50, [0, 1, 0, 1] * 50), data / "targets/rows/train/0.parquet")
    source = opened("targets", "rows")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(source.read, range(len(source))))
    assert read == [source.read(i) for i in range(len(source))]


def test_a_hub_name_is_loaded_as_its_pointer_says(
    data: Path, opened: Opened, jpegs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: dict[str, Any] = {}

    def load(**arguments: Any) -> Any:
        passed.update(arguments)
        return table(jpegs, [0, 1, 0, 1]).rename_columns({"image": "img", "label": "species"})

    monkeypatch.setattr("datasets.load_dataset", load)
    (data / "targets/hub").mkdir()
    text = 'dataset = "owner/trees"\nrevision = "abc"\nimage = "img"\nlabel = "species"\ntrain = "training"\n'
    (data / "targets/hub/hub.toml").write_text(text)
    assert opened("targets", "hub").manifest.classes == ("ash", "elm")
    assert passed == {"path": "owner/trees", "name": None, "split": "training", "revision": "abc"}


def test_a_hub_name_without_network(data: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(**_: Any) -> Any:
        raise ConnectionError("Couldn't reach 'owner/trees' on the Hub\nlong story")

    monkeypatch.setattr("datasets.load_dataset", offline)
    (data / "opensets/hub").mkdir()
    (data / "opensets/hub/hub.toml").write_text('dataset = "owner/trees"\nrevision = "abc"\n')
    with pytest.raises(UserError) as caught:
        opened("opensets", "hub")
    assert "owner/trees: Couldn't reach 'owner/trees' on the Hub; it needs the network" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", 'dataset = "a/b"', 'dataset = "a/b"\nrevision = "c"\ncolour = 1', "not toml"])
def test_a_pointer_that_is_none(data: Path, opened: Opened, text: str) -> None:
    (data / "targets/hub").mkdir()
    (data / "targets/hub/hub.toml").write_text(text)
    with pytest.raises(UserError, match=r"hub\.toml is no pointer to a Hub data set .*dataset and revision are needed"):
        opened("targets", "hub")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["elm", "a\nb", "elm", "ash"], r"the name 'a\\nb/00000001' holds a line break"),
        (["elm", "elm", "", "ash"], r"the name '/00000002' has an empty part"),
        (["elm", "..", "ash", "ash"], r"the name '\.\./00000001' has an empty part, \. or \.\. in it"),
        (["elm", "#", "ash", "ash"], r"the name '#/00000001' begins with #"),
    ],
)
def test_labels_that_make_no_names_are_refused(
    data: Path, opened: Opened, jpegs: list[bytes], labels: list[str], reason: str
) -> None:
    save(table(jpegs, labels, datasets.Value("string")), data / "opensets/odd/train/0.parquet")
    with pytest.raises(UserError, match=f"opensets/odd/train: {reason}"):
        opened("opensets", "odd")
