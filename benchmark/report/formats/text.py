"""Plain text for a terminal."""

from benchmark.report.blocks import CLAIMS, Grid, Style, claims, stacked, training
from benchmark.report.footnotes import footnotes
from benchmark.report.formats import Format
from benchmark.report.headings import headings
from benchmark.report.measure_blocks import measure_tables
from benchmark.report.table import TableResult
from benchmark.specs.folding import folded, grid, table_width


def render(result: TableResult) -> str:
    """For the terminal's width, 120 columns where there is none: wide tables come in several blocks of columns."""
    width = table_width()
    parts = ["\n".join(folded(line, width) for line in headings(result))]
    if result.evaluated:
        parts.append(_table(stacked(result, Style(), result.row_name), width))
    for heading, measures in measure_tables(result, Style(plus_minus=" ± "), result.row_name):
        parts += [folded(heading, width), _table(measures, width)]
    if trained := training(result, result.row_name):
        parts.append("What each row was trained on\n" + _table(trained, width))
    if judged := claims(result):
        parts.append(grid(CLAIMS, judged, width, shares=(0.38, 0.31, 0.31)))
    parts.append("\n".join(folded(line, width) for line in footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Grid, width: int) -> str:
    """The first column to the left, numbers to the right."""
    return grid(table.header, table.rows, width, ["left", *["right"] * (len(table.header) - 1)])


entry = Format("text", ".txt", "plain text, as wide as the terminal", render)
