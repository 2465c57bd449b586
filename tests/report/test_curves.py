"""The table and the picture of several lengths of training, from records that are made up."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from small_table import table

from benchmark.report.collect import assemble
from benchmark.report.formats import render
from benchmark.report.formats._curves import round_numbers
from benchmark.report.formats.picture import draw
from benchmark.report.records import read_results
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult

SEEDS = Path(__file__).parents[2] / "results" / "mini" / "seeds"
LENGTHS = (400, 1600, 6400)


def run(seed, value, length, exposures=True):
    values = {"samples_seen": 64 * length, "training_seconds": 0.7 * length} | (
        {"exposures": length / 10} if exposures else {}
    )
    return SeedResult(seed=seed, value=value, values=values)


def outcome(rows, cells, targets=("cars",), **fields):
    labels = tuple(
        RowLabel(
            f"{row} at {length} steps", f"row {row}, at {length:,} steps", row, False, f"at {length}", row, row, length
        )
        for length in LENGTHS
        for row in rows
    )
    return TableResult(table(), "mini", "clean", "mixed", targets, labels, cells, **fields)


def measured(row, length, *values, target="cars", absent=(), exposures=True):
    runs = tuple(run(seed, value, length, exposures) for seed, value in enumerate(values))
    return CellResult(row=f"{row} at {length} steps", target=target, state="measured", runs=runs, absent=absent)


@pytest.fixture
def curves():
    """X at all lengths, OS without passes over X and with a missing seed, B failed at the longest."""
    cells = [measured("X", length, 20.0 + place, 22.0 + place) for place, length in enumerate(LENGTHS)]
    cells += [measured("OS", length, 30.0, absent=(1,), exposures=False) for length in LENGTHS]
    cells += [measured("B", 400, 10.0, 11.0), measured("B", 1600, 12.0, 13.0)]
    cells += [CellResult(row="B at 6400 steps", target="cars", state="failed", reason="out of memory")]
    return outcome(("X", "OS", "B"), cells)


def lines(axis):
    return {line.get_label(): line for line in axis.get_lines() if not line.get_label().startswith("_")}


def test_a_line_has_a_point_for_every_length_that_is_measured(curves):
    samples, exposures, seconds = draw(curves).axes
    assert list(lines(samples)["row X"].get_xdata()) == [64 * length for length in LENGTHS]
    assert list(lines(samples)["row X"].get_ydata()) == [21.0, 22.0, 23.0]
    assert list(lines(seconds)["row B"].get_ydata()) == [10.5, 12.5]
    assert set(lines(exposures)) == {"row X", "row B"}
    assert set(lines(samples)) == {"row X", "row OS", "row B"}


def test_bands_are_of_lengths_with_several_seeds_and_missing_seeds_are_said(curves):
    figure = draw(curves)
    samples = figure.axes[0]
    bands = [band for band in samples.collections if type(band).__name__ != "LineCollection"]
    assert len(bands) == 2
    low, high = bands[0].get_paths()[0].vertices[:, 1].min(), bands[0].get_paths()[0].vertices[:, 1].max()
    assert (low, high) == pytest.approx((21 - 2**0.5, 23 + 2**0.5))
    hollow = [line for line in samples.get_lines() if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 3 and "hollow: seeds are missing" in figure.get_supxlabel()


def test_texts_of_the_picture_do_not_meet():
    rows = tuple(f"X+my_laboratory/sampler_{number}.py:Mine(5%)" for number in range(5))
    targets = ("cars", "pets")
    cells = [measured(row, length, 20.0, target=target) for row in rows for length in LENGTHS for target in targets]
    figure = draw(outcome(rows, cells, targets))
    figure.draw_without_rendering()
    texts = list(figure.legends[0].get_texts())
    for axis in figure.axes:
        texts += [*axis.get_xticklabels(), axis.xaxis.label, axis._left_title]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for (one, left), (other, right) in itertools.combinations(boxes, 2):
        assert not left.overlaps(right), (one, other)
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for _, box in boxes)


def test_equal_tables_give_equal_pictures(curves):
    assert render(curves, "svg") == render(curves, "svg")


def test_a_table_without_a_number_has_a_picture_too():
    assert all(not axis.get_lines() for axis in draw(outcome(("X",), ())).axes)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (25_600, 409_600, [50_000, 100_000, 200_000]),
        (1, 10**6, [1, 100, 10_000, 10**6]),
        (12, 18, [pytest.approx(14.7, abs=0.1)]),
        (100, 100, [100]),
    ],
)
def test_ticks_are_few_and_round(low, high, ticks):
    assert round_numbers(low, high) == ticks


def test_published_values_stand_beside_every_length(curves):
    assert [curves.published(f"X at {length} steps", "cars") for length in LENGTHS] == [55.42] * 3
    assert "1 of 3 rows" not in render(curves, "text") and "2 of 3 rows and 1 other row" in render(curves, "text")


def test_claims_are_judged_within_one_length():
    """The claims at a length are those of a table of that length alone."""
    layout, runs, _ = read_results(SEEDS)
    few = [run for run in runs if run.seed < 2]
    rows = {f"{row} at {steps} steps": (row, steps, rest) for steps in (400, 800) for row, *rest in layout.rows}
    both = layout.model_copy(
        update={
            "rows": tuple((name, *rest) for name, (_, _, rest) in rows.items()),
            "lengths": tuple((row, steps) for row, steps, _ in rows.values()),
        }
    )
    together = [
        replace(run, row=f"{run.row} at {steps} steps") for steps, some in ((400, runs), (800, few)) for run in some
    ]
    claims = assemble(both, together).claims
    for length, some in ((400, runs), (800, few)):
        single = assemble(layout, some).claims
        assert len(single) == 3 and {one.measured.verdict for one in single} != {"missing"}
        at_length = [one for one in claims if one.length == length]
        assert at_length == [replace(one, length=length) for one in single]
        assert [one.sentence for one in at_length] == [f"At {length} steps: {one.sentence}" for one in single]
