"""The parts of a report that all formats for people share: grids of strings, claims, footnotes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmark.published.claims import ClaimResult
from benchmark.published.power import MOST_ITEMS, MOST_SEEDS, Needed
from benchmark.report.table import (
    CellResult,
    Mark,
    RowLabel,
    RowMean,
    SeedResult,
    TableResult,
)
from benchmark.specs.wording import counted
from benchmark.statistics import Estimate

MARKS: dict[Mark, str] = {
    "s": "stand-in: measured on rendered stand-in images, not on the dataset that the column names",
    "a": "rests on a field that the paper does not state, so it is never called reproduced",
    "i": "incomplete: not all seeds that were asked for are measured",
}


@dataclass(frozen=True)
class Style:
    """How a format writes a number: its plus-minus sign, and what stands around marks."""

    plus_minus: str = "±"
    before_marks: str = ""
    after_marks: str = ""

    def number(self, mean: float, std: float | None, decimals: int, marks: Sequence[Mark] = ()) -> str:
        """Mean, standard deviation if there is one, marks."""
        spread = "" if std is None else f"{self.plus_minus}{std:.{decimals}f}"
        signs = f"{self.before_marks}{''.join(marks)}{self.after_marks}" if marks else ""
        return f"{mean:.{decimals}f}{spread}{signs}"


@dataclass(frozen=True)
class Grid:
    """A table of strings. The first column is left-aligned, the others right-aligned."""

    header: list[str]
    rows: list[list[str]]


def foreign_targets(result: TableResult) -> list[str]:
    """The columns that the published table does not have."""
    return [target for target in result.columns if target not in result.table.columns]


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


def stacked(result: TableResult, style: Style, label: str) -> Grid:
    """Measured above published, with difference and verdict below where there is one. `label`: the RowLabel field."""
    rows: list[list[str]] = []
    for row in result.rows:
        rows += _stack(result, row, style, getattr(row, label))
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


def _purity(field: str) -> Callable[[SeedResult], float | None]:
    return lambda run: getattr(run.purity, field, None)


_TRAINING: dict[str, tuple[Callable[[SeedResult], float | None], str]] = {
    "samples seen": (lambda run: run.samples_seen, "{:,}"),
    "exposures of X": (lambda run: run.exposures, "{:,.1f}"),
    "coreset": (lambda run: run.coreset, "{:,}"),
    "purity %": (_purity("value"), "{:.1f}"),
    "base rate %": (_purity("base_rate"), "{:.1f}"),
    "ceiling %": (_purity("ceiling"), "{:.1f}"),
    "without held-out %": (_purity("without_heldout"), "{:.1f}"),
}


def training(result: TableResult, label: str) -> Grid | None:
    """What each row was trained on: smallest to largest over targets and seeds. None if no record tells."""
    runs = {row.id: [run for cell in result.row_cells(row.id) for run in cell.runs] for row in result.rows}
    told = {
        name: [_range([value(run) for run in runs[row.id]], pattern) for row in result.rows]
        for name, (value, pattern) in _TRAINING.items()
    }
    told = {name: column for name, column in told.items() if any(text != "-" for text in column)}
    rows = [[getattr(row, label), *(column[i] for column in told.values())] for i, row in enumerate(result.rows)]
    return Grid(["", *told], rows) if told else None


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
    return [(c.claim.sentence, verdict_text(c.published), verdict_text(c.measured)) for c in result.claims]


def verdict_text(verdict: ClaimResult) -> str:
    """The verdict and what it rests on: the mean difference and its interval, or the targets that decide. In brackets,
    what would decide where nothing does yet."""
    if verdict.verdict == "missing":
        return f"missing: {some([f'{row} on {target}' for row, target in verdict.missing], 2)}"
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


def footnotes(result: TableResult) -> list[str]:
    """Marks in use, reasons of holes, refused means, tolerance, scope and basis of the claims, notes, warnings."""
    used = sorted({mark for cell in result.all_cells for mark in marks_of(result, cell)})
    lines = [f"{mark}: {MARKS[mark]}" for mark in used]
    lines += _hole_notes(result)
    if any(result.compare(cell.row, cell.target) for cell in result.all_cells):
        tolerance = result.table.tolerance
        none = "differences have no verdict: no tolerance is set for this table"
        lines.append(f"reproduced: {tolerance.reason}" if tolerance else none)
    lines += _claim_notes(result)
    lines += [*result.notes, *(f"WARNING: {warning}" for warning in result.warnings)]
    return [" ".join(line.split()) for line in lines]


def _hole_notes(result: TableResult) -> Iterable[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in result.all_cells:
        if cell.reason:
            reasons.setdefault((cell.state, cell.reason), []).append(f"{cell.row} on {cell.target}")
    yield from (f"{state}: {some(cells)}: {reason}" for (state, reason), cells in reasons.items())
    refused: dict[str, list[str]] = {}
    for row in result.rows if result.has_means else ():
        mean = result.row_mean(row.id)
        if mean.mean is None:
            refused.setdefault(mean.reason, []).append(row.id)
    yield from (f"no mean of {some(rows)}: {reason}" for reason, rows in refused.items())


def _claim_notes(result: TableResult) -> Iterable[str]:
    if result.standins:
        yield _pipeline(result)
    if not result.claims:
        return
    yield (
        "Claims are judged at 95 % confidence, with Holm's adjustment for 'on every target'. Published values: "
        "binomial error only, which is the sampling error of the test split, rows unpaired, spread over seeds unknown."
    )
    foreign = len(foreign_targets(result))
    own = f"{len(result.columns) - foreign} of the table's {counted(len(result.table.columns), 'target')}"
    others = f"{counted(foreign, 'target')} that {'is' if foreign == 1 else 'are'} not the table's"
    scope = own if not foreign else others if foreign == len(result.columns) else f"{own} and {others}"
    if not result.has_means:
        scope += f" ('on average' and 'on every target' are {result.columns[0]} alone here)"
    yield f"Claims on measured values: over {scope}; {_basis(result)}."
    verdicts = {claim.measured.verdict for claim in result.claims}
    if verdicts & {"one seed", "undecided"}:
        yield (
            "In brackets: the number of seeds, or of test images in all, that would decide with a probability of 80 %, "
            f"were the difference and its variances the measured ones; none beyond {MOST_SEEDS:,} seeds and "
            f"{MOST_ITEMS:,} images."
        )
    if "one seed" in verdicts:
        yield (
            "One seed: not judged. The interval covers test images only. How many seeds would decide cannot be told "
            "from one. Beside it stands the number of test images that their own part of the error calls for, where "
            "there are fewer."
        )


def _pipeline(result: TableResult) -> str:
    measured, cells = sum(bool(cell.runs) for cell in result.all_cells), len(result.all_cells)
    works = "the pipeline works, " if measured == cells else ""
    return f"Stand-in images judge no claim: {works}{measured} of {cells} cells are measured."


def _basis(result: TableResult) -> str:
    bases = {detail.estimate.basis for claim in result.claims for detail in claim.measured.details}
    if "items" in bases:
        return "with a single seed an interval covers test items only"
    return "intervals cover seeds and test items, paired" if bases else "none could be judged"
