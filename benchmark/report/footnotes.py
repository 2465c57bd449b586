"""What stands below a table: marks, reasons of holes, scope of the claims, notes, warnings."""

from collections.abc import Iterable

from benchmark.published.power import MOST_ITEMS, MOST_SEEDS
from benchmark.report.blocks import foreign_targets, marks_of, some
from benchmark.report.measure_blocks import measure_notes
from benchmark.report.table import Mark, TableResult
from benchmark.specs.wording import counted

MARKS: dict[Mark, str] = {
    "s": "stand-in: measured on rendered stand-in images, not on the dataset that the column names",
    "a": "rests on a field that the paper does not state, so it is never called reproduced",
    "i": "incomplete: not all seeds that were asked for are measured",
}


def footnotes(result: TableResult) -> list[str]:
    """Marks in use, reasons of holes, refused means, tolerance, scope and basis of the claims, notes, warnings."""
    used = sorted({mark for cell in result.all_cells for mark in marks_of(result, cell) if result.evaluated})
    lines = [f"{mark}: {MARKS[mark]}" for mark in used]
    lines += _hole_notes(result)
    if any(result.compare(cell.row, cell.target) for cell in result.all_cells):
        tolerance = result.table.tolerance
        none = "differences have no verdict: no tolerance is set for this table"
        lines.append(f"reproduced: {tolerance.reason}" if tolerance else none)
    lines += _claim_notes(result)
    lines += measure_notes(result)
    lines += [*result.notes, *(f"WARNING: {warning}" for warning in result.warnings)]
    return [" ".join(line.split()) for line in lines]


def _hole_notes(result: TableResult) -> Iterable[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in result.all_cells:
        if cell.reason:
            reasons.setdefault((cell.state, cell.reason), []).append(f"{result.title(cell.row)} on {cell.target}")
    yield from (f"{state}: {some(cells)}: {reason}" for (state, reason), cells in reasons.items())
    refused: dict[str, list[str]] = {}
    for row in result.rows if result.has_means else ():
        mean = result.row_mean(row.id)
        if mean.mean is None:
            refused.setdefault(mean.reason, []).append(row.title)
    yield from (f"no mean of {some(rows)}: {reason}" for reason, rows in refused.items())


def _claim_notes(result: TableResult) -> Iterable[str]:
    if result.standins and result.evaluated:
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
