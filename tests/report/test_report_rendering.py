"""A small table with every kind of cell in all five formats: against golden files, and by what must be in each."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from benchmark.errors import UnknownName
from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.published.tables import Table
from benchmark.report.blocks import claims, two_digits
from benchmark.report.formats import render
from benchmark.report.formats.latex import escape
from benchmark.report.formats.text import WIDTH
from benchmark.report.table import (
    CellResult,
    JudgedClaim,
    RowLabel,
    SeedResult,
    TableResult,
    judge,
    tolerance_points,
)

GOLDEN = Path(__file__).parent / "golden"
ENDINGS = {"text": "txt", "md": "md", "latex": "tex", "csv": "csv", "json": "json"}
COLUMNS = ("aircraft", "cars", "pets")
ITEMS = {"aircraft": 3333, "cars": 8041, "pets": 3669}


def table(**changes: Any) -> Table:
    """Three published rows over three targets, with a title that is awkward for LaTeX on purpose."""
    row = {"variant": "X+random(5%)", "method": "simclr", "backbone": "resnet50"}
    claim = {"source": "test", "left": "A_1", "right": "X"}
    return Table.model_validate(
        {
            "id": "small",
            "title": "A table of 5 % & more: X_1 ~ {a}",
            "task": "linear_eval",
            "unit": "% accuracy",
            "decimals": 2,
            "source": {"work": "w", "url": "u", "place": "Table 9", "read_in": "r", "confidence": "primary"},
            "openset": "imagenet",
            "columns": COLUMNS,
            "rows": [
                {**row, "id": "X", "title": "X", "variant": "X", "values": [46.56, 55.42, 59.23]},
                {**row, "id": "A_1", "title": "X | A, p = 1 %", "values": [48.24, 49.26, 64.27]},
                {**row, "id": "B", "title": "B", "values": [55.40, 63.10, None]},
            ],
            "tolerance": {"confidence": 0.95, "allowance": 1.0, "reason": "Chosen for the test."},
            "claims": [
                {**claim, "kind": "better_on_every_target", "id": "every", "sentence": "A_1 beats X everywhere"},
                {
                    **claim,
                    "kind": "mean_gain",
                    "id": "gain",
                    "sentence": "A_1 gains 0.2",
                    "gain": 0.2,
                    "tolerance": 1.0,
                },
                {**claim, "kind": "better_on_average", "id": "b", "sentence": "B beats X", "left": "B"},
            ],
            **changes,
        }
    )


def cell(row: str, target: str, *values: float, **fields: Any) -> CellResult:
    runs = [SeedResult(seed=seed, value=value, values={"samples_seen": 25_600}) for seed, value in enumerate(values)]
    return CellResult(row=row, target=target, state="measured", runs=runs, n=ITEMS.get(target, 100), **fields)


def evidence(seeds: int = 4, level: float = 0.7) -> MeasuredEvidence:
    labels, rng = np.arange(300) % 6, np.random.default_rng(0)
    chances = {"X": 0.4, "A_1": level}
    cells = {
        (row, target): Answers({seed: rng.random(300) < chance for seed in range(seeds)}, labels, "top1")
        for row, chance in chances.items()
        for target in COLUMNS
    }
    return MeasuredEvidence(cells, COLUMNS)


PURITY = {"purity": 12.44, "base_rate": 2.1, "ceiling": 40.0, "purity_without_heldout": 10.0}
TRAINED = {"samples_seen": 51_200, "exposures": 1234.56, "images": 1800}
CONTROL = SeedResult(seed=0, value=30.0, values={**TRAINED, **PURITY})
CELLS = (
    cell("X", "aircraft", 46.0, 47.0, verified_paper=True),
    cell("X", "cars", 50.0, 51.0, verified_paper=True),
    cell("X", "pets", 59.0, 59.4, verified_paper=True),
    cell("A_1", "aircraft", 48.0, 48.4, verified_paper=True, assumed=("length of the fixed rows",)),
    cell("A_1", "cars", 49.26, verified_paper=True, absent=(1,)),
    CellResult(row="A_1", target="pets", state="failed", reason="out of\nmemory & more"),
    cell("B", "aircraft", 33.0, 34.0),
    CellResult(row="B", target="cars", state="skipped", reason="no relevance labels"),
    CellResult(row="C", target="cars", state="measured", runs=(CONTROL,), n=8041),
)
ROWS = (
    RowLabel("X", "X", "X"),
    RowLabel("A_1", "X | A, p = 1 %", "X+random(5%)"),
    RowLabel("B", "B", "X+random(5%)"),
    RowLabel("C", "control: C", "X(2x)", control=True),
)


def result(**changes: Any) -> TableResult:
    fields: dict[str, Any] = {
        "table": table(),
        "profile": "paper",
        "protocol": "released",
        "openset": "imagenet",
        "columns": COLUMNS,
        "rows": ROWS,
        "cells": CELLS,
        "claims": judged(),
        "notes": ("a note with 100 %",),
        "warnings": ("two versions of torch",),
    }
    return TableResult(**{**fields, **changes})


STANDIN = (*(c for c in CELLS if c.row != "B"), cell("B", "aircraft", 33.0, 34.0, standin=True))


def judged(**fields: Any) -> tuple[JudgedClaim, ...]:
    return judge(table(), [row.id for row in ROWS], ITEMS, evidence(**fields))


# Golden files --------------------------------------------------------------------------------------------------------


def close(ours: object, golden: object) -> bool:
    """Equal, numbers to nine digits: the last bits belong to the machine."""
    if isinstance(ours, dict) and isinstance(golden, dict):
        return ours.keys() == golden.keys() and all(close(ours[name], golden[name]) for name in ours)
    if isinstance(ours, list) and isinstance(golden, list):
        return len(ours) == len(golden) and all(map(close, ours, golden))
    return ours == (pytest.approx(golden, rel=1e-9, abs=1e-12) if isinstance(golden, float) else golden)


@pytest.mark.parametrize("format_", ["text", "md", "latex", "csv"])
def test_golden(format_: Any) -> None:
    assert render(result(), format_) == (GOLDEN / f"small.{ENDINGS[format_]}").read_text()


def test_golden_json() -> None:
    ours, golden = json.loads(render(result(), "json")), json.loads((GOLDEN / "small.json").read_text())
    assert close(ours, golden)
    golden["claims"][0]["on_measured"]["details"][0]["estimate"]["value"] += 1e-6
    assert not close(ours, golden)


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
    assert "no mean of A_1: pets failed, cars without seed 1" in render(result(), "text")
    text_row = next(line for line in render(result(), "text").splitlines() if line.startswith("A_1 "))
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


# Reproduced or not ---------------------------------------------------------------------------------------------------


def test_the_tolerance_written_out() -> None:
    sampling = 1.959964 * np.sqrt(46.56 * 53.44 / 3333)
    tolerance = table().tolerance
    assert tolerance is not None
    assert tolerance_points(tolerance, 46.56, 3333) == pytest.approx(np.hypot(sampling, 1.0), rel=1e-6)


def test_verdicts_of_comparable_cells() -> None:
    compared = {target: result().compare("X", target) for target in COLUMNS}
    assert {target: c.reproduced for target, c in compared.items() if c} == {
        "aircraft": True,
        "cars": False,
        "pets": True,
    }
    cars = compared["cars"]
    assert cars is not None and cars.difference == pytest.approx(50.5 - 55.42)


@pytest.mark.parametrize(
    "change",
    [
        {"verified_paper": False},
        {"verified_paper": False, "standin": True},
        {"assumed": ("optimiser",)},
        {"absent": (2,)},
        {"n": None},
    ],
    ids=str,
)
def test_only_complete_verified_cells_without_assumptions_are_compared(change: dict) -> None:
    good = CELLS[0]
    assert result(cells=[good]).compare("X", "aircraft") is not None
    other = CellResult.model_validate({**good.model_dump(), **change})
    assert result(cells=[other], claims=()).compare("X", "aircraft") is None
    for format_ in ("text", "md", "latex", "csv"):
        assert "reproduced" not in without_footnotes(render(result(cells=[other], claims=()), format_))  # type: ignore[arg-type]


def without_footnotes(text: str) -> str:
    """The report without the footnotes on marks and the csv header, which use the word in passing."""
    return re.sub(r"never called\s+reproduced", "", text)


@pytest.mark.parametrize("where", ["row", "table"])
def test_what_the_source_does_not_state_is_never_reproduced(where: str) -> None:
    rows = [row.model_dump() for row in table().rows]
    rows[0]["assumed"] = ["size"] if where == "row" else []
    changed = table(rows=rows, assumed=["method"] if where == "table" else [])
    assert result(table=changed).compare("X", "aircraft") is None
    assert "46.50±0.71a" in render(result(table=changed), "text")


def test_without_a_tolerance_a_difference_stands_and_no_verdict() -> None:
    bare = result(table=table(tolerance=None), cells=CELLS[:3])
    compared = bare.compare("X", "cars")
    assert compared is not None and compared.difference == pytest.approx(50.5 - 55.42)
    assert (compared.tolerance, compared.reproduced, compared.verdict) == (None, None, "")
    for format_ in ENDINGS:
        told = render(bare, format_)  # type: ignore[arg-type]
        assert "reproduced" not in told and ("-4.92" in told or format_ in ("csv", "json"))
        assert "no tolerance is set for this table" in told or format_ == "csv"
    assert "50.50 ± 0.71 (55.42; -4.92)" in render(bare, "md")
    line = next(line for line in csv.DictReader(io.StringIO(render(bare, "csv"))) if line["target"] == "cars")
    assert float(line["difference"]) == pytest.approx(-4.92) and line["tolerance"] == line["verdict"] == ""


def test_other_targets_are_named_and_not_compared() -> None:
    foreign = result(columns=("birds70",), cells=[cell("X", "birds70", 20.0)], claims=(), rows=ROWS[:1])
    text = render(foreign, "text")
    assert "OTHER TARGETS: birds70 is not the paper's" in text
    assert "published" not in text and foreign.compare("X", "birds70") is None
    assert "20.00" in text


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


def test_claims_show_both_verdicts() -> None:
    text = " ".join(render(result(), "text").split())
    assert "contradicted on 1 of 3: cars -6.16" in text
    assert "held on 3 of 3" in text
    assert "missing: B on pets" in text


@pytest.mark.parametrize("format_", ENDINGS)
def test_stand_ins_judge_nothing(format_: Any) -> None:
    """No verdict and no table of claims beside rendered images; one line says what ran."""
    shown = " ".join(render(result(cells=STANDIN, claims=()), format_).split())
    assert not re.search("held:|held on|contradicted|undecided|not judged|A_1 beats X", shown)
    if format_ != "csv":
        assert "Stand-in images judge no claim: 7 of 12 cells are measured." in shown
        assert "judge no claim" not in render(result(), format_)
    with pytest.raises(ValueError, match="no claim can be judged on stand-in images"):
        result(cells=STANDIN)


@pytest.mark.parametrize("format_", ENDINGS)
def test_published_verdicts_are_marked_as_of_binomial_error(format_: Any) -> None:
    shown = " ".join(render(result(), format_).split())
    assert ("binomial error only" in shown) == (format_ != "csv")


def claims_of(**fields: Any) -> dict[str, str]:
    return {sentence: on_measured for sentence, _, on_measured in claims(result(claims=judged(**fields)))}


def test_one_seed_shows_intervals_and_no_verdict() -> None:
    told = claims_of(seeds=1, level=0.42)
    gain, every = told["A_1 gains 0.2"], told["A_1 beats X everywhere"]
    interval = r"[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]"
    assert re.fullmatch(rf"one seed: not judged: {interval} \(more seeds and [\d,]+0 images\)", gain)
    assert len(re.findall(rf"(?:aircraft|cars|pets) {interval} \(more seeds", every)) == 3
    # So large a difference that the images do not stand in the way.
    assert claims_of(seeds=1, level=0.9)["A_1 beats X everywhere"].count("(more seeds)") == 3
    shown = " ".join(render(result(claims=judged(seeds=1)), "text").split())
    assert "How many seeds would decide cannot be told from one" in shown
    assert "How many seeds would decide cannot be told" not in render(result(), "text")


def test_what_is_undecided_says_how_many_seeds_or_images_would_decide() -> None:
    told = claims_of(seeds=4, level=0.45)["A_1 beats X everywhere"]
    assert re.match(r"undecided on \d of 3: .*\(\d+ seeds( or [\d,]+ images)?\)", told)
    assert "that would decide with a probability of 80 %" in render(result(claims=judged(level=0.45)), "md")
    assert two_digits(1_234) == 1_300 and two_digits(99_100) == 100_000 and two_digits(7) == 7


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean latex"):
        render(result(), "latx")  # type: ignore[arg-type]


# Refusals ------------------------------------------------------------------------------------------------------------

RUN = SeedResult(seed=0, value=1.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "measured"},
        {"state": "failed", "runs": [RUN]},
        {"state": "measured", "runs": [RUN, RUN]},
        {"state": "measured", "runs": [RUN], "standin": True, "verified_paper": True},
        {"state": "measured", "runs": [RUN], "stand_in": True},
    ],
    ids=str,
)
def test_cells_that_contradict_themselves_are_refused(fields: dict) -> None:
    with pytest.raises(ValidationError):
        CellResult(row="X", target="cars", **fields)


@pytest.mark.parametrize("value", [-0.1, 100.1, float("nan")])
def test_values_that_are_no_percentage_are_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        SeedResult(seed=0, value=value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([CELLS[0], CELLS[0]], "twice"),
        ([cell("Y", "cars", 1.0)], "no row"),
        ([cell("X", "dogs", 1.0)], "no row"),
    ],
)
def test_cells_outside_the_table_are_refused(cells: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        result(cells=cells)


def write_golden() -> None:
    """Run this file to write the golden files anew; read the difference before keeping it."""
    GOLDEN.mkdir(exist_ok=True)
    for format_, ending in ENDINGS.items():
        (GOLDEN / f"small.{ending}").write_text(render(result(), format_))  # type: ignore[arg-type]


if __name__ == "__main__":
    write_golden()
