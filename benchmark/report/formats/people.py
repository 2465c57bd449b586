"""Reports for people: plain text for a terminal, Markdown, LaTeX (booktabs)."""

from collections.abc import Iterable, Sequence
from textwrap import fill

from tabulate import LATEX_ESCAPE_RULES, tabulate

from benchmark.report.blocks import (
    CLAIMS,
    Grid,
    Style,
    cell_text,
    claims,
    footnotes,
    mean_text,
    published_text,
    signed,
    stacked,
    training,
    without_mean,
)
from benchmark.report.headings import headings
from benchmark.report.table import CellResult, TableResult

WIDTH = 120
_WIDTHS = [44, 36, 36]


def _tabulate(grid: Grid, form: str) -> str:
    align = ("left", *("right",) * (len(grid.header) - 1))
    return tabulate(
        grid.rows, headers=grid.header, tablefmt=form, disable_numparse=True, colalign=align, preserve_whitespace=True
    )


# Text ----------------------------------------------------------------------------------------------------------------
def text(result: TableResult) -> str:
    """For a terminal of 120 columns: wide tables come in several blocks of columns."""
    parts = ["\n".join(fill(line, WIDTH, subsequent_indent="  ") for line in headings(result))]
    parts += [_tabulate(block, "simple") for block in _blocks(stacked(result, Style(), "id"))]
    if trained := training(result, "id"):
        parts.append("What each row was trained on\n" + _tabulate(trained, "simple"))
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


# Markdown ------------------------------------------------------------------------------------------------------------
_MARKDOWN = Style(plus_minus=" ± ", before_marks=" [", after_marks="]")


def markdown(result: TableResult) -> str:
    """One table of `measured (published)` cells, then the claims."""
    title, *rest = headings(result)
    parts = [f"### {title}", *(f"**{line}**" for line in rest), _tabulate(_combined(result), "pipe")]
    if any(result.published(row.id, target) is not None for row in result.rows for target in result.columns):
        shown = "a difference and a verdict stand" if result.table.tolerance else "a difference stands"
        parts.append(f"Cells are measured (published); {shown} where the two are comparable.")
    if trained := training(result, "title"):
        parts += ["#### What each row was trained on", _tabulate(_piped(trained), "pipe")]
    if judged := claims(result):
        grid = Grid([*CLAIMS], [list(line) for line in judged])
        parts += ["#### Claims", tabulate(_piped(grid).rows, headers=grid.header, tablefmt="pipe")]
    parts.append("\n".join(f"- {line}" for line in footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _combined(result: TableResult) -> Grid:
    rows = []
    for row in result.rows:
        mean = mean_text(result, result.row_mean(row.id), _MARKDOWN)
        published = published_text(result, result.published_mean(row.id), absent="")
        cells = [_with_published(result, cell) for cell in result.row_cells(row.id)]
        rows.append([row.title, *cells, f"{mean} ({published})" if published else mean])
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


# LaTeX ---------------------------------------------------------------------------------------------------------------
def escape(words: str) -> str:
    """`words` with TeX's special characters escaped by tabulate's own rules."""
    return _signs("".join(LATEX_ESCAPE_RULES.get(letter, letter) for letter in words))


def _signs(tex: str) -> str:
    return tex.replace("±", r"\ensuremath{\pm}")


def latex(result: TableResult) -> str:
    """A full-width table, the table of training lengths, and the claims as a list. Needs booktabs and graphicx."""
    parts = ["% needs \\usepackage{booktabs} and \\usepackage{graphicx}"]
    parts.append(_float(stacked(result, Style(), "title"), headings(result)))
    if trained := training(result, "title"):
        parts.append(_float(trained, ["What each row was trained on"]))
    if judged := claims(result):
        items = (
            f"{claim}. Published values (binomial error only): {ours}. Measured values: {theirs}."
            for claim, ours, theirs in judged
        )
        parts.append(_list(items))
    parts.append(_list(footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _float(grid: Grid, caption: Sequence[str]) -> str:
    body = _signs(_tabulate(grid, "latex_booktabs"))
    for indented in ("published", "difference", "reproduced"):
        body = body.replace(f"\n   {indented}", f"\n \\quad {indented}")
    lines = ["\\begin{table*}", f"\\caption{{{escape('. '.join(line.rstrip('.') for line in caption))}.}}"]
    lines += ["\\resizebox{\\linewidth}{!}{%", body + "}", "\\end{table*}"]
    return "\n".join(lines)


def _list(items: Iterable[str]) -> str:
    lines = [f"\\item {escape(item)}" for item in items]
    return "\n".join(["\\begin{itemize}", *lines, "\\end{itemize}"]) if lines else ""
