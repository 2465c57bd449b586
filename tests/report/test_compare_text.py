"""A table of coresets as text, CSV and JSON: no spread and no failure is left out, no digit is noise."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.published.tables import load_table
from benchmark.report.formats import render
from benchmark.report.measures import CORESET_MEASURES
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult
from benchmark.specs.cells import ACCURACY
from benchmark.statistics import Paired, paired_difference


def table(*cells, standins=True, measures=CORESET_MEASURES):
    """A row called mine(5%), other(5%), ... for each of `cells`: the values of its seeds, or why it failed."""
    rows, results = [], []
    for name, values in zip(("mine", "other"), cells, strict=False):
        row = f"X+{name}(5%)"
        rows.append(RowLabel(row, f"X + {name}", row, group="budget 5%", short=name))
        if isinstance(values, str):
            results.append(CellResult(row=row, target="dtd", state="failed", reason=values))
            continue
        runs = tuple(SeedResult(seed=seed, values=one) for seed, one in enumerate(values))
        results.append(CellResult(row=row, target="dtd", state="measured", runs=runs, standin=standins))
    fields = {"measures": measures, "references": (rows[0].id,)}
    return TableResult(load_table("2"), "smoke", "clean", "imagenet", ("dtd",), tuple(rows), results, **fields)


def test_a_spread_of_nothing_is_said_of_a_measure_and_not_of_a_size():
    text = render(table([{"images": 20, "purity": 35.0}] * 2), "text")
    assert text.count("35.0 ± 0.0") == 1 and "20 ±" not in text
    shown = render(table([{"images": 20, "purity": 35.0}]), "text")
    assert "35.0 ±" not in shown and "±" not in shown.partition("dtd, budget")[2].partition("One seed")[0]


def test_one_seed_names_the_measures_whose_differences_have_intervals():
    measures = (*CORESET_MEASURES, ACCURACY)
    evaluated = table([{"accuracy": 35.0}], [{"accuracy": 30.0}], measures=measures)
    assert "Differences have no intervals." in render(evaluated, "text")
    estimate = paired_difference([Paired(np.array([[100.0, 0.0]]), np.zeros((1, 2)), np.zeros(2, int), "top1")])
    known = {("X+other(5%)", "X+mine(5%)", "dtd", "accuracy"): estimate}
    assert "Differences of accuracy have 95 % intervals" in render(replace(evaluated, differences=known), "text")


@pytest.mark.parametrize("format_", ["text", "md", "latex"])
def test_stand_ins_are_named_in_a_sentence(format_):
    one = [{"purity": 35.0}]
    said = "STAND-IN IMAGES: no number here is of the datasets that are named"
    assert said in render(table(one), format_)
    assert "STAND-IN" not in render(table(one, standins=False), format_)


@pytest.mark.parametrize("format_", ["text", "md", "latex"])
def test_a_heading_has_the_base_rate_and_the_ceiling(format_):
    values = {"purity": 35.0, "base_rate": 2.25, "ceiling": 45.0, "base_rate_without_heldout": 1.5}
    said = "dtd, budget 5% (base rate 2.2 %, ceiling 45.0 %; no held-out: base rate 1.5 %)"
    assert said in render(table([values]), format_).replace("\\%", "%")


def test_a_row_that_failed_says_so_and_why():
    text = render(table([{"purity": 20.0}], "KeyError: 'weights'"), "text")
    (line,) = (line for line in text.splitlines() if line.startswith("other"))
    assert line.split() == ["other", "failed"] and "failed: X + other on dtd: KeyError: 'weights'" in text


def test_csv_marks_stand_ins_keeps_failures_and_has_no_noise_digits():
    cells = [[{"purity": 100 * 0.2 + 4e-15}], "KeyError: 'weights'"]
    rows = list(csv.DictReader(io.StringIO(render(table(*cells), "csv"))))
    assert [(row["row"], row["purity"], row["data"], row["state"], row["reason"]) for row in rows] == [
        ("X+mine(5%)", "20.0", "stand-in", "measured", ""),
        ("X+other(5%)", "", "", "failed", "KeyError: 'weights'"),
    ]
    (real, _) = csv.DictReader(io.StringIO(render(table(*cells, standins=False), "csv")))
    assert (real["purity"], real["data"]) == ("20.0", "as found")


def test_json_has_the_same_numbers():
    value = json.loads(render(table([{"purity": 20.000000000000004}]), "json"))
    assert value["cells"][0]["purity"] == 20.0
    assert [measure["name"] for measure in value["measures"]][:2] == ["images", "purity"]


def test_a_difference_to_the_reference_stands_beside_the_values():
    pair = {("X+other(5%)", "X+mine(5%)", "dtd", "purity"): -12.34}
    base = table([{"purity": 35.0}], [{"purity": 22.66}])
    shown = TableResult(**{**{name: getattr(base, name) for name in FIELDS}, "differences": pair})
    line = next(line for line in render(shown, "md").splitlines() if line.startswith("| other"))
    assert "purity minus mine's" in render(shown, "md") and "-12.3" in line


FIELDS = ("table", "profile", "protocol", "openset", "columns", "rows", "cells", "measures", "references")
