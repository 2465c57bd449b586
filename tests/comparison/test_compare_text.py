"""A comparison as text, CSV and JSON: no spread and no failure is left out, no digit is noise."""

import csv
import io
import json

from benchmark.comparison.outcome import Line, Outcome, Score
from benchmark.comparison.report import render


def line(sampler, *values, **fields):
    scores = tuple(Score(sampler, "5%", "dtd", seed, values=value, **fields) for seed, value in enumerate(values))
    return Line(sampler, "5%", "dtd", scores)


def outcome(*lines, standins=True):
    seeds = tuple(range(max(len(one.scores) for one in lines)))
    return Outcome("title", lines[0].sampler, lines, standins, seeds, {})


def test_a_spread_of_nothing_is_said_of_a_measure_and_not_of_a_size():
    text = render(outcome(line("mine", {"images": 20, "purity": 35.0}, {"images": 20, "purity": 35.0})), "text")
    assert text.count("35.0 ± 0.0") == 1 and "20 ±" not in text
    assert "±" not in render(outcome(line("mine", {"images": 20, "purity": 35.0})), "text")


def test_one_seed_without_accuracies_speaks_of_none():
    assert "Differences have no intervals." in render(outcome(line("mine", {"purity": 35.0})), "text")
    assert "Differences of accuracy have 95 % intervals" in render(outcome(line("mine", {"accuracy": 35.0})), "text")


def test_stand_ins_are_told_in_a_sentence():
    one = line("mine", {"purity": 35.0})
    assert "STAND-IN IMAGES: no number here is of the datasets that are named." in render(outcome(one), "md")
    assert "STAND-IN" not in render(outcome(one, standins=False), "md")


def test_csv_marks_stand_ins_keeps_failures_and_has_no_noise_digits():
    lines = [line("mine", {"purity": 100 * 0.2 + 4e-15}), line("other", {}, reason="KeyError: 'weights'")]
    rows = list(csv.DictReader(io.StringIO(render(outcome(*lines), "csv"))))
    assert [(row["sampler"], row["metric"], row["value"], row["data"], row["reason"]) for row in rows] == [
        ("mine", "purity", "20.0", "stand-in", ""),
        ("other", "", "", "stand-in", "KeyError: 'weights'"),
    ]
    real = render(outcome(lines[0], standins=False), "csv").splitlines()
    assert real[1] == "dtd,5%,mine,0,purity,20.0,as found,"


def test_json_has_the_same_numbers():
    scores = json.loads(render(outcome(line("mine", {"purity": 20.000000000000004})), "json"))["scores"]
    assert scores[0]["values"] == {"purity": 20.0}
