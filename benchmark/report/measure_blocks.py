"""Tables of several measures: one for every target and heading, a line a row, a column a measure and a difference."""

from collections.abc import Callable, Iterator
from statistics import fmean

from benchmark.report.blocks import Grid, Style, signed
from benchmark.report.measures import LEGEND
from benchmark.report.table import CellResult, RowLabel, TableResult
from benchmark.specs.cells import CellMeasure
from benchmark.specs.wording import listed
from benchmark.statistics import Estimate


def measure_tables(result: TableResult, style: Style, label: Callable[[RowLabel], str]) -> Iterator[tuple[str, Grid]]:
    """Heading and table of every target and heading of rows; nothing for a table of one measure. `label` names a row
    that has no name below a heading."""
    for target in result.columns if len(result.measures) > 1 else ():
        shown = [row for row in result.ordered_rows if result.cell(row.id, target).state != "skipped"]
        for group in dict.fromkeys(row.group for row in result.rows):
            rows = [row for row in shown if row.group == group]
            if rows:
                yield _heading(result, target, rows), _grid(result, target, rows, style, label)


def _heading(result: TableResult, target: str, rows: list[RowLabel]) -> str:
    base, ceiling, without = (
        _mean(result, target, rows, name) for name in ("base_rate", "ceiling", "base_rate_without_heldout")
    )
    heldout = f"; no held-out: base rate {without:.1f} %" if without is not None else ""
    labels = f" (base rate {base:.1f} %, ceiling {ceiling:.1f} %{heldout})" if base is not None else ""
    return ", ".join(filter(None, (target, rows[0].group))) + labels


def _mean(result: TableResult, target: str, rows: list[RowLabel], name: str) -> float | None:
    """A number of the pool, from the first row that has it."""
    cells = (result.cell(row.id, target) for row in rows)
    values = next(
        (run_values for cell in cells if (run_values := [run.values[name] for run in cell.runs if name in run.values])),
        [],
    )
    return fmean(values) if values else None


def _grid(
    result: TableResult, target: str, rows: list[RowLabel], style: Style, label: Callable[[RowLabel], str]
) -> Grid:
    cells = [result.cell(row.id, target) for row in rows]
    shown = [one for one in result.measures if any(one.name in run.values for cell in cells for run in cell.runs)]
    compared = [(one, other) for one in shown for other in _references(result, rows) if one.compared]
    header = ["", *(f"{one.title} {one.unit}".strip() for one in shown)]
    header += [f"{one.title} minus {other.short or other.title}'s" for one, other in compared]
    lines = []
    for row, cell in zip(rows, cells, strict=True):
        values = [_value(cell, measure, style) for measure in shown] if cell.runs else [cell.state]
        line = [row.short or label(row), *values, *[""] * (len(shown) - len(values))]
        lines.append([*line, *(_difference(result, row, other, target, one) for one, other in compared)])
    return Grid(header, lines)


def _references(result: TableResult, rows: list[RowLabel]) -> list[RowLabel]:
    """The rows that any of `rows` is compared with."""
    others = {other.id: other for row in rows for other in result.references_of(row)}
    return [others[name] for name in result.references if name in others]


def _value(cell: CellResult, measure: CellMeasure, style: Style) -> str:
    mean_std = cell.mean_std_of(measure.name)
    if mean_std is None:
        return "-"
    mean, std = mean_std
    # A size that is the same for every seed is a size; of what is measured a spread of nothing is said.
    spread = None if std == 0 and measure.name == "images" else std
    return style.number(mean, spread, measure.digits, grouped=True)


def _difference(result: TableResult, row: RowLabel, other: RowLabel, target: str, measure: CellMeasure) -> str:
    difference = result.differences.get((row.id, other.id, target, measure.name))
    if difference is None:
        return ""
    digits = min(measure.digits, 1) if measure.unit == "%" else measure.digits
    if not isinstance(difference, Estimate):
        return signed(difference, digits)
    value, low, high = (signed(points, digits) for points in (difference.value, difference.low, difference.high))
    return f"{value} [{low}, {high}]"


def measure_notes(result: TableResult) -> Iterator[str]:
    """What the columns are, and what the differences rest on."""
    if len(result.measures) < 2:
        return
    if any(measure.title in LEGEND for measure in result.measures if not measure.evaluated):
        yield LEGEND
    seeds = sorted({run.seed for cell in result.all_cells for run in cell.runs})
    numbers = ", ".join(map(str, seeds))
    if len(seeds) > 1:
        yield f"Seeds {numbers}; ± is the standard deviation over them; differences are paired, with 95 % intervals."
    elif seeds:
        yield f"One seed ({numbers}): not judged. {_intervals_of_one_seed(result)}."


def _intervals_of_one_seed(result: TableResult) -> str:
    """Which differences have intervals: those of measures that are known for every test image."""
    known = {name for (*_, name), one in result.differences.items() if isinstance(one, Estimate)}
    titles = [measure.title for measure in result.measures if measure.name in known]
    if not titles:
        return "Differences have no intervals"
    return (
        f"Differences of {listed(titles)} have 95 % intervals over test images, which leave the spread over seeds out; "
        "others have none"
    )
