"""The parts of a report that all formats for people share: grids of strings and claims."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmark.published.claims import ClaimResult
from benchmark.published.power import Needed
from benchmark.report.measures import TRAINING_SECONDS
from benchmark.report.table import (
    CellResult,
    Mark,
    RowLabel,
    RowMean,
    TableResult,
)
from benchmark.statistics import Estimate


@dataclass(frozen=True)
class Style:
    """How a format writes a number: its plus-minus sign, and what stands around marks."""

    plus_minus: str = "±"
    before_marks: str = ""
    after_marks: str = ""

    def number(
        self, mean: float, std: float | None, decimals: int, marks: Sequence[Mark] = (), *, grouped: bool = False
    ) -> str:
        """Mean, standard deviation if there is one, marks. `grouped`: with commas between thousands."""
        comma = "," if grouped else ""
        spread = "" if std is None else f"{self.plus_minus}{std:{comma}.{decimals}f}"
        signs = f"{self.before_marks}{''.join(marks)}{self.after_marks}" if marks else ""
        return f"{mean:{comma}.{decimals}f}{spread}{signs}"


@dataclass(frozen=True)
class Grid:
    """A table of strings. The first column is left-aligned, the others right-aligned."""

    header: list[str]
    rows: list[list[str]]


def foreign_targets(result: TableResult) -> list[str]:
    """The columns that the published table does not have."""
    return [target for target in result.columns if target not in result.table.columns]


def title_of(row: RowLabel) -> str:
    """The row's title alone, for pages that are read and not typed from."""
    return row.title


def signed(points: float, decimals: int) -> str:
    """A difference with its sign; what rounds to zero is +0."""
    return f"{round(points, decimals) + 0.0:+.{decimals}f}"


def some(names: Sequence[str], limit: int = 4) -> str:
    """The names, or the first of them and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def marks_of(result: TableResult, cell: CellResult) -> tuple[Mark, ...]:
    """The cell's marks, with those that come from the published row."""
    assumed = (
        cell.runs and result.published(cell.row, cell.target) is not None and result.assumed(cell.row, cell.target)
    )
    return tuple(sorted({*cell.marks, "a"})) if assumed else tuple(sorted(cell.marks))


def cell_text(result: TableResult, cell: CellResult, style: Style) -> str:
    """The measured number, or the name of the hole."""
    if not cell.runs:
        return cell.state
    return style.number(*cell.mean_std, result.table.decimals, marks_of(result, cell))


def mean_text(result: TableResult, mean: RowMean, style: Style) -> str:
    """The row's mean, "-" where it is refused."""
    return "-" if mean.mean is None else style.number(mean.mean, mean.std, result.table.decimals, mean.marks)


def published_text(result: TableResult, value: float | None, absent: str = "-") -> str:
    """A published value with its printed decimals."""
    return absent if value is None else f"{value:.{result.table.decimals}f}"


def stacked(result: TableResult, style: Style, label: Callable[[RowLabel], str]) -> Grid:
    """Measured above published, with difference and verdict below where there is one. `label` names a row."""
    rows: list[list[str]] = []
    for row in result.rows:
        rows += _stack(result, row, style, label(row))
    return without_mean(result, Grid(["", *result.columns, "mean"], rows))


def without_mean(result: TableResult, grid: Grid) -> Grid:
    """The grid without its last column, the means, where the table has a single target."""
    if result.has_means:
        return grid
    return Grid(grid.header[:-1], [row[:-1] for row in grid.rows])


def _stack(result: TableResult, row: RowLabel, style: Style, label: str) -> Iterable[list[str]]:
    measured = [cell_text(result, cell, style) for cell in result.row_cells(row.id)]
    yield [label, *measured, mean_text(result, result.row_mean(row.id), style)]
    published = [result.published(row.id, target) for target in result.columns]
    if any(value is not None for value in published):
        means = published_text(result, result.published_mean(row.id))
        yield ["  published", *(published_text(result, value) for value in published), means]
    compared = [result.compare(row.id, target) for target in result.columns]
    if any(compared):
        decimals = result.table.decimals
        yield ["  difference", *(signed(c.difference, decimals) if c else "" for c in compared), ""]
        if result.table.tolerance:
            yield ["  reproduced", *(("yes" if c.reproduced else "no") if c else "" for c in compared), ""]


_TRAINING: dict[str, tuple[str, str]] = {
    "samples seen": ("samples_seen", "{:,}"),
    "exposures of X": ("exposures", "{:,.1f}"),
    "training seconds": (TRAINING_SECONDS, "{:,.0f}"),
    "coreset": ("images", "{:,}"),
    "purity %": ("purity", "{:.1f}"),
    "base rate %": ("base_rate", "{:.1f}"),
    "ceiling %": ("ceiling", "{:.1f}"),
    "without held-out %": ("purity_without_heldout", "{:.1f}"),
}
"""The numbers that say what a row was trained on: headings, names, how they are written."""


def training(result: TableResult, label: Callable[[RowLabel], str]) -> Grid | None:
    """What each row was trained on: smallest to largest over targets and seeds. None if no record tells."""
    runs = {row.id: [run for cell in result.row_cells(row.id) for run in cell.runs] for row in result.rows}
    columns = {
        heading: [_range([run.values.get(name) for run in runs[row.id]], pattern) for row in result.rows]
        for heading, (name, pattern) in _TRAINING.items()
        # Lengths are also compared by time; of equal lengths time says more of the machine than of the row.
        if result.evaluated and (name != TRAINING_SECONDS or result.lengths)
    }
    columns = {name: column for name, column in columns.items() if any(text != "-" for text in column)}
    rows = [[label(row), *(column[i] for column in columns.values())] for i, row in enumerate(result.rows)]
    return Grid(["", *columns], rows) if columns else None


def _range(values: Sequence[float | int | None], pattern: str) -> str:
    present = [value for value in values if value is not None]
    if not present:
        return "-"
    low, high = pattern.format(min(present)), pattern.format(max(present))
    return low if low == high else f"{low} to {high}"


CLAIMS = ("claim", "on published values (binomial error only)", "on measured values")
"""Headings of what `claims` gives."""


def claims(result: TableResult) -> list[tuple[str, str, str]]:
    """Each claim's sentence, its verdict on the published values and on the measured ones."""
    return [(c.sentence, verdict_text(result, c.published), verdict_text(result, c.measured)) for c in result.claims]


def verdict_text(result: TableResult, verdict: ClaimResult) -> str:
    """The verdict and what it rests on: the mean difference and its interval, or the targets that decide. In brackets,
    what would decide where nothing does yet."""
    if verdict.verdict == "missing":
        return f"missing: {some([f'{result.title(row)} on {target}' for row, target in verdict.missing], 2)}"
    words = "one seed: not judged" if verdict.verdict == "one seed" else verdict.verdict
    if verdict.overall:
        return f"{words}: {_interval(verdict.overall)}{_needed_text(verdict.overall, verdict.needed)}"
    named = [detail for detail in verdict.details if detail.verdict == verdict.verdict]
    if verdict.verdict == "one seed":
        values = [f"{d.target} {_interval(d.estimate)}{_needed_text(d.estimate, d.needed)}" for d in named]
        return f"{words}: {some(values)}"
    share = f"{words} on {len(named)} of {len(verdict.details)}"
    if verdict.verdict == "held":
        return share
    values = [f"{d.target} {signed(d.estimate.value, 2)}{_needed_text(d.estimate, d.needed)}" for d in named]
    return f"{share}: {some(values)}"


def _interval(estimate: Estimate) -> str:
    value, low, high = (signed(points, 2) for points in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _needed_text(estimate: Estimate, needed: Needed | None) -> str:
    if needed is None:
        return ""
    items = [f"{two_digits(needed.items):,} images"] if needed.items else []
    if estimate.seeds < 2:
        # Images help only where the interval over them is not clear yet.
        more = items if needed.items and needed.items > estimate.items else []
        return f" ({' and '.join(['more seeds', *more])})"
    seeds = [f"{needed.seeds:,} seeds"] if needed.seeds else []
    return f" ({' or '.join(seeds + items) or 'no number'})"


def two_digits(number: int) -> int:
    """`number` rounded up to two significant digits: what is planned on a measured difference is no more exact."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit
