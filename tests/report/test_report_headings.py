"""The lines above a table say what was measured; a single target has no mean; numbers carry no binary noise."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from benchmark.datasets.targets import TARGETS
from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.published.tables import load_table
from benchmark.report.formats import FORMATS, render
from benchmark.report.headings import headings
from benchmark.report.numbers import plain
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult, judge

TRAINED = {"method": "SimCLR", "network": "resnet10t", "steps": 400, "openset": "mixed"}
ROWS = (RowLabel("X", "X", "X"), RowLabel("OS", "OS", "OS"), RowLabel("X(2x)", "control: X(2x)", "X(2x)", True))


def cell(row: str, target: str, *values: float, **trained: Any) -> CellResult:
    runs = [SeedResult(seed=seed, value=value, **{**TRAINED, **trained}) for seed, value in enumerate(values)]
    return CellResult(row=row, target=target, state="measured", runs=tuple(runs), n=100)


def result(*cells: CellResult, table: str = "2", rows: tuple[RowLabel, ...] = ROWS[:2], **changes: Any) -> TableResult:
    columns = tuple(dict.fromkeys(one.target for one in cells)) or ("dtd",)
    fields = {"profile": "mini", "protocol": "clean", "openset": "mixed", "columns": columns, **changes}
    return TableResult(load_table(table), rows=rows, cells=cells, **fields)


def test_the_first_line_is_of_the_numbers_and_not_the_title_of_the_published_table() -> None:
    lines = headings(result(cell("X", "birds70", 20.0), cell("OS", "birds70", 30.0)))
    assert lines[:2] == [
        "Linear probe of SimCLR on resnet10t after 400 steps: birds70; open-set mixed; % accuracy",
        "Layout: Table 2 (2 of 10 rows, none of 11 targets); profile mini, protocol clean",
    ]
    title = load_table("2").title
    for format_ in ("text", "md", "latex"):
        assert title not in " ".join(render(result(cell("X", "birds70", 20.0)), format_).split())  # type: ignore[arg-type]


def test_the_published_title_stands_with_the_published_values() -> None:
    lines = headings(result(cell("X", "dtd", 20.0), cell("X", "birds70", 20.0)))
    assert lines[2] == f"Published values: Table 2: {load_table('2').title}"
    assert "(2 of 10 rows, 1 of 11 targets)" in lines[1]


def test_controls_are_no_rows_of_the_table_and_steps_are_a_range() -> None:
    lines = headings(result(cell("X", "dtd", 20.0), cell("X(2x)", "dtd", 21.0, steps=1600), rows=ROWS))
    assert "after 400 to 1,600 steps" in lines[0] and "2 of 10 rows and 1 control, 1 of 11 targets" in lines[1]


def test_methods_are_named_with_their_networks() -> None:
    cells = [
        cell("X", "dtd", 1.0, steps=1, method="BYOL"),
        cell("OS", "dtd", 1.0, steps=1, method="SwAV"),
        cell("X", "pets", 1.0, steps=1, method="MAE", network="vit"),
        cell("OS", "pets", 1.0, steps=1, method="MAE", network="vit2"),
    ]
    assert headings(result(*cells))[0].startswith(
        "Linear probe of BYOL, SwAV on resnet10t and MAE on vit, vit2 after 1 step: dtd, pets;"
    )


def test_many_targets_are_counted_and_a_whole_table_is_called_whole() -> None:
    table = load_table("2")
    rows = tuple(RowLabel(row.id, row.title, row.variant) for row in table.rows)
    whole = result(*(cell("X", target, 1.0) for target in table.columns), rows=rows)
    first, second = headings(whole)[:2]
    assert "aircraft, cars, pets, cub and 7 more;" in first and "(all 10 rows, all 11 targets)" in second


def test_without_a_number_nothing_is_said_to_be_measured() -> None:
    assert headings(result())[0] == "Linear probe, nothing measured yet: dtd; open-set mixed; % accuracy"


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (("birds70",), "birds70 is not the paper's; its numbers reproduce nothing of it."),
        (("birds70", "dtd", "dogs9"), "birds70, dogs9 are not the paper's; their numbers reproduce nothing of it."),
    ],
)
def test_other_targets_are_named_in_the_right_number(targets: tuple[str, ...], said: str) -> None:
    assert f"OTHER TARGETS: {said}" in headings(result(*(cell("X", target, 20.0) for target in targets)))


@pytest.mark.parametrize("format_", [name for name in FORMATS.names() if name != "svg"])
def test_a_single_target_has_no_mean(format_: Any) -> None:
    # 45.25 is the mean over seeds; no other number is.
    one = result(cell("X", "dtd", 45.0, 45.5))
    two = result(cell("X", "dtd", 45.0, 45.5), cell("X", "pets", 47.0, 47.5))
    if format_ == "json":
        assert json.loads(render(one, "json"))["row_means"] == {}
        assert json.loads(render(two, "json"))["row_means"]["X"]["mean"] == 46.25
    elif format_ == "csv":
        # Of the targets CSV holds no mean at all; what it has is over seeds and says so.
        header = render(one, "csv").splitlines()[0].split(",")
        assert "mean" not in header and {"mean_over_seeds", "std_over_seeds"} <= set(header)
    else:
        assert "mean" not in render(one, format_) and render(one, format_).count("45.25") == 1
        assert "mean" in render(two, format_) and "46.25" in render(two, format_)


def test_a_hole_of_a_single_target_is_named_once() -> None:
    hole = CellResult(row="OS", target="dtd", state="failed", reason="out of memory")
    text = render(result(cell("X", "dtd", 45.0), hole), "text")
    assert "failed: OS on dtd: out of memory" in text and "no mean" not in text


def test_csv_is_one_table_of_cells_and_seeds() -> None:
    cells = [cell("X", "dtd", 100 * 0.2, 20.000000000000004), cell("OS", "dtd", 100 / 3, 50.0)]
    text = render(result(*cells), "csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["value"] for line in lines] == ["20.0", "20.0", "33.3333333333", "50.0"]
    assert {line["std_over_seeds"] for line in lines[:2]} == {"0.0"}
    assert {(line["method"], line["network"], line["steps"]) for line in lines} == {("SimCLR", "resnet10t", "400")}
    assert "title" not in lines[0] and "Linear evaluation" not in text


def test_csv_names_each_rows_own_open_set() -> None:
    cells = [cell("X", "dtd", 1.0, openset=""), cell("OS", "dtd", 1.0, openset="coco")]
    lines = csv.DictReader(io.StringIO(render(result(*cells, openset="coco, imagenet"), "csv")))
    assert [line["openset"] for line in lines] == ["", "coco"]


def test_json_carries_the_headings_once() -> None:
    value = json.loads(render(result(cell("X", "dtd", 20.000000000000004)), "json"))
    assert len(value["title"]) == 3 and "title" not in value["cells"][0]
    assert value["cells"][0]["value"] == 20.0


def test_numbers_for_machines() -> None:
    plain_claim = plain(
        {"value": -4.4e-16, "p_less": 1.0812e-106, "degrees": float("inf"), "n": 3, "row": "X", "on": (0.1 + 0.2,)}
    )
    assert plain_claim == {"value": 0.0, "p_less": 1.0812e-106, "degrees": None, "n": 3, "row": "X", "on": [0.3]}
    assert str(plain_claim["value"]) == "0.0"
    assert plain([float("nan"), float("-inf")]) == [None, None]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("dtd", "pets"), "over 2 of the table's 11 targets;"),
        (("dtd", "birds70"), "over 1 of the table's 11 targets and 1 target that is not the table's;"),
        (("birds70", "dogs9"), "over 2 targets that are not the table's;"),
        (("dtd",), "over 1 of the table's 11 targets ('on average' and 'on every target' are dtd alone here);"),
    ],
)
def test_claims_say_which_targets_they_are_over(columns: tuple[str, ...], said: str) -> None:
    labels, rng = np.arange(60) % 6, np.random.default_rng(0)
    places = [(row, target) for row in ("X", "OS") for target in columns]
    evidence = MeasuredEvidence(
        {p: Answers({s: 100.0 * (rng.random(60) < 0.5) for s in (0, 1)}, labels, "top1") for p in places}, columns
    )
    items = {target.name: target.test for target in TARGETS}
    table = load_table("2")
    claim = table.claims[0].model_copy(update={"left": "OS", "targets": ()})
    judged = judge(table.model_copy(update={"claims": (claim,)}), {"X", "OS"}, items, evidence)
    measured = result(*(cell(row, target, 45.0, 46.0) for row, target in places), claims=judged, columns=columns)
    assert f"Claims on measured values: {said}" in " ".join(render(measured, "text").split())
