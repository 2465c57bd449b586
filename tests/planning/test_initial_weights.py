"""Rows whose published trainings started from supervised weights: they take them from a file that is named."""

import pytest
import timm
import torch

from benchmark.errors import UserError
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.system import file_sha256


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of the smoke profile's network, as timm saves them."""
    path = tmp_path_factory.mktemp("weights") / "supervised.pth"
    torch.save(timm.create_model("test_resnet").state_dict(), path)
    return path


def session(tmp_path, table, **fields):
    return PlannedTable(Query(table, profile="smoke", store=tmp_path / "runs", targets=("cub",), **fields))


@pytest.mark.parametrize("table", ["lcr-table2", "lcr-table3"])
def test_without_weights_every_row_says_what_it_lacks(tmp_path, table):
    with pytest.raises(UserError, match=r"imagenet-supervised weights: name them with --initial-weights"):
        session(tmp_path, table)


@pytest.mark.parametrize("table", ["lcr-table2", "lcr-table3"])
def test_every_row_is_planned_from_the_named_file(tmp_path, weights, table):
    planned = session(tmp_path, table, initial_weights=f"timm:test_resnet={weights}")
    assert {row for row, _, _ in planned.cells} == {row.id for row in planned.table.rows}
    digest = file_sha256(weights)
    for (row, _, _), cell in planned.cells.items():
        trained = cell.pretrain
        first = cell.evaluate.input("encoder") if trained is None else trained.input("initial")
        assert (trained is None) == row.startswith("imagenet-supervised")
        assert first.kind.name == "frozen" and first.spec.sha256 == digest
    assert planned.local == {digest: str(weights)}
    layout = planned.values().layout
    assert not layout.verified_paper and not any(control for *_, control in layout.rows)
    assert "rows of imagenet-supervised weights start from test_resnet, trained elsewhere" in layout.notes


OWN_ROWS = ("X+random(5%)@untrained", "X+herding(5%)", "X(2x)")


@pytest.mark.parametrize(("table", "beside"), [("lcr-table2", "moco_linear_eval"), ("lcr-table3", "moco")])
def test_rows_that_the_table_does_not_have_start_from_what_its_rows_start_from(tmp_path, weights, table, beside):
    rows = (beside, *OWN_ROWS, "@untrained")
    planned = session(tmp_path, table, rows=rows, initial_weights=f"timm:test_resnet={weights}")
    digest = file_sha256(weights)
    trained = {row: cell.pretrain for (row, _, _), cell in planned.cells.items() if cell.pretrain is not None}
    assert set(trained) == {beside, *OWN_ROWS}
    assert {stage.input("initial").spec.sha256 for stage in trained.values()} == {digest}
    # By the method that LCR is built on, as the row beside them.
    assert {stage.spec.recipe.method.kind for stage in trained.values()} == {"moco"}
    # The network that a sampler sees through is trained on X as the rows are.
    seen = planned.cells["X+herding(5%)", "cub", 0].sample.input("pool").input("encoder")
    assert seen.input("initial").spec.sha256 == digest
    untrained = planned.cells["@untrained", "cub", 0].evaluate.input("encoder")
    assert untrained.input("initial") is None


@pytest.mark.parametrize("table", ["lcr-table2", "lcr-table3"])
def test_without_weights_a_row_that_the_table_does_not_have_says_what_it_lacks(tmp_path, table):
    with pytest.raises(UserError, match=r"imagenet-supervised weights: name them with --initial-weights"):
        session(tmp_path, table, rows=OWN_ROWS)
    assert set(session(tmp_path, table, rows=(*OWN_ROWS, "@untrained")).cells) == {("@untrained", "cub", 0)}


def test_lcr_is_measured_by_the_measure_of_each_row(tmp_path, weights):
    planned = session(tmp_path, "lcr-table2", initial_weights=f"timm:test_resnet={weights}")
    layout = planned.values().layout
    shown = {row: layout.main_of(row).name for row, *_ in layout.rows if row.startswith("lcr-moco")}
    assert list(shown.values()) == ["accuracy", "labels_50", "labels_20", "rank1", "rank5", "map"]


def test_random_rows_of_other_tables_take_no_weights_and_keep_their_keys(tmp_path, weights):
    with pytest.raises(UserError, match="no row of table2 that is measured starts from weights"):
        session(tmp_path, "2", initial_weights=f"timm:test_resnet={weights}")
    plain = session(tmp_path, "2", rows=("X",), method="moco")
    started = session(tmp_path, "lcr-table3", rows=("moco",), initial_weights=f"timm:test_resnet={weights}")
    trained = [one.plan.cells[0].pretrain for one in (plain, started)]
    assert trained[0].spec == trained[1].spec and trained[0].key != trained[1].key
    assert trained[0].input("initial") is None


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("timm:resnet18=FILE", r"weights of resnet18 do not fit test_resnet.*layers are missing"),
        ("random", "--initial-weights takes timm:NAME"),
        ("released", "--initial-weights takes timm:NAME"),
        ("absent.pth", "encoder 'absent.pth' is no file"),
    ],
)
def test_weights_that_cannot_be_taken_are_refused_before_anything_runs(tmp_path, weights, named, message):
    with pytest.raises(UserError, match=message):
        session(tmp_path, "lcr-table3", initial_weights=named.replace("FILE", str(weights)))
    assert list(tmp_path.iterdir()) == []
