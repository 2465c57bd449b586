"""`evaluate`: any encoder on any target, one row for each target."""

import argparse
import json

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import benchmark
from benchmark.__main__ import main
from benchmark.errors import UserError
from benchmark.execution.store import Store
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.planning.released import NAME

EVERY = ("knn", "retrieval", "geometry", "label-fractions", "attributes", "linear-clean")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A random encoder on one target by every evaluation of features, and its store."""
    root = tmp_path_factory.mktemp("evaluated") / "runs"
    return benchmark.evaluate("random", "dtd", EVERY, store=root, jobs=1), root


def test_every_measure_has_its_value_interval_and_number_of_images(measured):
    result, root = measured
    assert not result.failed and {one.evaluation for one in result.measures} == set(EVERY)
    for one in result.measures:
        assert one.low <= one.value <= one.high and one.n == 60
        assert Store(root).folder("evaluate", one.key).is_dir()
    # A value within an interval of its own is no proof of it: the spread of accuracies on 60 images is known.
    (knn,) = (one for one in result.measures if one.measure == "knn_20")
    assert 15 < knn.high - knn.low < 27


def test_features_are_taken_once_for_all_evaluations(measured):
    store = Store(measured[1])
    assert len(store.finished("embed")) == 2 and len(store.finished("frozen")) == 1
    assert len(store.finished("evaluate")) == len(EVERY)


def test_it_is_one_row_as_text_and_a_line_for_each_measure_as_data(measured):
    result, _ = measured
    lines = result.render().splitlines()
    # A table that is wider than a line is several, with the encoder's name in each.
    row = " ".join(line for line in lines if line.startswith("random test_resnet, seed 0"))
    first = result.measures[0]
    assert f"{first.value:.2f} [{first.low:.2f}, {first.high:.2f}]" in row and "knn: kNN, k = 20 (%)" in lines[0]
    assert "drawn stand-ins" in lines[-1]
    records = json.loads(result.render("json"))
    assert [one["measure"] for one in records] == [one.measure for one in result.measures]
    assert len(result.render("csv").splitlines()) == len(result.measures) + 1
    with pytest.raises(UserError, match="unknown format 'xml'"):
        result.render("xml")


def test_what_is_in_the_store_is_not_made_again(measured):
    result, root = measured
    before = {path: path.stat().st_mtime_ns for path in root.rglob("record.json")}
    assert benchmark.evaluate("random", "dtd", EVERY, store=root, jobs=1) == result
    assert before == {path: path.stat().st_mtime_ns for path in root.rglob("record.json")}


def test_pictures_of_what_is_in_the_store_are_drawn_of_evaluations_that_have_some(measured, tmp_path):
    result, root = measured
    folder = tmp_path / "pictures"
    assert benchmark.evaluate("random", "dtd", EVERY, store=root, jobs=1, pictures=folder) == result
    drawn = {"knn", "retrieval", "label-fractions", "linear-clean"}
    assert {path.name for path in folder.iterdir()} == {f"dtd-{name}.jpg" for name in drawn}
    assert all(path.read_bytes().startswith(b"\xff\xd8") for path in folder.iterdir())
    with pytest.raises(UserError, match=r"--pictures: geometry, attributes draws none; ask for retrieval, knn"):
        benchmark.evaluate("random", "dtd", ("geometry", "attributes"), store=root, pictures=tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file is no folder"):
        benchmark.evaluate("random", "dtd", "knn", store=root, pictures=tmp_path / "file")
    assert not (tmp_path / "none").exists()


def test_an_encoder_of_a_table_has_the_keys_of_the_table(tmp_path, capsys):
    """By its key or label: the probe that a table made is found, not made again."""
    arguments = {"table": "2", "rows": "X", "targets": "dtd", "steps": 2, "store": tmp_path / "runs", "jobs": 1}
    benchmark.reproduce(**arguments)
    session = PlannedTable(
        Query("2", profile="smoke", rows=("X",), targets=("dtd",), steps=(2,), store=tmp_path / "runs")
    )
    (cell,) = session.cells.values()
    options = ["--store", str(tmp_path / "runs"), "--jobs", "1", "--format", "json"]
    evaluations = ["--evaluation", "linear-clean", "knn"]
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", "--encoder", cell.pretrain.label, "--target", "dtd", *evaluations, *options])
    lines = json.loads(capsys.readouterr().out)
    assert lines[0]["key"] == cell.evaluate.key and [one["measure"] for one in lines][1:] == ["knn_20", "knn_200"]
    store = Store(tmp_path / "runs")
    assert lines[0]["value"] == pytest.approx(store.record(cell.evaluate).metrics["accuracy"], abs=1e-9)
    assert len(store.finished("pretrain")) == 1
    with pytest.raises(UserError, match=r"online-classifier cannot be asked of .*: no classifier was trained"):
        benchmark.evaluate(cell.pretrain.key, "dtd", "online-classifier", store=tmp_path / "runs")


def test_a_file_of_the_authors_is_judged_from_its_folder(tmp_path):
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    state = {f"backbone.module.{name}": tensor for name, tensor in network.state_dict().items()}
    content = {"args": argparse.Namespace(dataset1="dtd"), "model": state, "optimizer": {}, "epoch": 1}
    torch.save(content, tmp_path / NAME.format(target="dtd"))
    (measure, *_) = benchmark.evaluate(
        f"released={tmp_path}", "dtd", "retrieval", store=tmp_path / "runs", jobs=1
    ).measures
    assert measure.value is not None and measure.n == 60


def test_an_encoder_without_finite_features_fails_with_the_image_and_leaves_nothing(tmp_path, capsys):
    network = torchvision.models.resnet18()
    state = {**network.state_dict(), "bn1.weight": torch.full((64,), np.nan)}
    torch.save(state, tmp_path / "diverged.pth")
    arguments = [
        "evaluate",
        "--encoder",
        str(tmp_path / "diverged.pth"),
        "--target",
        "dtd",
        "--evaluation",
        "retrieval",
    ]
    with pytest.raises(SystemExit, match="1"):
        main([*arguments, "--store", str(tmp_path / "runs"), "--jobs", "1"])
    out = " ".join(capsys.readouterr().out.split())
    assert "failed" in out and "of targets/dtd/test are not finite: the encoder cannot be evaluated" in out
    assert not Store(tmp_path / "runs").finished("evaluate")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"evaluation": "kn"}, "unknown evaluation 'kn'"),
        ({"target": "cubs"}, "unknown target 'cubs'; did you mean cub"),
        ({"encoder": "absent.pth"}, "encoder 'absent.pth' is no file, and no key or label"),
        ({"profile": "smok"}, "unknown profile"),
        ({"protocol": "cleam"}, "unknown protocol"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(tmp_path, changes, why):
    question = {"encoder": "random", "target": "cub", "evaluation": "knn", "store": tmp_path / "runs", **changes}
    with pytest.raises(UserError, match=why):
        benchmark.evaluate(**question)
    assert not (tmp_path / "runs").exists()
