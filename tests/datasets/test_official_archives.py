"""Every data set is prepared from a miniature of its official archive."""

import csv
import dataclasses
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.datasets.archives.official import Official, official
from benchmark.datasets.archives.prepare import Prepared, prepare
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.images.names import check_names
from benchmark.specs.datasets import OpenSet, Target
from tests.datasets import miniature_cifar, miniature_data_sets, miniature_opensets, miniatures

KINDS = miniature_data_sets.TARGETS | miniature_data_sets.OPENSETS


def without_checksums(download: Official) -> Official:
    """The same download; a miniature cannot have the size and the checksums of the real thing."""
    sets = [
        tuple(dataclasses.replace(part, md5="", sha256="", size=0) for part in parts)
        for parts in (download.parts, *download.or_else)
    ]
    return dataclasses.replace(download, parts=sets[0], or_else=tuple(sets[1:]))


def small_entry(name: str, places: Iterable[str]) -> Target | OpenSet:
    """The registered data set with the counts of a miniature."""
    counts = Counter(place.partition("/")[0] for place in places)
    if name in OPENSETS:
        return OPENSETS.get(name).model_copy(update={"images": counts["train"]})
    classes = {place.split("/")[1] for place in places}
    update = {"train": counts["train"], "test": counts["test"], "classes": len(classes)}
    return TARGETS.get(name).model_copy(update=update)


def prepare_small(name: str, source: Path, root: Path, places: Iterable[str], **options: object) -> Prepared:
    entry = small_entry(name, places)
    download = official(entry)
    assert download is not None
    return prepare(entry, without_checksums(download), source, root, check_names, **options)  # type: ignore[arg-type]


def images_below(folder: Path) -> dict[str, bytes]:
    files = [path for split in ("train", "test") for path in (folder / split).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "from").mkdir()
    return tmp_path / "from"


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_archives_become_the_papers_splits(kind: str, source: Path, tmp_path: Path) -> None:
    name, make = KINDS[kind]
    expected = make(source)
    prepared = prepare_small(name, source, tmp_path / "root", expected)
    assert images_below(prepared.folder) == expected
    assert sum(prepared.counts.values()) == len(expected)
    assert [path.name for path in (tmp_path / "root").iterdir()] == [prepared.folder.parent.name]
    data = Data(tmp_path / "root", False, tmp_path / "store")
    role = "opensets" if name in OPENSETS else "targets"
    assert len(data.find(role, name).ids) == prepared.counts["train"]


def unpack_by_hand(source: Path, into: Callable[[str], str]) -> None:
    """Unpack all archives as tar and unzip do, each to the folder that `into` gives for its name, and remove them."""
    for archive in sorted(path for path in source.iterdir() if path.suffix in (".tar", ".gz", ".tgz", ".zip")):
        folder = source / into(archive.name)
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(folder)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        archive.unlink()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "imagenet"])
def test_archives_that_were_unpacked_by_hand_serve_as_well(kind: str, source: Path, tmp_path: Path) -> None:
    name, make = KINDS[kind]
    expected = make(source)
    unpack_by_hand(source, lambda _: "")
    prepared = prepare_small(name, source, tmp_path / "root", expected)
    assert images_below(prepared.folder) == expected


def test_folders_of_imagenet_unpacked_by_hand_serve_as_well(source: Path, tmp_path: Path) -> None:
    expected = miniature_opensets.imagenet(source)
    (source / "ILSVRC2012_img_train.tar").unlink()
    for place, content in expected.items():
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        (source / place).write_bytes(content)
    for number, folder in enumerate((source, source / "train")):
        prepared = prepare_small("imagenet", folder, tmp_path / f"root{number}", expected)
        assert images_below(prepared.folder) == expected


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_pixels_of_cifar_are_kept(name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = getattr(miniature_cifar, name)(source)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    prepared = prepare_small(name, source, tmp_path / "root", expected)
    files = images_below(prepared.folder)
    assert set(files) == set(expected)
    for place, pixels in expected.items():
        assert np.array_equal(np.asarray(Image.open(prepared.folder / place)), pixels)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_pickle_of_cifar_with_another_checksum_is_not_loaded(name: str, source: Path, tmp_path: Path) -> None:
    """A pickle can run any program; torchvision holds each one to its checksum before it loads it."""
    expected = getattr(miniature_cifar, name)(source)
    with pytest.raises(UserError, match="not found or corrupted"):
        prepare_small(name, source, tmp_path / "root", expected)


# torchvision reads the same archives ---------------------------------------------------------------------------------

Seen = Counter[tuple[str, bytes]]


def seen_by(data: object, title: Callable[[object], str] = str) -> Seen:
    """(class, pixels) of every item that a data set of torchvision gives."""
    return Counter((title(label), image.convert("RGB").tobytes()) for image, label in data)  # type: ignore[attr-defined]


def seen_in(folder: Path, title: Callable[[str], str] = str) -> Seen:
    return Counter(
        (title(path.parent.name), Image.open(path).convert("RGB").tobytes())
        for path in folder.rglob("*.*")
        if path.is_file()
    )


def test_torchvision_sees_the_same_aircraft(source: Path, tmp_path: Path) -> None:
    from torchvision.datasets import FGVCAircraft

    prepared = prepare_small("aircraft", source, tmp_path / "root", miniatures.aircraft(source))
    unpack_by_hand(source, lambda _: "")
    for split, source_split in (("train", "trainval"), ("test", "test")):
        data = FGVCAircraft(source, source_split)
        title = lambda label, data=data: data.classes[label].replace(" ", "_").replace("/", "_")  # noqa: E731
        assert seen_in(prepared.folder / split) == seen_by(data, title)


def test_torchvision_sees_the_same_pets(source: Path, tmp_path: Path) -> None:
    from torchvision.datasets import OxfordIIITPet

    prepared = prepare_small("pets", source, tmp_path / "root", miniatures.pets(source))
    unpack_by_hand(source, lambda _: "oxford-iiit-pet")
    for split, source_split in (("train", "trainval"), ("test", "test")):
        data = OxfordIIITPet(source, source_split)
        seen = seen_in(prepared.folder / split, lambda name: " ".join(part.title() for part in name.split("_")))
        assert seen == seen_by(data, lambda label, data=data: data.classes[label])
        segmentations = OxfordIIITPet(source, source_split, target_types="segmentation")
        masks = Counter(mask.tobytes() for _, mask in segmentations)
        kept = (prepared.folder / "annotations/masks" / split).rglob("*.png")
        assert Counter(Image.open(path).tobytes() for path in kept) == masks


def test_torchvision_sees_the_same_cars(source: Path, tmp_path: Path) -> None:
    from torchvision.datasets import StanfordCars

    prepared = prepare_small("cars", source, tmp_path / "root", miniatures.cars_in_two_lists(source))
    unpack_by_hand(source, lambda _: "stanford_cars")
    (source / "cars_test_annos_withlabels.mat").rename(source / "stanford_cars/cars_test_annos_withlabels.mat")
    for split in ("train", "test"):
        data = StanfordCars(source, split)
        title = lambda label, data=data: data.classes[label].replace(" ", "_").replace("/", "_")  # noqa: E731
        assert seen_in(prepared.folder / split) == seen_by(data, title)


def test_torchvision_sees_the_same_flowers(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import Flowers102

    prepared = prepare_small("flowers", source, tmp_path / "root", miniatures.flowers(source))
    unpack_by_hand(source, lambda _: "flowers-102")
    for name in ("imagelabels.mat", "setid.mat"):
        (source / name).rename(source / "flowers-102" / name)
    monkeypatch.setattr("torchvision.datasets.flowers102.check_integrity", lambda *_: True)
    for split, parts in (("train", ("train", "val")), ("test", ("test",))):
        expected = sum(
            (seen_by(Flowers102(source, part), lambda label: f"{label + 1:03d}") for part in parts), Counter()
        )
        assert seen_in(prepared.folder / split) == expected


def test_torchvision_sees_the_same_textures(source: Path, tmp_path: Path) -> None:
    from torchvision.datasets import DTD

    prepared = prepare_small("dtd", source, tmp_path / "root", miniatures.dtd(source))
    unpack_by_hand(source, lambda _: "dtd")
    for split, parts in (("train", ("train", "val")), ("test", ("test",))):
        sets = [DTD(source, part, partition=1) for part in parts]
        expected = sum((seen_by(data, lambda label, data=data: data.classes[label]) for data in sets), Counter())
        assert seen_in(prepared.folder / split) == expected


def test_torchvision_unpacks_the_same_imagenet(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import imagenet

    prepared = prepare_small("imagenet", source, tmp_path / "root", miniature_opensets.imagenet(source))
    monkeypatch.setattr(imagenet, "_verify_archive", lambda *_: None)
    imagenet.parse_train_archive(source)
    expected = {path.relative_to(source).as_posix(): path.read_bytes() for path in (source / "train").rglob("*.JPEG")}
    assert images_below(prepared.folder) == expected


def test_torchvision_sees_the_same_species(source: Path, tmp_path: Path) -> None:
    from torchvision.datasets import INaturalist

    prepared = prepare_small("inaturalist", source, tmp_path / "root", miniature_opensets.inaturalist(source))
    unpack_by_hand(source, lambda _: "")
    (source / "train_mini").rename(source / "2021_train_mini")
    data = INaturalist(source, version="2021_train_mini")
    expected = {f"train/{data.category_name('full', number)}/{name}" for number, name in data.index}
    assert set(images_below(prepared.folder)) == expected


def test_torchvision_sees_the_same_scenes(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import Places365

    prepared = prepare_small("places", source, tmp_path / "root", miniature_opensets.places(source))
    unpack_by_hand(source, lambda _: "")
    (source / "data_256").rename(source / "data_256_challenge")
    scenes = ["/a/airfield", "/a/apartment_building/outdoor", "/z/zen_garden"]
    lines = [f"{scene} {number}" for number, scene in enumerate(scenes)]
    (source / "categories_places365.txt").write_text("\n".join(lines))
    files = [
        f"{path.as_posix().removeprefix((source / 'data_256_challenge').as_posix())}" for path in source.rglob("*.jpg")
    ]
    lines = [f"{file} {scenes.index(file.rpartition('/')[0])}" for file in files]
    (source / "places365_train_challenge.txt").write_text("\n".join(lines))
    monkeypatch.setattr("torchvision.datasets.places365.check_integrity", lambda *_, **__: True)
    data = Places365(source, split="train-challenge", small=True)
    seen = seen_in(prepared.folder / "train")
    assert seen == seen_by(data, lambda label: "_".join(scenes[label].split("/")[2:]))


# Boxes, masks and attributes -----------------------------------------------------------------------------------------


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_boxes_of_aircraft_count_from_nought_and_levels_are_labels(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("aircraft", source, tmp_path / "root", miniatures.aircraft(source)).folder
    boxes = table(folder / "annotations/boxes.csv")
    first = {"file": "test/707-320/1025794.jpg", "class": "707-320", "x0": "0", "y0": "1", "x1": "13", "y1": "8"}
    assert boxes[0] == first and len(boxes) == 6
    labels = {row["file"]: row for row in table(folder / "annotations/labels.csv")}
    fighter = labels["train/F_A-18/0062765.jpg"]
    assert (fighter["family"], fighter["manufacturer"]) == ("F/A-18", "McDonnell Douglas")


@pytest.mark.parametrize("kind", ["cars", "cars in two lists"])
def test_brand_and_type_of_cars_are_parsed_as_in_the_released_code(kind: str, source: Path, tmp_path: Path) -> None:
    folder = prepare_small("cars", source, tmp_path / "root", KINDS[kind][1](source)).folder
    labels = table(folder / "annotations/labels.csv")
    kinds = {row["class"]: (row["brand"], row["type"]) for row in labels}
    assert kinds == {
        "AM_General_Hummer_SUV_2000": ("AM", "SUV"),
        "Ram_C_V_Cargo_Van_Minivan_2012": ("Ram", "Minivan"),
        "Citroën_ZR1_2012": ("Citroën", ""),
    }
    assert {
        tuple(row[side] for side in ("x0", "y0", "x1", "y1")) for row in table(folder / "annotations/boxes.csv")
    } == {("0", "1", "13", "9")}


def test_masks_of_birds_have_the_thresholds_of_the_released_code(source: Path, tmp_path: Path) -> None:
    """downstream/segmentation: over 204 is the bird, 51 to 204 is ignored, under 51 is not the bird."""
    folder = prepare_small("cub", source, tmp_path / "root", miniatures.cub(source)).folder
    masks = sorted((folder / "annotations/masks").rglob("*.png"))
    images = sorted(folder.rglob("*.jpg"))
    assert [path.relative_to(folder / "annotations/masks").with_suffix("") for path in masks] == [
        path.relative_to(folder).with_suffix("") for path in images
    ]
    for path in masks:
        assert np.asarray(Image.open(path)).tolist() == [[2, 2, 3, 3, 1, 1]] * 3
    box = table(folder / "annotations/boxes.csv")[0]
    assert [box[side] for side in ("x0", "y0", "x1", "y1")] == ["2", "1", "11", "8"]


def test_all_boxes_of_a_dog_are_kept(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("dogs", source, tmp_path / "root", miniatures.dogs(source)).folder
    boxes = [row for row in table(folder / "annotations/boxes.csv") if row["file"].endswith("n02085620_5927.jpg")]
    assert [[row[side] for side in ("x0", "y0", "x1", "y1")] for row in boxes] == [list("0167"), ["3", "0", "13", "9"]]


def test_boxes_of_heads_are_called_so(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("pets", source, tmp_path / "root", miniatures.pets(source)).folder
    (box,) = table(folder / "annotations/boxes_head.csv")
    assert list(box.values()) == ["train/Abyssinian/Abyssinian_1.jpg", "Abyssinian", "1", "2", "7", "8"]
    assert not (folder / "annotations/boxes.csv").exists()
    species = {row["class"]: row["species"] for row in table(folder / "annotations/labels.csv")}
    assert species == {"Abyssinian": "Cat", "american_bulldog": "Dog"}


def test_attributes_of_faces_are_nought_or_one(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("celeba", source, tmp_path / "root", miniatures.celeba(source)).folder
    labels = {row["file"]: row for row in table(folder / "annotations/labels.csv")}
    assert list(labels["train/7/0.jpg"])[2:] == list(miniatures.CELEBA_NAMES)
    assert [labels["train/7/0.jpg"][name] for name in miniatures.CELEBA_NAMES] == ["0", "0", "1"]
    assert labels["train/7/2.jpg"]["Male"] == "1"


def test_the_mask_of_a_face_joins_its_parts(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("celeba", source, tmp_path / "root", miniatures.celeba(source)).folder
    masks = list((folder / "annotations/masks").rglob("*.png"))
    assert [path.relative_to(folder).as_posix() for path in masks] == ["annotations/masks/train/7/0.png"]
    expected = np.full((10, 14), 2)
    expected[0:6, 4:8] = 1
    assert np.array_equal(np.asarray(Image.open(masks[0])), expected)


def test_further_attributes_of_a_texture_are_a_label(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("dtd", source, tmp_path / "root", miniatures.dtd(source)).folder
    assert {row["also"] for row in table(folder / "annotations/labels.csv")} == {"lined"}


def test_boxes_of_actions_are_kept(source: Path, tmp_path: Path) -> None:
    folder = prepare_small("stanford40", source, tmp_path / "root", miniatures.stanford40(source)).folder
    boxes = table(folder / "annotations/boxes.csv")
    assert len(boxes) == 4 and [boxes[0][side] for side in ("x0", "y0", "x1", "y1")] == ["0", "0", "6", "9"]
