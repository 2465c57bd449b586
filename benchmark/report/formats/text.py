"""Plain text for a terminal."""

from collections.abc import Sequence
from textwrap import fill

from tabulate import tabulate

from benchmark.report.blocks import CLAIMS, Grid, Style, claims, stacked, training
from benchmark.report.footnotes import footnotes
from benchmark.report.formats import Format
from benchmark.report.formats._tabulate import tabulated
from benchmark.report.headings import headings
from benchmark.report.measure_blocks import measure_tables
from benchmark.report.table import TableResult

WIDTH = 120
_WIDTHS = [44, 36, 36]


def render(result: TableResult) -> str:
    """For a terminal of 120 columns: wide tables come in several blocks of columns."""
    parts = ["\n".join(fill(line, WIDTH, subsequent_indent="  ") for line in headings(result))]
    if result.evaluated:
        parts += [tabulated(block, "simple") for block in _blocks(stacked(result, Style(), "id"))]
    for heading, grid in measure_tables(result, Style(plus_minus=" ± ")):
        parts += [heading, *(tabulated(block, "simple") for block in _blocks(grid))]
    if trained := training(result, "id"):
        first, *others = (tabulated(block, "simple") for block in _blocks(trained))
        parts += ["What each row was trained on\n" + first, *others]
    if judged := claims(result):
        parts.append(tabulate(judged, CLAIMS, tablefmt="simple", maxcolwidths=_WIDTHS, maxheadercolwidths=_WIDTHS))
    parts.append("\n".join(fill(line, WIDTH, subsequent_indent="  ") for line in footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _blocks(grid: Grid) -> list[Grid]:
    """The grid in as few pieces of at most WIDTH characters as possible, evenly filled, each with the first column."""
    widths = [max(len(line[i]) for line in (grid.header, *grid.rows)) + 2 for i in range(len(grid.header))]
    fewest = len(_fill(widths, WIDTH))
    even = next(limit for limit in range(WIDTH + 1) if len(_fill(widths, limit)) <= fewest)
    return [_columns(grid, block) for block in _fill(widths, even)]


def _fill(widths: Sequence[int], limit: int) -> list[list[int]]:
    """Columns after the first, in blocks that are as wide as `limit` allows beside the first (at least one each)."""
    blocks: list[list[int]] = []
    used = limit
    for column, width in enumerate(widths[1:], start=1):
        if used + width > limit:
            blocks.append([0])
            used = widths[0]
        blocks[-1].append(column)
        used += width
    return blocks


def _columns(grid: Grid, chosen: Sequence[int]) -> Grid:
    rows = ([row[i] for i in chosen] for row in grid.rows)
    return Grid([grid.header[i] for i in chosen], [row for row in rows if any(row[1:])])


entry = Format("text", ".txt", "plain text for a terminal of 120 columns", render)
