"""Which cells and claims of a small table are judged, what is shown of them, and which cells are refused."""

import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from small_table import (
    CELLS,
    COLUMNS,
    ENDINGS,
    ROWS,
    STANDIN,
    cell,
    judged,
    result,
    table,
)

from benchmark.report.blocks import claims, two_digits
from benchmark.report.formats import render
from benchmark.report.table import (
    CellResult,
    SeedResult,
    tolerance_points,
)

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
        shown = render(bare, format_)  # type: ignore[arg-type]
        assert "reproduced" not in shown and ("-4.92" in shown or format_ in ("csv", "json"))
        assert "no tolerance is set for this table" in shown or format_ == "csv"
    assert "50.50 ± 0.71 (55.42; -4.92)" in render(bare, "md")
    line = next(line for line in csv.DictReader(io.StringIO(render(bare, "csv"))) if line["target"] == "cars")
    assert float(line["difference"]) == pytest.approx(-4.92) and line["tolerance"] == line["verdict"] == ""


def test_other_targets_are_named_and_not_compared() -> None:
    foreign = result(columns=("birds70",), cells=[cell("X", "birds70", 20.0)], claims=(), rows=ROWS[:1])
    text = render(foreign, "text")
    assert "OTHER TARGETS: birds70 is not the paper's" in text
    assert "published" not in text and foreign.compare("X", "birds70") is None
    assert "20.00" in text


# Claims --------------------------------------------------------------------------------------------------------------


def test_claims_show_both_verdicts() -> None:
    text = " ".join(render(result(), "md").split())
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
    sentences = claims_of(seeds=1, level=0.42)
    gain, every = sentences["A_1 gains 0.2"], sentences["A_1 beats X everywhere"]
    interval = r"[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]"
    assert re.fullmatch(rf"one seed: not judged: {interval} \(more seeds and [\d,]+0 images\)", gain)
    assert len(re.findall(rf"(?:aircraft|cars|pets) {interval} \(more seeds", every)) == 3
    # So large a difference that the images do not stand in the way.
    assert claims_of(seeds=1, level=0.9)["A_1 beats X everywhere"].count("(more seeds)") == 3
    shown = " ".join(render(result(claims=judged(seeds=1)), "text").split())
    assert "How many seeds would decide cannot be told from one" in shown
    assert "How many seeds would decide cannot be told" not in render(result(), "text")


def test_what_is_undecided_says_how_many_seeds_or_images_would_decide() -> None:
    shown = claims_of(seeds=4, level=0.45)["A_1 beats X everywhere"]
    assert re.match(r"undecided on \d of 3: .*\(\d+ seeds( or [\d,]+ images)?\)", shown)
    assert "that would decide with a probability of 80 %" in render(result(claims=judged(level=0.45)), "md")
    assert two_digits(1_234) == 1_300 and two_digits(99_100) == 100_000 and two_digits(7) == 7


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
