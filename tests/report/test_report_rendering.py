"""A small table with every kind of cell in all five formats: against golden files, and by what must be in each."""

import csv
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from small_table import (
    ENDINGS,
    GOLDEN,
    ROWS,
    STANDIN,
    cell,
    result,
)

from benchmark.errors import UnknownName
from benchmark.published.tables import load_table
from benchmark.report.formats import render
from benchmark.report.formats.latex import escape
from benchmark.report.table import (
    TableResult,
)
from benchmark.specs.folding import USUAL as WIDTH

# Golden files --------------------------------------------------------------------------------------------------------


def close(shown: object, golden: object) -> bool:
    """Equal, numbers to nine digits: the last bits belong to the machine."""
    if isinstance(shown, dict) and isinstance(golden, dict):
        return shown.keys() == golden.keys() and all(close(shown[name], golden[name]) for name in shown)
    if isinstance(shown, list) and isinstance(golden, list):
        return len(shown) == len(golden) and all(map(close, shown, golden))
    return shown == (pytest.approx(golden, rel=1e-9, abs=1e-12) if isinstance(golden, float) else golden)


@pytest.mark.parametrize("format_", ["text", "md", "latex", "csv"])
def test_golden(format_: Any) -> None:
    assert render(result(), format_) == (GOLDEN / f"small.{ENDINGS[format_]}").read_text()


def test_golden_json() -> None:
    shown, golden = json.loads(render(result(), "json")), json.loads((GOLDEN / "small.json").read_text())
    assert close(shown, golden)
    golden["claims"][0]["on_measured"]["details"][0]["estimate"]["value"] += 1e-6
    assert not close(shown, golden)


# What must be in every format ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ENDINGS)
def test_stand_ins_are_labelled_in_the_title_and_at_the_cell(format_: Any) -> None:
    standin = render(result(cells=STANDIN, claims=()), format_)
    # CSV has no title: every one of its lines says what its images are.
    title = {"json": standin, "csv": "STAND-IN IMAGES"}.get(format_) or standin[: standin.index("aircraft ")]
    assert "STAND-IN IMAGES" in title
    at_cell = {
        "text": r"33\.50±0\.71s",
        "md": r"33\.50 ± 0\.71 \[s\]",
        "latex": r"33\.50\\ensuremath\{\\pm\}0\.71s",
        "csv": r"B,B,.*aircraft,measured,,stand-in",
        "json": r'"target": "aircraft",\s+"state": "measured",\s+"reason": "",\s+"data": "stand-in"',
    }[format_]
    assert re.search(at_cell, standin)
    without = render(result(), format_)
    assert "STAND-IN" not in without and not re.search(at_cell, without)


@pytest.mark.parametrize("format_", ENDINGS)
@pytest.mark.parametrize("state", ["missing", "failed", "skipped"])
def test_holes_are_named(format_: Any, state: str) -> None:
    holes = render(result(), format_)
    assert state in holes
    assert "out of" in holes and "no relevance labels" in holes


def test_a_mean_over_a_hole_is_refused_with_the_reason() -> None:
    whole, hole = result().row_mean("X"), result().row_mean("A_1")
    assert whole.mean == pytest.approx((46.5 + 50.5 + 59.2) / 3)
    assert whole.std == pytest.approx(np.std([(46 + 50 + 59) / 3, (47 + 51 + 59.4) / 3], ddof=1))
    assert (hole.mean, hole.reason) == (None, "pets failed, cars without seed 1")
    assert "no mean of X | A, p = 1 %: pets failed, cars without seed 1" in render(result(), "text")
    text_row = next(line for line in render(result(), "text").splitlines() if "[A_1] " in line)
    assert text_row.split()[-1] == "-"


def test_seeds_that_differ_between_cells_give_a_mean_without_spread() -> None:
    cells = [cell("X", "aircraft", 1.0, 2.0), cell("X", "cars", 3.0), cell("X", "pets", 5.0)]
    mean = result(cells=cells).row_mean("X")
    assert mean.mean == pytest.approx((1.5 + 3 + 5) / 3) and mean.std is None
    shown = [
        next(line for line in render(result(cells=cells), form).splitlines() if "1.50" in line)
        for form in ("text", "md")
    ]
    assert all("3.17" in line and "±" not in line.partition("3.17")[2] for line in shown)


# Formats -------------------------------------------------------------------------------------------------------------


def test_latex_escapes() -> None:
    assert escape("5 % & X_1 ~ {a} #$^\\ ±") == (
        r"5 \% \& X\_1 \textasciitilde{} \{a\} \#\$\^{}\textbackslash{} \ensuremath{\pm}"
    )
    body = render(result(), "latex").split("\n", 1)[1]
    bare = re.sub(r"\\[%&_#${}~^]", "", body)
    assert "%" not in bare.replace("{!}{%", "")
    assert "_" not in bare and "±" not in bare
    assert body.count("\\begin{") == body.count("\\end{") > 0
    assert len(re.findall(r"(?<!\\)\{", body)) == len(re.findall(r"(?<!\\)\}", body))


def test_markdown_tables_have_one_cell_per_column() -> None:
    rows = [line for line in render(result(), "md").splitlines() if line.startswith("|")]
    counts = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in rows]
    assert set(counts[:6]) == {5}
    assert "X \\| A, p = 1 %" in rows[3]


def wide(seeds: int) -> TableResult:
    columns = [f"target{i:02}" for i in range(11)]
    cells = [cell("X", c, *(40.0 + s for s in range(seeds)), standin=True) for c in columns]
    return result(columns=tuple(columns), cells=cells, claims=(), rows=ROWS[:1])


@pytest.mark.parametrize(("seeds", "blocks"), [(1, 2), (5, 2)])
def test_text_fits_a_terminal(seeds: int, blocks: int) -> None:
    text = render(wide(seeds), "text")
    assert max(map(len, text.splitlines()[3:])) <= WIDTH
    assert len(re.findall(r"^X  .*s$", text, re.MULTILINE)) == blocks
    for i in range(11):
        assert text.count(f" target{i:02}  ") + text.count(f" target{i:02}\n") == 1


def test_csv_has_a_line_per_cell_and_seed_with_everything() -> None:
    lines = list(csv.DictReader(io.StringIO(render(result(), "csv"))))
    # Five cells with two seeds, one with one, a control, and five holes.
    assert len(lines) == 11 + 1 + 5
    first = lines[0]
    assert (first["seed"], first["value"], first["mean_over_seeds"], first["published"]) == (
        "0",
        "46.0",
        "46.5",
        "46.56",
    )
    assert (first["verdict"], first["samples_seen"]) == ("reproduced", "25600")
    control = next(line for line in lines if line["control"] == "True" and line["state"] == "measured")
    assert (control["purity"], control["base_rate"], control["images"]) == ("12.44", "2.1", "1800")
    assert {line["state"] for line in lines if not line["seed"]} == {"missing", "failed", "skipped"}


def test_json_is_strict_and_tells_every_target_of_a_claim() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    value = json.loads(render(result(), "json"), parse_constant=refuse)
    assert value["standins"] is False and len(value["cells"]) == 17
    detail = value["claims"][0]["on_published"]["details"][0]
    assert detail["target"] == "aircraft" and detail["estimate"]["spread"]["item_degrees"] is None
    assert {"value", "low", "high", "p_greater"} <= detail["estimate"].keys()
    assert {"p_holm", "p_less_holm", "verdict"} <= detail.keys()
    assert value["row_means"]["A_1"]["mean"] is None


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean latex"):
        render(result(), "latx")  # type: ignore[arg-type]


def test_prose_of_markdown_has_short_lines_that_say_the_same() -> None:
    """A number, a dash or a hash that comes to stand first in a line would begin a list or a heading."""
    note = " ".join(f"word {mark} of" for mark in ("-", "1.", "+", "#", ">", "*", "12)", "##") * 12)
    shown = render(result(notes=(note, "x" * 200), openset="a long name, " * 12), "md")
    prose = [line for line in shown.splitlines() if not line.startswith(("|", "#"))]
    assert [line for line in prose if len(line) > 119] == [f"- {'x' * 200}"]
    assert f"- {note}\n" in re.sub(r"\n  (?! )", " ", shown)
    starts = {line.split()[0] for line in prose if line.startswith("  ")}
    assert starts and not starts & {"-", "1.", "+", "#", ">", "*", "12)", "##"}


def test_a_row_has_one_name_its_title_with_what_to_type_beside_it(capsys, tmp_path):
    from benchmark.__main__ import main

    name = "X + SimCore, p = 5 % [X+simcore(5%)]"
    question = ["--targets", "cub", "--rows", "X", "X+OS_simcore_5", "--store", str(tmp_path / "runs")]
    for verb in ("table", "plan"):
        with pytest.raises(SystemExit):
            main([verb, "2", *question])
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith(f"{name}  ") for line in lines) and any(line.startswith("X  ") for line in lines)
        assert not any("X+OS_simcore_5" in line for line in lines)
    # Where several rows have one variant, ids tell them apart.
    table = load_table("4")
    several = [row for row in table.rows if row.variant == "X+simcore(stop)"]
    assert len(several) > 1
    assert [table.name_to_type(row.id, row.variant) for row in several] == [row.id for row in several]
