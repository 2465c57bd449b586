"""Markdown: one table of measured and published values. Prose has lines below 120 characters."""

import re
from textwrap import fill

from tabulate import tabulate

from benchmark.report.blocks import (
    CLAIMS,
    Grid,
    Style,
    cell_text,
    claims,
    mean_text,
    published_text,
    signed,
    training,
    without_mean,
)
from benchmark.report.footnotes import footnotes
from benchmark.report.formats import Format
from benchmark.report.formats._tabulate import tabulated
from benchmark.report.headings import has_published, headings
from benchmark.report.measure_blocks import measure_tables
from benchmark.report.table import CellResult, TableResult

LINE = 119
_MARKDOWN = Style(plus_minus=" ± ", before_marks=" [", after_marks="]")


def render(result: TableResult) -> str:
    """One table of `measured (published)` cells, then the claims."""
    title, *rest = headings(result)
    parts = [f"### {title}", *(_wrapped(f"**{line}**") for line in rest)]
    parts += [tabulated(_combined(result), "pipe")] if result.evaluated else []
    if has_published(result):
        shown = "a difference and a verdict stand" if result.table.tolerance else "a difference stands"
        parts.append(f"Cells are measured (published); {shown} where the two are comparable.")
    for heading, grid in measure_tables(result, Style(plus_minus=" ± "), result.row_name):
        parts += [f"#### {heading}", tabulated(_piped(grid), "pipe")]
    if trained := training(result, result.row_name):
        parts += ["#### What each row was trained on", tabulated(_piped(trained), "pipe")]
    if judged := claims(result):
        grid = Grid([*CLAIMS], [list(line) for line in judged])
        parts += ["#### Claims", tabulate(_piped(grid).rows, headers=grid.header, tablefmt="pipe")]
    parts.append("\n".join(_wrapped(line, "- ") for line in footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _wrapped(text: str, begin: str = "") -> str:
    """Prose in lines, the first of which has `begin` before it and the others as many spaces. None begins with what
    Markdown takes for the beginning of a list, a heading or a quotation."""
    glued = re.sub(r" (?=(?:[-+*>]|#+|\d+[.)])(?: |$))", "\0", text)
    indents = {"initial_indent": begin, "subsequent_indent": " " * len(begin)}
    lines = fill(glued, LINE, break_long_words=False, break_on_hyphens=False, **indents)  # type: ignore[arg-type]
    return lines.replace("\0", " ")


def _combined(result: TableResult) -> Grid:
    rows = []
    for row in result.rows:
        mean = mean_text(result, result.row_mean(row.id), _MARKDOWN)
        published = published_text(result, result.published_mean(row.id), absent="")
        cells = [_with_published(result, cell) for cell in result.row_cells(row.id)]
        rows.append([result.row_name(row), *cells, f"{mean} ({published})" if published else mean])
    return _piped(without_mean(result, Grid(["", *result.columns, "mean"], rows)))


def _with_published(result: TableResult, cell: CellResult) -> str:
    measured = cell_text(result, cell, _MARKDOWN)
    published = published_text(result, result.published(cell.row, cell.target), absent="")
    compared = result.compare(cell.row, cell.target)
    if compared:
        difference = signed(compared.difference, result.table.decimals)
        published += "; " + ", ".join(filter(None, (difference, compared.verdict)))
    return f"{measured} ({published})" if published else measured


def _piped(grid: Grid) -> Grid:
    header, *rows = ([cell.replace("|", "\\|") for cell in row] for row in (grid.header, *grid.rows))
    return Grid(header, rows)


entry = Format("md", ".md", "Markdown", render)
