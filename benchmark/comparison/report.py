"""A comparison as text, Markdown, CSV or JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Literal, get_args

from tabulate import tabulate

from benchmark.comparison.outcome import (
    ACCURACY,
    BASE_RATE,
    BASE_WITHOUT,
    CEILING,
    PURITY,
    WITHOUT_HELDOUT,
    Line,
    Outcome,
    Score,
)
from benchmark.errors import one_of
from benchmark.report.blocks import signed
from benchmark.report.numbers import plain
from benchmark.statistics import Estimate

Format = Literal["text", "md", "csv", "json"]

COLUMNS: dict[str, tuple[str, str]] = {
    "images": ("images", "{:,.0f}"),
    PURITY: ("purity %", "{:.1f}"),
    WITHOUT_HELDOUT: ("no held-out %", "{:.1f}"),
    "target_to_picks": ("X to picks", "{:.3f}"),
    "picks_to_target": ("picks to X", "{:.3f}"),
    "coverage_radius": ("radius", "{:.3f}"),
    "density": ("density", "{:.2f}"),
    "coverage": ("coverage", "{:.3f}"),
    "mmd2": ("MMD²", "{:.4f}"),
    "near_duplicates": ("near-dup.", "{:.3f}"),
    "seconds": ("seconds", "{:.2f}"),
    ACCURACY: ("accuracy %", "{:.1f}"),
}
"""Values that are shown: their headings and how they are written."""

STAND_INS = "STAND-IN IMAGES: no number here is of the datasets that are named."
COMPARED = {PURITY: "purity", ACCURACY: "accuracy"}
LEGEND = (
    "X to picks, picks to X: mean cosine to the nearest row of the other (the first is SimCore's equation 2, a mean); "
    "radius: largest cosine distance from X to the picks; density, coverage: Naeem et al. 2020; MMD²: KID's kernel; "
    "near-dup.: share of picks with another pick above cosine 0.95; seconds: the sampler alone."
)


def render(outcome: Outcome, format: Format) -> str:  # noqa: A002
    """`outcome` in `format`, ending in a newline. UnknownName for another format."""
    return _RENDERERS[one_of("format", format, get_args(Format))](outcome)


# For people ----------------------------------------------------------------------------------------------------------


def _people(form: str, bold: str) -> Callable[[Outcome], str]:
    def make(outcome: Outcome) -> str:
        parts = [f"Samplers compared: {outcome.title}"]
        parts += [STAND_INS] if outcome.standins else []
        for _, group in groupby(outcome.lines, key=lambda line: (line.target, line.budget)):
            lines = list(group)
            parts.append(f"{bold}{_heading(lines[0])}{bold}\n\n{_grid(outcome, lines, form)}")
        return "\n\n".join([*parts, *_notes(outcome)]) + "\n"

    return make


def _heading(line: Line) -> str:
    if line.budget is None:
        return f"{line.target}, without a coreset"
    base, ceiling, without = (line.mean_std(name) for name in (BASE_RATE, CEILING, BASE_WITHOUT))
    heldout = f"; no held-out: base rate {without[0]:.1f} %" if without else ""
    labels = f" (base rate {base[0]:.1f} %, ceiling {ceiling[0]:.1f} %{heldout})" if base and ceiling else ""
    rule = "stopping rule" if line.budget == "stop" else f"budget {line.budget}"
    return f"{line.target}, {rule}{labels}"


def _grid(outcome: Outcome, lines: list[Line], form: str) -> str:
    shown = [name for name in COLUMNS if any(line.values(name) for line in lines)]
    compared = [name for name in COMPARED if name in shown and any(outcome.reference_of(line) for line in lines)]
    header = ["", *(COLUMNS[name][0] for name in shown)]
    header += [f"{COMPARED[name]} minus {outcome.reference}'s" for name in compared]
    rows = [[line.sampler, *_values(line, shown), *_differences(outcome, line, compared)] for line in lines]
    align = ("left", *("right",) * (len(header) - 1))
    return tabulate(rows, headers=header, tablefmt=form, disable_numparse=True, colalign=align)


def _values(line: Line, names: list[str]) -> list[str]:
    failed = next((score.reason for score in line.scores if score.reason), "")
    return [_value(line, name) for name in names] if not failed else ["failed", *[""] * (len(names) - 1)]


def _value(line: Line, name: str) -> str:
    found, pattern = line.mean_std(name), COLUMNS[name][1]
    if found is None:
        return "-"
    mean, std = found
    # A size that is the same for every seed is a size; of what is measured a spread of nothing is said.
    return pattern.format(mean) + (f" ± {pattern.format(std)}" if std or (std == 0 and name != "images") else "")


def _differences(outcome: Outcome, line: Line, names: list[str]) -> Iterator[str]:
    other = outcome.reference_of(line)
    for name in names:
        estimate = None if other is None else line.difference(other, name)
        if estimate is not None:
            yield _interval(estimate)
        elif other is not None and line.mean_std(name) and other.mean_std(name):
            yield signed(line.values(name)[0] - other.values(name)[0], 1)
        else:
            yield ""


def _interval(estimate: Estimate) -> str:
    value, low, high = (signed(x, 1) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _notes(outcome: Outcome) -> Iterator[str]:
    yield LEGEND
    seeds = ", ".join(map(str, outcome.seeds))
    if len(outcome.seeds) > 1:
        yield f"Seeds {seeds}; ± is the standard deviation over them; differences are paired, with 95 % intervals."
    else:
        tested = (
            "Differences of accuracy have 95 % intervals over test images, which leave the spread over seeds out; "
            "others have none"
        )
        yield f"One seed ({seeds}): not judged. {tested if outcome.has(ACCURACY) else 'Differences have no intervals'}."
    failures = {(line.sampler, score.reason) for line in outcome.lines for score in line.scores if score.reason}
    yield from (f"{sampler}: {reason}" for sampler, reason in sorted(failures))
    yield from outcome.notes


# For machines --------------------------------------------------------------------------------------------------------


def _csv(outcome: Outcome) -> str:
    """A line per value."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["target", "budget", "sampler", "seed", "metric", "value", "data", "reason"])
    data = "stand-in" if outcome.standins else "as found"
    for score in _scores(outcome):
        # A trial that failed has one line without a metric, which says why.
        for name, value in plain(score.values or {"": None}).items():
            place = (score.target, score.budget or "", score.sampler, score.seed)
            rows.writerow([*place, name, value, data, score.reason])
    return text.getvalue()


def _json(outcome: Outcome) -> str:
    value = {
        "title": outcome.title,
        "reference": outcome.reference,
        "standins": outcome.standins,
        "packages": dict(outcome.packages),
        "notes": list(outcome.notes),
        "scores": [_as_json(score) for score in _scores(outcome)],
    }
    return json.dumps(plain(value), indent=1, ensure_ascii=False) + "\n"


def _scores(outcome: Outcome) -> Iterator[Score]:
    return (score for line in outcome.lines for score in line.scores)


def _as_json(score: Score) -> dict[str, Any]:
    names = ("target", "budget", "sampler", "seed", "values", "stopped_by", "sources", "picks_sha256", "keys", "reason")
    return {name: getattr(score, name) for name in names if getattr(score, name) not in ("", {}, None)}


_RENDERERS: dict[Format, Callable[[Outcome], str]] = {
    "text": _people("simple", ""),
    "md": _people("github", "**"),
    "csv": _csv,
    "json": _json,
}
