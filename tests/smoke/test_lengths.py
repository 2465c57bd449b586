"""Several lengths of training as one question: every row at each, one table, one picture, records that add up."""

import json

import pytest

import benchmark
from benchmark.__main__ import main
from benchmark.execution.store import Store
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.report.collect import collect
from benchmark.report.formats.picture import draw
from benchmark.report.records import read_results, verify

ROWS = ("X", "X+OS_rand_5", "X+OS_simcore_5")
MEASURED = ("X", "X+OS_simcore_5", "@untrained")
BATCH = 64
AT = {"X at 2 steps": ("X", 2), "X at 4 steps": ("X", 4)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory, new_session, run_here):
    """Three rows at 4 and 2 steps, as the Python API returns them, and the place of the store and of what was saved."""
    root = tmp_path_factory.mktemp("lengths")
    run_here(new_session(root / "runs", targets=("dtd",), rows=MEASURED, steps=(4, 2)))
    table = benchmark.table(targets="dtd", rows=MEASURED, steps=[4, 2], store=root / "runs")
    table.save(root / "saved")
    return table, root


def plan(tmp_path, **fields):
    return PlannedTable(Query(**{"table": "2", "profile": "smoke", "targets": ("dtd",), "store": tmp_path, **fields}))


def test_every_row_stands_at_every_length_shortest_first(tmp_path):
    session = plan(tmp_path, rows=ROWS, steps=(4, 2, 4))
    assert [row.id for row in session.rows] == [f"{row} at {steps} steps" for steps in (2, 4) for row in ROWS]
    assert session.values().layout.lengths == tuple((row, steps) for steps in (2, 4) for row in ROWS)
    assert session.rows[0].title == "X, at 2 steps"


def test_a_table_of_several_lengths_has_the_stages_of_tables_of_one(tmp_path):
    both = {stage.key for stage in plan(tmp_path, rows=ROWS, steps=(2, 4)).plan.stages}
    single = [{stage.key for stage in plan(tmp_path, rows=ROWS, steps=(one,)).plan.stages} for one in (2, 4)]
    assert both == single[0] | single[1]


def test_one_length_changes_no_row_and_no_layout(tmp_path):
    session = plan(tmp_path, rows=ROWS, steps=(4,))
    assert [row.id for row in session.rows] == list(ROWS)
    layout = session.values().layout.model_dump(mode="json")
    assert layout["steps"] == 4 and not {"lengths", "groups"} & layout.keys()


def test_differences_are_made_within_one_length(tmp_path):
    session = plan(tmp_path, rows=ROWS, steps=(2, 4), references=("X+OS_rand_5",), evaluation=("knn",))
    result = collect(session.values(), Store(tmp_path))
    assert result.references == ("X+OS_rand_5 at 2 steps", "X+OS_rand_5 at 4 steps")
    compared = {row.id: [other.id for other in result.references_of(row)] for row in result.rows}
    assert compared["X at 2 steps"] == ["X+OS_rand_5 at 2 steps"]
    assert compared["X+OS_simcore_5 at 4 steps"] == ["X+OS_rand_5 at 4 steps"]


def test_a_coreset_is_picked_by_the_encoder_of_its_own_length(measured):
    table, _ = measured
    picked = {name: table[f"X+OS_simcore_5 at {steps} steps", "dtd"].result.runs[0].keys["sample"]
              for name, steps in (("short", 2), ("long", 4))}  # fmt: skip
    assert picked["short"] != picked["long"]


def test_numbers_say_their_length_and_their_time(measured):
    table, _ = measured
    frame = table.to_pandas()
    for row, (base, steps) in AT.items():
        of_row = frame[frame["row"] == row]
        assert set(of_row["base_row"]) == {base} and set(of_row["length"]) == {steps}
        assert (of_row[of_row["measure"] == "training_seconds"]["value"] > 0).all()
        samples = of_row[of_row["measure"] == "samples_seen"]["value"]
        assert len(samples) == 1 and set(samples) == {BATCH * steps}


def test_the_text_shows_lengths_in_order_published_values_and_times(measured):
    table, _ = measured
    lines = table.render("text").splitlines()
    named = [line.split("  ")[0] for line in lines if " at " in line and " steps " in line]
    titles = {"X": "X", "X+OS_simcore_5": "X + SimCore, p = 5 %", "@untrained": "control: the network untrained"}
    assert [name.partition(" [")[0] for name in named[:6]] == [
        f"{titles[row]}, at {steps} steps" for steps in (2, 4) for row in MEASURED
    ]
    assert sum(line.startswith("  published") for line in lines) == 4
    text = " ".join(table.render("text").split())
    assert "training seconds" in text and "2 of 10 rows and 1 control" in text
    assert "every row is measured at 2 and 4 optimiser steps instead of the profile's number; only rows of" in text


def test_saved_records_give_the_table_again(measured):
    table, root = measured
    checked = verify(root / "saved")
    assert checked.problems == [] and checked.table == table.render("text")
    layout, runs, _ = read_results(root / "saved")
    assert layout.lengths[0] == ("X", 2) and layout.steps is None and len(runs) == 6
    assert (root / "saved" / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_commands_read_several_lengths(measured, capsys):
    _, root = measured
    question = ["--targets", "dtd", "--rows", *MEASURED, "--store", str(root / "runs")]
    with pytest.raises(SystemExit) as stopped:
        main(["table", "2", *question, "--steps", "4", "2", "--format", "json"])
    assert stopped.value.code == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert {(cell["base_row"], cell["length"]) for cell in cells} == {
        (row, steps) for row in MEASURED for steps in (2, 4)
    }
    assert all(cell["state"] == "measured" for cell in cells)
    assert all(cell["training_seconds"] > 0 for cell in cells if cell["base_row"] in ROWS)
    with pytest.raises(SystemExit) as stopped:
        main(["plan", *question, "--steps", "2,4"])
    assert stopped.value.code == 0
    assert "5 evaluate (5 in the store)" in capsys.readouterr().out


def test_the_picture_has_a_line_for_every_row_and_a_panel_for_every_axis(measured):
    table, _ = measured
    figure = draw(table.result)
    assert [axis.get_xlabel() for axis in figure.axes] == ["samples seen", "passes over X", "seconds of training"]
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {table.result.title(row) for row in MEASURED}
    samples = figure.axes[0]
    for row in ("X", "X+OS_simcore_5"):
        (line,) = [one for one in samples.get_lines() if one.get_label() == table.result.title(row)]
        assert list(line.get_xdata()) == [2 * BATCH, 4 * BATCH]
        assert list(line.get_ydata()) == [table[f"{row} at {steps} steps", "dtd"].value for steps in (2, 4)]
    (level,) = [one for one in samples.get_lines() if one.get_label() == table.result.title("@untrained")]
    assert set(level.get_ydata()) == {table["@untrained at 2 steps", "dtd"].value}
    assert table.render("svg").startswith("<?xml")
