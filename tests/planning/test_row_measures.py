"""Which evaluation, and which of its measures, a row of a table is measured by."""

import typing

import pytest

from benchmark.errors import UserError
from benchmark.evaluations import EVALUATIONS
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.planning.rows import MEASURES_OF_TASKS
from benchmark.published.tables import Task
from benchmark.report.headings import TASKS


def session(tmp_path, table, **fields):
    return PlannedTable(Query(table, profile="smoke", store=tmp_path / "runs", **fields))


def test_every_task_of_a_table_has_an_evaluation_a_measure_and_a_heading():
    tasks = set(typing.get_args(Task))
    assert set(MEASURES_OF_TASKS) == set(TASKS) == tasks
    for task in MEASURES_OF_TASKS.values():
        if task.evaluation is not None:
            measures = {measure.name: measure for measure in EVALUATIONS.get(task.evaluation).measures}
            assert measures[task.measure].unit == "%"


def test_rows_of_two_measures_of_one_evaluation_share_its_stage(tmp_path):
    planned = session(tmp_path, "7a", targets=("cub",))
    layout = planned.values().layout
    names = {row: layout.main_of(row).name for row, *_ in layout.rows}
    assert names == {row.id: row.task for row in planned.table.rows}
    for variant in ("X", "OS", "X+OS_simcore_stop"):
        few, many = (planned.cells[f"{variant}_k{k}", "cub", 0].evaluate for k in (20, 200))
        assert few.key == many.key and few.spec.kind == "knn"


@pytest.mark.parametrize("table", ["2", "full-finetuning", "7b"])
def test_a_table_of_accuracies_has_the_layout_that_it_always_had(tmp_path, table):
    layout = session(tmp_path, table).values().layout
    assert layout.measures == layout.row_measures == () and layout.main_of(layout.rows[0][0]).name == "accuracy"
    assert not {"measures", "row_measures"} & set(layout.model_dump())


def test_an_evaluation_of_the_query_goes_before_the_row_s_own(tmp_path):
    planned = session(tmp_path, "7a", targets=("cub",), evaluation=("retrieval",))
    layout = planned.values().layout
    assert {layout.main_of(row).name for row, *_ in layout.rows} == {"rank1"} and not layout.row_measures
    assert {cell.evaluate.spec.kind for cell in planned.cells.values()} == {"retrieval"}


def test_coreset_measures_stand_beside_the_row_s_own(tmp_path):
    layout = session(tmp_path, "7a", targets=("cub",), coreset_metrics=True).values().layout
    assert [measure.name for measure in layout.measures[:3]] == ["knn_20", "knn_200", "images"]
    assert [measure.name for measure in layout.measures_of("X_k200")[:2]] == ["knn_200", "images"]


def test_a_control_is_evaluated_as_the_rows_of_its_table(tmp_path):
    planned = session(tmp_path, "7a", targets=("cub",), controls=True)
    layout = planned.values().layout
    assert layout.main_of("X(2x)").name == "knn_20" and planned.cells["X(2x)", "cub", 0].evaluate.spec.kind == "knn"


def test_a_row_that_a_table_of_several_methods_does_not_have_names_its_method(tmp_path):
    own = "X+random(5%)"
    planned = session(tmp_path, "4", targets=("cub",), rows=("byol_X", own, "@untrained"))
    assert {row for row, _, _ in planned.cells} == {"byol_X", "@untrained"}
    assert planned.values().obstacles[own, "cub"].endswith("name its method with --method")
    with pytest.raises(UserError, match=r"table4 cannot be measured .*rows are of several methods: name its method"):
        session(tmp_path, "4", targets=("cub",), rows=(own,))
    named = session(tmp_path, "4", targets=("cub",), rows=("byol_X", own), method="byol").cells
    assert {cell.pretrain.spec.recipe.method.kind for cell in named.values()} == {"byol"} and len(named) == 2
