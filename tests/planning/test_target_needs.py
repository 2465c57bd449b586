"""What an evaluation needs of a target is said by a plan, before anything is read or trained."""

import pytest
from PIL import Image

import benchmark
from benchmark.commands._planned_run import planned_run
from benchmark.errors import UserError
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query


def write_target(root, train, test):
    """A target whose classes have so many images in each split."""
    for split, sizes in (("train", train), ("test", test)):
        for name, size in zip("abc", sizes, strict=True):
            for number in range(size):
                path = root / "targets" / "mine" / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (32, 32), (number * 9, 40, 60)).save(path)
    return root


def named(evaluation):
    """The evaluation, behind one of a percentage, which a table needs first."""
    return ("knn", "geometry") if evaluation == "geometry" else (evaluation,)


CASES = [
    ("retrieval", "clean", (9, 9, 9), (1, 1, 1), "no class of its test split has two images"),
    ("retrieval-plain", "clean", (9, 9, 9), (1, 1, 1), "no class of its test split has two images"),
    ("geometry", "clean", (9, 9, 9), (1, 0, 0), "its test split has a single image"),
    ("linear-clean", "clean", (1, 1, 1), (2, 2, 2), "no class of its train split has two images, to choose a penalty"),
    ("linear-released", "released", (1, 0, 0), (2, 0, 0), "its train split has a single image"),
    ("label-fractions", "clean", (5, 5, 1), (2, 2, 2), "20 % of its labels leave no class with two"),
    ("label-fractions", "released", (5, 0, 0), (2, 0, 0), "20 % of its labels are one"),
    ("fine-tuning", "clean", (1, 1, 1), (2, 2, 2), "100 % of its labels leave no class with two"),
    ("fine-tuning-10", "clean", (10, 10, 3), (2, 2, 2), "10 % of its labels leave no class with two"),
    ("fine-tuning-10", "released", (9, 9, 1), (2, 2, 2), "10 % of its labels are fewer than two"),
]


@pytest.mark.parametrize(("evaluation", "protocol", "train", "test", "why"), CASES)
def test_a_target_with_too_little_is_not_planned_and_says_why(tmp_path, evaluation, protocol, train, test, why):
    root, store = write_target(tmp_path / "data", train, test), tmp_path / "runs"
    names = named(evaluation)
    options = {"profile": "mini", "protocol": protocol, "evaluation": names, "data_root": root, "store": store}
    session = PlannedTable(Query("2", targets=("mine",), rows=("X",), **options))
    said = f"evaluation {evaluation} cannot be measured on mine: {why}"
    assert session.obstacle(session.rows[0], "mine").startswith(said) and not session.cells
    with pytest.raises(UserError, match=f"nothing to plan: {said}"):
        planned_run(session)
    with pytest.raises(UserError, match=said):
        benchmark.evaluate("random", "mine", **options)
    assert not (store / "evaluate").exists()


ENOUGH = [
    ("retrieval", "clean", (1, 1, 1), (1, 1, 2)),
    ("geometry", "clean", (1, 1, 1), (1, 1, 1)),
    ("linear-clean", "clean", (2, 1, 1), (1, 1, 1)),
    ("linear-released", "released", (1, 1, 1), (1, 1, 1)),
    ("label-fractions", "clean", (6, 1, 1), (1, 1, 1)),
    ("label-fractions", "released", (1, 1, 1), (1, 1, 1)),
    ("fine-tuning", "clean", (2, 1, 1), (1, 1, 1)),
    ("fine-tuning-10", "clean", (11, 1, 1), (1, 1, 1)),
    ("fine-tuning-10", "released", (18, 1, 1), (1, 1, 1)),
    ("knn", "clean", (1, 1, 1), (1, 1, 1)),
]


@pytest.mark.parametrize(("evaluation", "protocol", "train", "test"), ENOUGH)
def test_a_target_with_just_enough_is_planned(tmp_path, evaluation, protocol, train, test):
    root = write_target(tmp_path / "data", train, test)
    names = named(evaluation)
    options = {"profile": "mini", "protocol": protocol, "evaluation": names, "store": tmp_path / "runs"}
    assert PlannedTable(Query("2", targets=("mine",), rows=("X",), data_root=root, **options)).cells


def test_a_target_that_is_absent_is_planned_all_the_same(tmp_path):
    query = Query("2", profile="paper", targets=("cub",), rows=("X",), evaluation=("retrieval",), store=tmp_path)
    assert PlannedTable(query).cells
