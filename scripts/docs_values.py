"""Measured numbers by name, read from the records below results/ or computed from them as the suite computes them.

    mini/FOLDER/TARGET/ROW[/sSEED]/MEASURE         accuracy, purity, base_rate, without_heldout, size, rounds, ...
                                                   (also budget/FOLDER/...: the experiment on length, and
                                                   evaluations/FOLDER/...: other evaluations of its encoders)
    mini/FOLDER/TARGET/ROW minus ROW/PART          value, low, high, standard_error of the paired difference
                                                   (TARGET may be "mean": over all of the table's)
    mini/tuning/NAME/MEASURE                       a trial of results/mini/tuning.jsonl
    samplers/FOLDER/TARGET/BUDGET/SAMPLER[/sSEED]/METRIC         BUDGET is "none" for what has none
    samplers/FOLDER/TARGET/BUDGET/SAMPLER minus SAMPLER/PART     of accuracies, paired over seeds; also "X alone";
                                                   "purity PART" is that of purities, likewise with other metrics
    data-check/COUNT                               of results/data-check: images, pairs, "pairs between splits", ...
    bench/NAME/FIELD=VALUE,.../FIELD               the case of results/bench/NAME.json with these values
    plan/TABLE[/TARGET]/hours, plan/TABLE/shared with TABLE/hours (stages): of the paper profile

    published/TABLE/ROW/TARGET                     a printed value of tables/TABLE.yaml, or their mean

Without a seed a value is the mean over seeds. "min NAME, NAME" and "max NAME" take every value whose name fits (`*`
stands for anything between two slashes) or every case of a bench; names may be joined by " - " or " / "; " x 100"
makes a percentage of a share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.planning.costs import Costs
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.published.claims import MeasuredEvidence
from benchmark.published.tables import load_table
from benchmark.report.collect import evidence_of
from benchmark.report.records import read_results
from benchmark.report.run import Run
from benchmark.specs.cells import Layout
from benchmark.statistics import Estimate, paired_means
from scripts import bench_record

RESULTS = Path(__file__).resolve().parents[1] / "results"
TARGET_ONLY = "X alone"
OPERATIONS = {"-": float.__sub__, "/": float.__truediv__, "x": float.__mul__}


def value(text: str) -> float:
    """The number that `text` names. KeyError if there is none of that name."""
    first, *others = re.split(r" ([-/x]) ", text.strip())
    result = _operand(first)
    for sign, other in zip(others[::2], others[1::2], strict=True):
        result = OPERATIONS[sign](result, _operand(other))
    return result


def _operand(text: str) -> float:
    if re.fullmatch(r"[\d.]+", text):
        return float(text)
    if text.startswith(("min ", "max ")):
        numbers = [number for pattern in re.split(r", (?=\w+/)", text[4:]) for number in _matching(pattern)]
        return min(numbers) if text.startswith("min ") else max(numbers)
    return _named(text)


def _matching(pattern: str) -> list[float]:
    if pattern.startswith("bench/"):
        return _of_bench(*pattern.split("/")[1:])
    rule = re.compile(re.escape(pattern).replace(r"\*", "[^/]*"))
    numbers = [number for name, number in _flat(*pattern.split("/")[:2]).items() if rule.fullmatch(name)]
    if not numbers:
        raise KeyError(f"no value fits {pattern}")
    return numbers


def _named(name: str) -> float:
    kind, *rest = name.split("/")
    if kind == "bench":
        (number,) = _of_bench(*rest)
        return number
    if kind == "plan":
        return _of_plan(tuple(rest))
    if kind == "published":
        return _published(*rest)
    if kind == "data-check":
        return _of_data_check(*rest)
    if " minus " in rest[-2]:
        left, right = rest[-2].split(" minus ")
        if kind == "samplers":
            *metric, part = rest[-1].split()
            estimate = seed_difference(RESULTS / kind / rest[0], *rest[1:-2], left, right, *metric)
        else:
            part, estimate = rest[-1], difference(RESULTS / kind / rest[0], *rest[1:-2], left, right)
        return float(getattr(estimate, part))
    if kind in TABLES and rest[1] == "mean":
        columns = saved(RESULTS / kind / rest[0])[0].columns
        return float(np.mean([_named("/".join([kind, rest[0], target, *rest[2:]])) for target in columns]))
    values = _flat(kind, rest[0])
    if name not in values:
        raise KeyError(f"no value is named {name}")
    return values[name]


def _published(name: str, row: str, target: str) -> float:
    table = load_table(name)
    values = [table.cells()[row, one] for one in (table.columns if target == "mean" else [target])]
    return sum(values) / len(values)


# By kind of record ---------------------------------------------------------------------------------------------------


@cache
def saved(folder: Path) -> tuple[Layout, list[Run]]:
    """The layout and the runs of a committed table."""
    layout, runs, _ = read_results(folder)
    return layout, runs


@cache
def evidence(folder: Path) -> MeasuredEvidence:
    """The answers of a committed table."""
    return evidence_of(*saved(folder))


def difference(folder: Path, target: str, left: str, right: str) -> Estimate:
    """Row `left` minus row `right` in points, on a target or ("mean") over all of the table's."""
    measured = evidence(folder)
    return measured.difference(left, right, measured.targets if target == "mean" else (target,), 0.95)


def seed_difference(
    folder: Path, target: str, budget: str, left: str, right: str, metric: str = "accuracy"
) -> Estimate:
    """A metric of the coreset of `left` minus that of `right`, or of "X alone", over the seeds of a comparison."""
    values: dict[str, dict[int, float]] = {}
    for score in scores(folder):
        if score["target"] == target and (score["sampler"] == TARGET_ONLY or score.get("budget") == budget):
            values.setdefault(score["sampler"], {})[score["seed"]] = score["values"][metric]
    return paired_means([values[left][seed] for seed in values[right]], list(values[right].values()))


def measures(folder: Path, target: str) -> dict[str, dict[str, dict[int, float]]]:
    """What every evaluation of a committed table says on a target: title with unit -> row -> seed -> value."""
    layout, runs = saved(folder)
    values: dict[str, dict[str, dict[int, float]]] = {}
    for run in runs:
        for measure in layout.measures if (run.target, run.state) == (target, "measured") else ():
            title = f"{measure.title}{f', {measure.unit}' if measure.unit else ''}"
            values.setdefault(title, {}).setdefault(run.row, {})[run.seed] = run.result(layout).values[measure.name]
    return values


@cache
def _flat(kind: str, folder: str) -> dict[str, float]:
    """Every value of a folder by its name."""
    groups: dict[str, list[float]] = {}
    for place, seed, values in _READERS[kind](RESULTS / kind / folder):
        for name, number in values.items():
            groups.setdefault(f"{kind}/{folder}/{place}/s{seed}/{name}", []).append(number)
            groups.setdefault(f"{kind}/{folder}/{place}/{name}", []).append(number)
    return {name: float(np.mean(numbers)) for name, numbers in groups.items()}


SeedValues = Iterator[tuple[str, int, dict[str, float]]]


def _table(folder: Path) -> SeedValues:
    if folder.name == "tuning":
        for line in folder.with_suffix(".jsonl").read_text().splitlines():
            trial = json.loads(line)
            yield trial["name"], trial["seed"], {name: trial[name] for name in ("accuracy", "cross_entropy", "steps")}
        return
    for run in saved(folder)[1]:
        if run.state == "measured":
            yield f"{run.target}/{run.row}", run.seed, dict(_of_run(run))


def _of_run(run: Run) -> Iterator[tuple[str, float]]:
    """Percentages and counts of one cell at one seed."""
    assert run.evaluate is not None and run.pretrain is not None
    yield from ((name, run.pretrain.metrics[name]) for name in ("target_images", "steps"))
    yield "accuracy", run.evaluate.metrics["accuracy"]
    yield "test_images", run.evaluate.metrics["n"]
    if run.purity is not None:
        everything, without = run.purity.metrics["all"], run.purity.metrics.get("without_heldout", {})
        yield from ((name, 100 * everything[name]) for name in ("purity", "base_rate", "ceiling"))
        yield "pool_images", everything["pool"]
        yield from ((f"{name}_without_heldout", 100 * without[name]) for name in ("purity", "base_rate") if without)
    if run.sample is not None:
        yield "size", run.sample.metrics["size"]
        yield "share", 100 * run.sample.metrics["share"]
        if "rounds" in run.sample.info:
            yield "rounds", run.sample.info["rounds"]
            yield "first_round", run.sample.info["f_curve"][0]


def _samplers(folder: Path) -> SeedValues:
    for score in scores(folder):
        place = f"{score['target']}/{score.get('budget', 'none')}/{score['sampler']}"
        yield place, score["seed"], {name: float(number) for name, number in score["values"].items()}


def scores(folder: Path) -> list[dict[str, Any]]:
    """The scores of a committed comparison: from its records, or from the numbers of the old format."""
    if not (folder / "layout.json").exists():
        values: list[dict[str, Any]] = json.loads((folder / "comparison.json").read_text())["scores"]
        return values
    layout, runs = saved(folder)
    groups = {row[0]: group for row, group in zip(layout.rows, layout.groups, strict=True)}
    first = {row: place for place, row in enumerate(layout.references)}
    runs = sorted(runs, key=lambda run: (layout.columns.index(run.target), first.get(run.row, len(first))))
    return [_score(run, *groups[run.row], run.result(layout).values) for run in runs if run.state == "measured"]


def _score(run: Run, heading: str, sampler: str, values: Mapping[str, float]) -> dict[str, Any]:
    """A run as the old format has it; what has no coreset has no budget."""
    budget = "stop" if heading == "stopping rule" else heading.removeprefix("budget ")
    own = {"target": run.target, "sampler": sampler, "seed": run.seed, "values": dict(values)}
    return own | ({} if run.sample is None else {"budget": budget})


TABLES = ("mini", "budget", "evaluations")
_READERS = {**dict.fromkeys(TABLES, _table), "samplers": _samplers}


def _of_bench(name: str, where: str, field: str) -> list[float]:
    """The field of every case that has it and the given values; of all rounds where a case keeps them."""
    record = bench_record.read(RESULTS / "bench" / f"{name}.json")
    pairs = dict(pair.split("=", 1) for pair in re.split(r",(?=\w+=)", where))
    numbers: list[float] = []
    for case in record.cases:
        number = case.get(field)
        if isinstance(number, int | float | list) and all(str(case.get(key)) == text for key, text in pairs.items()):
            numbers += number if isinstance(number, list) else [float(number)]
    return numbers


# Plans of the paper profile ------------------------------------------------------------------------------------------


@cache
def _of_data_check(what: str) -> float:
    """ "images", "pairs" (within splits), "pairs between splits", or "pairs of ROLE NAME SPLIT"; and of the check with
    an encoder "images by encoder", "alike", "alike within splits" and "alike between splits"."""
    report, by_encoder = (
        json.loads((RESULTS / "data-check" / name).read_text()) for name in ("check.json", "encoder.json")
    )
    alike = [(one["first"] == one["second"], len(one["pairs"])) for one in by_encoder["likenesses"]]
    within = {split["label"].replace("/", " "): len(split["pairs"]) for split in report["splits"]}
    counts = {
        "images": sum(split["files"] for split in report["splits"]),
        "pairs": sum(within.values()),
        "pairs between splits": sum(len(one["pairs"]) for one in report["comparisons"]),
        "images by encoder": sum(split["files"] for split in by_encoder["splits"]),
        "alike": sum(pairs for _, pairs in alike),
        "alike within splits": sum(pairs for within_one, pairs in alike if within_one),
        "alike between splits": sum(pairs for within_one, pairs in alike if not within_one),
    }
    return float(within[what.removeprefix("pairs of ")] if what.startswith("pairs of ") else counts[what])


def _spending(table: str, *targets: str) -> dict[str, float]:
    query = Query(table=table, profile="paper", targets=targets, store=RESULTS / "no-store")
    return Costs(PlannedTable(query)).spending()


def _of_plan(parts: tuple[str, ...]) -> float:
    match parts:
        case (table, what) if what == "hours":
            return float(sum(_spending(table).values()))
        case (table, "cheapest target" | "dearest target" as which, "hours"):
            sums = [
                sum(_spending(table, target).values()) for target in PlannedTable(Query(table, profile="paper")).targets
            ]
            return float(min(sums) if which.startswith("cheapest") else max(sums))
        case (table, shared, what) if shared.startswith("shared with "):
            both = _spending(table).keys() & _spending(shared.removeprefix("shared with ")).keys()
            return float(len(both) if what == "stages" else sum(_spending(table)[key] for key in both))
    raise KeyError(f"no plan is named {'/'.join(parts)}")
