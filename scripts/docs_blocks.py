"""The tables of README.md and docs/ that are made of records, each under the name that its block begins with.

A maker takes the rest of the block's first line, split at ";", and returns Markdown.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from tabulate import tabulate

from benchmark.report.blocks import signed
from benchmark.report.collect import assemble
from benchmark.report.formats import render
from benchmark.statistics import Estimate, paired_means
from scripts import bench_ratios, bench_record, docs_values, race_table
from scripts.docs_verbs import verbs

ROOT = Path(__file__).resolve().parents[1]
COVERS = {
    "seeds and items": "other seeds and other test images",
    "items": "other test images only: there is one seed, and it decides nothing",
}


def made(name: str, arguments: Sequence[str]) -> str:
    """The text of a block. KeyError for a maker that there is not."""
    return MAKERS[name](*arguments).strip()


# Committed tables ----------------------------------------------------------------------------------------------------


@cache
def _rendered(folder: str) -> str:
    return render(assemble(*docs_values.saved(ROOT / folder)), "md")


def accuracy(folder: str, *pairs: str) -> str:
    """What was measured, as `verify` prints it, without the headings; below it differences ("LEFT minus RIGHT")."""
    table = _tables(_rendered(folder).partition("####")[0])[0]
    if not pairs:
        return table
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return _grid(header, [*rows, *_differences(folder, pairs, [*header[1:-1], "mean"])[0]])


def training(folder: str) -> str:
    """What each row was trained on."""
    return _tables(_rendered(folder).partition("What each row was trained on")[2])[0]


def claims(folder: str) -> str:
    """The paper's claims with their verdicts, and what the numbers in brackets are."""
    text = _rendered(folder).partition("#### Claims")[2]
    notes = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- In brackets")]
    return "\n\n".join([_tables(text)[0], *(textwrap.fill(note, 118) for note in notes)])


def _tables(text: str) -> list[str]:
    return [table.strip() for table in re.findall(r"(?:^\|.*\n)+", text, re.M)]


def differences(folder: str, *pairs: str) -> str:
    """Differences of rows ("LEFT minus RIGHT") on every target and over all, each with its 95 % interval."""
    columns = docs_values.saved(ROOT / folder)[0].columns
    targets = [*columns, *(["mean"] if len(columns) > 1 else [])]
    rows, bases = _differences(folder, pairs, targets)
    note = "; ".join(sorted(COVERS[basis] for basis in bases))
    return f"{_grid(['points', *targets], rows)}\n\nIn brackets: 95 % intervals. They cover {note}."


def _differences(folder: str, pairs: Sequence[str], targets: Sequence[str]) -> tuple[list[list[str]], set[str]]:
    """A row of intervals for each pair, and what the intervals cover."""
    titles = {row: title for row, title, *_ in docs_values.saved(ROOT / folder)[0].rows}
    rows, bases = [], set()
    for pair in pairs:
        left, right = pair.split(" minus ")
        estimates = [docs_values.difference(ROOT / folder, target, left, right) for target in targets]
        bases |= {one.basis for one in estimates}
        rows.append([f"{titles[left]}, minus {titles[right]}", *map(_interval, estimates)])
    return rows, bases


def _interval(estimate: Estimate) -> str:
    value, low, high = (signed(number, 1) for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _grid(header: list[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table in Markdown; its first `left` columns are names, the others numbers."""
    align = ("left",) * left + ("right",) * (len(header) - left)
    return tabulate(rows, header, tablefmt="pipe", disable_numparse=True, colalign=align)


def evaluations(folder: str, target: str, *pairs: str) -> str:
    """What every evaluation says of each row on a target, and differences of rows ("LEFT minus RIGHT"), paired over
    seeds, each with its 95 % interval."""
    layout, _ = docs_values.saved(ROOT / folder)
    titles = {row: title for row, title, *_ in layout.rows}
    lines = []
    for name, by_row in docs_values.measures(ROOT / folder, target).items():
        line = [name, *(_mean_std(list(by_row[row].values()), name) for row in titles)]
        for left, right in (pair.split(" minus ") for pair in pairs):
            one = paired_means([by_row[left][seed] for seed in layout.seeds], list(by_row[right].values()))
            low, high = (signed(number, _digits(name)) for number in (one.low, one.high))
            line.append(f"{signed(one.value, _digits(name))} [{low}, {high}]")
        lines.append(line)
    named = [" minus ".join(titles[row] for row in pair.split(" minus ")) for pair in pairs]
    return _grid([target, *titles.values(), *named], lines)


def _mean_std(values: list[float], name: str) -> str:
    spread = f" ± {np.std(values, ddof=1):.{_digits(name)}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{_digits(name)}f}{spread}"


def _digits(name: str) -> int:
    """Per cent with one decimal, what has no unit with three."""
    return 1 if name.endswith("%") else 3


# Purity --------------------------------------------------------------------------------------------------------------

BASE = ("base_rate", "base_rate_without_heldout")
OWN = ("purity", "purity_without_heldout")


def purity(folder: str) -> str:
    """Per cent of the picks that is relevant, in brackets without the held-out sources; of a table or a comparison."""
    kind = Path(folder).parent.name
    return _purity_of_table(folder) if kind == "mini" else _purity_of_comparison(folder)


def _purity_of_table(folder: str) -> str:
    layout, runs = docs_values.saved(ROOT / folder)
    name, sampled = folder.removeprefix("results/"), {run.row for run in runs if run.purity is not None}
    rows = [(row, title) for row, title, *_ in layout.rows if row in sampled]
    base = ["base rate", *(_shares(f"{name}/{target}/{rows[0][0]}", BASE) for target in layout.columns)]
    lines = [[title, *(_shares(f"{name}/{target}/{row}", OWN) for target in layout.columns)] for row, title in rows]
    return _grid(["% relevant", *layout.columns], [base, *lines])


def _purity_of_comparison(folder: str) -> str:
    name = folder.removeprefix("results/")
    scores = [score for score in docs_values.scores(ROOT / folder) if "budget" in score]
    columns = list(dict.fromkeys((score["target"], score["budget"]) for score in scores))
    samplers = list(dict.fromkeys(score["sampler"] for score in scores))
    places = [f"{name}/{target}/{budget}" for target, budget in columns]
    lines = [["base rate", *(_shares(f"{place}/{samplers[0]}", BASE) for place in places)]]
    lines += [[sampler, *(_shares(f"{place}/{sampler}", OWN) for place in places)] for sampler in samplers]
    return _grid(["% relevant", *(f"{target} {budget}" for target, budget in columns)], lines)


def _shares(place: str, metrics: tuple[str, str]) -> str:
    """Both purities; "-" where all picks come from held-out sources."""
    try:
        without = f"{docs_values.value(f'{place}/{metrics[1]}'):.1f}"
    except KeyError:
        without = "-"
    return f"{docs_values.value(f'{place}/{metrics[0]}'):.1f} ({without})"


# Comparisons and speed -----------------------------------------------------------------------------------------------


def comparison(folder: str, target: str, which: str) -> str:
    """A part of a committed comparison with its heading; `which` is "budget 5%", "stopping rule" or "without ..."."""
    start = f"{target}, {which}"
    parts = [part for part in _parts(folder) if part.startswith(start)]
    if len(parts) != 1:
        raise KeyError(f"{folder} has {len(parts)} parts that begin with {start}")
    heading, table = parts[0].split("\n\n")[:2]
    return f"**{heading.strip('*')}**\n\n{table}"


def _parts(folder: str) -> list[str]:
    """The parts of a comparison, each from its heading on: of its table, or of the text of the old format."""
    if (ROOT / folder / "layout.json").exists():
        return re.split(r"\n\n#### ", _rendered(folder))
    return re.split(r"\n\n\*\*", (ROOT / folder / "comparison.md").read_text())


def gains(folder: str, target: str, budget: str) -> str:
    """Accuracy with the coreset of each sampler minus that of X alone, paired over seeds."""
    scores = [
        score
        for score in docs_values.scores(ROOT / folder)
        if (score["target"], score.get("budget")) == (target, budget)
    ]
    samplers = dict.fromkeys(score["sampler"] for score in scores)
    rows = [
        [name, _interval(docs_values.seed_difference(ROOT / folder, target, budget, name, docs_values.TARGET_ONLY))]
        for name in samplers
    ]
    return _grid(["coreset of", "accuracy minus X alone's"], rows)


def races(file: str) -> str:
    """Images per second of pretraining; the column of methods is left out where there is one method."""
    header, rows = race_table.table(bench_record.read(ROOT / file).cases)
    kept = [i for i, name in enumerate(header) if name != "method" or len({row[i] for row in rows}) > 1]
    names = sum(header[i] in ("method", "network") for i in kept)
    return _grid([header[i] for i in kept], [[row[i] for i in kept] for row in rows], names)


def timings(files: str, *fields: str) -> str:
    """The cases of records (", " between files) that have a measured one of the fields; "-" for a field without one."""
    cases = [case for file in files.split(", ") for case in bench_record.read(ROOT / file).cases]
    measured = [field for field in fields if field.split("_")[-1] in UNITS]
    rows = [[_plain(case.get(field)) for field in fields] for case in cases if any(map(case.get, measured))]
    names = [" ".join(field.split("_")) for field in fields]
    return _grid(names, rows, sum(any(isinstance(case.get(field), str) for case in cases) for field in fields))


UNITS = ("minutes", "seconds", "times")
"""What the fields of times end with."""


def _plain(number: object) -> str:
    if number is None:
        return "-"
    return f"{number:.0f}" if isinstance(number, float) and number >= 10 else str(number)


def machine(*files: str) -> str:
    """On what, with what, when and under what load records were measured, and how they were kept."""
    alike: dict[str, list[str]] = {}
    for file in files:
        alike.setdefault(_conditions(bench_record.read(ROOT / file)), []).append(f"`{Path(file).name}`")
    lines = [f"* {', '.join(names)}: {description}" for description, names in alike.items()]
    return "\n".join(textwrap.fill(line, 118, subsequent_indent="  ", break_on_hyphens=False) for line in lines)


def _conditions(record: bench_record.Record) -> str:
    facts = [f"{name} {json.dumps(fact).strip(chr(34))}" for name, fact in record.machine.items()]
    facts += [f"{name} {version}" for name, version in record.packages.items()]
    source = f" {record.source[0].upper()}{record.source[1:]}." if record.source else ""
    return f"{record.date}; {', '.join(facts)}. Load: {record.load}.{source}"


class SamplerTimes(BaseModel):
    """A line of the cases a to c: seconds by the clock and of CPU, and bytes added, of every round."""

    way: str
    seconds: list[float]
    cpu: list[float]
    bytes: list[float]


class CandidateTimes(BaseModel):
    """A line of case d: CPU seconds of every round, the share of the exact picks, and what its index took to build."""

    way: str
    cpu: list[float]
    recall: float
    index_seconds: int = 0
    index_mib: int = 0


SPEED_TITLES = {
    "a": "a: 1.28 M x 100 similarities, 1 %",
    "b": "b: 1.28 M x 2048 float16",
    "c 1 M": "c: 1 M x 256 float16",
    "c 3 M": "c: 3 M x 256 float16",
    "c 10 M": "c: 10 M x 256 float16",
}
"""Cases of `bench_samplers` at full size."""


def speed(file: str) -> str:
    """Fastest round, its CPU time and the memory added, of every line of the cases a to c of `bench_samplers`."""
    record = bench_record.read(ROOT / file)
    if record.machine["scale"] != 1:
        raise ValueError(f"{file} is of scale {record.machine['scale']}: the cases are called by their full size")
    lines = []
    for case, title in SPEED_TITLES.items():
        first = None
        for line in map(SamplerTimes.model_validate, record.select(case=case)):
            seconds, cpu = min(zip(line.seconds, line.cpu, strict=True))
            times = seconds / (first := first or seconds)
            against = f"{times:.2f}" if times > 0.1 else f"1/{1 / times:.0f}"
            mib = f"{max(line.bytes) / 2**20:,.0f}"
            lines.append([title, line.way, f"{seconds:.3g}", f"{cpu:.3g}", against, mib])
    return _grid(["case", "line", "s", "CPU s", "of the first line", "MiB added"], lines, 2)


def ratios(file: str) -> str:
    """Case e of `bench_samplers`: SimCore as multiples of the best bare product."""
    record = bench_record.read(ROOT / file)
    return "\n".join(bench_ratios.ratio_table([dict(line) for line in record.cases if line["case"] == "e"]))


def candidates(file: str) -> str:
    """Case d of `bench_samplers`: sources of candidates with their CPU time and the share of the exact picks."""
    record = bench_record.read(ROOT / file)
    lines = [CandidateTimes.model_validate(line) for line in record.cases if "recall" in line]
    rows = []
    for line in lines:
        times = f"{min(line.cpu) / min(lines[0].cpu):.2f}"
        index = f"{line.index_seconds}, {line.index_mib:,}" if line.index_mib else ""
        rows.append([line.way, f"{min(line.cpu):.2f}", times, f"{line.recall:.3f}", index])
    return _grid(["candidates from", "CPU s", "of exact", "recall", "index: s, MiB"], rows)


MAKERS: dict[str, Callable[..., str]] = {
    maker.__name__: maker
    for maker in (
        accuracy,
        training,
        claims,
        differences,
        evaluations,
        purity,
        comparison,
        gains,
        races,
        timings,
        machine,
        speed,
        ratios,
        candidates,
        verbs,
    )
}
