import csv

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import UserError
from benchmark.evaluations import attributes as module
from benchmark.evaluations.attributes import AttributeProbes, mean_accuracy
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.images.attributes import Attributes, read_attributes
from benchmark.images.data import Data
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.specs.recipes import Embedding

EMBEDDING = Embedding(resize=16, crop=16, stored=16)
SPEC = AttributeProbes(probe=CleanProbe(embedding=EMBEDDING, metric="top1", strengths=(1e-2, 1.0)))


def write_target(root, rows, place="annotations/labels.csv", header=("file", "class", "colour")):
    """A target of two classes with two images in each split, and its file of attributes."""
    folder = root / "targets" / "mine"
    for split in ("train", "test"):
        for name in ("a", "b"):
            for number in range(2):
                path = folder / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (32, 32), (number * 90, 40, 60)).save(path)
    if rows is not None:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        with (folder / place).open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return root


def all_rows():
    splits = [f"{split}/{name}/{number}.png" for split in ("train", "test") for name in "ab" for number in range(2)]
    return [[item, item.split("/")[1], "dark" if item.endswith("0.png") else "light"] for item in splits]


def test_the_mean_is_over_attributes_and_each_over_its_own_images():
    right = np.array([[1.0, 0.0, 1.0, 1.0], [np.nan, 1.0, np.nan, 0.0]])
    measured = mean_accuracy(right)
    assert measured.value == pytest.approx(100 * (3 / 4 + 1 / 2) / 2) and measured.n == 4
    assert measured.arrays["outcome"].mean() == pytest.approx(measured.value)


def run(feature_task, clusters, tmp_path, values):
    """The evaluation on features in clusters: `values(split, label, number)` gives each image's values by attribute."""
    splits = {"train": clusters(20, 1), "test": clusters(40, 2)}
    known = {
        f"{split}/{number}.png": values(split, int(label), number)
        for split, (_, labels) in splits.items()
        for number, label in enumerate(labels)
    }
    task = feature_task(module, SPEC, **splits)
    names = tuple(f"a{place}" for place in range(len(next(iter(known.values())))))
    task.data.attributes_of = lambda _images: Attributes("labels.csv", names, known)
    return module.run(task, tmp_path)


def test_attributes_that_features_tell_are_found_and_shuffled_ones_are_chance(feature_task, clusters, tmp_path):
    rng = np.random.default_rng(3)
    result = run(
        feature_task,
        clusters,
        tmp_path,
        lambda _split, label, _number: (str(label), "odd" if label % 2 else "even", str(rng.integers(2))),
    )
    by_name = result.info["attributes"]
    assert by_name["a0"]["accuracy"] >= 95 and by_name["a1"]["accuracy"] >= 95 and by_name["a0"]["values"] == 5
    assert abs(by_name["a2"]["accuracy"] - 50) <= 3 * 50 / np.sqrt(200)
    assert result.metrics["attributes"] == pytest.approx(np.mean([one["accuracy"] for one in by_name.values()]))
    low, high = result.metrics["intervals"]["attributes"]
    assert low < result.metrics["attributes"] < high


def test_images_without_a_value_are_left_out_and_unknown_values_are_wrong(feature_task, clusters, tmp_path):
    def values(split, label, number):
        if split == "test" and number < 50:
            return ("new",)
        return ("" if number % 2 else str(label),)

    result = run(feature_task, clusters, tmp_path, values)
    info = result.info["attributes"]["a0"]
    assert result.metrics["attributes"] == pytest.approx(info["accuracy"])
    # Of 200 test images 50 have a value that train lacks, and half of the others none.
    assert info["n"] == 125 and info["accuracy"] <= 100 * 75 / 125 and info["accuracy"] >= 95 * 75 / 125


def test_an_attribute_of_one_value_is_refused_by_name(feature_task, clusters, tmp_path):
    with pytest.raises(UserError, match=r"labels\.csv: attribute a0 has fewer than two values among the training"):
        run(feature_task, clusters, tmp_path, lambda *_: ("same",))


@pytest.mark.parametrize("place", ["annotations/labels.csv", "labels.csv"])
def test_the_file_is_read_from_either_place_and_names_no_class(tmp_path, place):
    folder = write_target(tmp_path, all_rows(), place) / "targets" / "mine"
    known = read_attributes(folder)
    assert known.names == ("colour",) and known.of("train", ["a/0.png", "b/1.png"]) == [("dark",), ("light",)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], r"labels.csv: an image has no row, the first of them test/b/1.png"),
        (lambda rows: [*rows, rows[2]], r"labels.csv, line 10: train/b/0.png has a second row"),
        (lambda rows: [*rows[:3], rows[3][:2], *rows[4:]], r"labels.csv, line 5: 2 columns, .* has 3"),
    ],
    ids=["missing", "doubled", "short"],
)
def test_bad_rows_are_refused_before_anything_is_trained(tmp_path, change, message):
    root = write_target(tmp_path / "data", change(all_rows()))
    with pytest.raises(UserError, match=message):
        PlannedTable(planned_query(root, tmp_path)).cells  # noqa: B018
    assert not (tmp_path / "runs" / "pretrain").exists()


def planned_query(root, tmp_path):
    options = {"targets": ("mine",), "rows": ("X",), "data_root": root, "store": tmp_path / "runs"}
    return Query("2", profile="mini", evaluation=("attributes",), **options)


def test_a_target_without_the_file_is_not_planned_and_says_why(tmp_path):
    session = PlannedTable(planned_query(write_target(tmp_path / "data", None), tmp_path))
    assert not session.cells
    assert session.obstacle(session.rows[0], "mine").startswith("targets/mine has no labels.csv with attributes")


def test_other_values_give_another_key_and_another_order_of_rows_the_same(tmp_path):
    identities = []
    for name, rows in (("a", all_rows()), ("b", all_rows()[::-1]), ("c", [[*row[:2], "dark"] for row in all_rows()])):
        identities.append(Data(write_target(tmp_path / name, rows), False, tmp_path / "runs").attributes("mine").sha256)
    assert identities[0] == identities[1] != identities[2]
