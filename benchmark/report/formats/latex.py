"""LaTeX with booktabs."""

from collections.abc import Iterable, Sequence

from tabulate import LATEX_ESCAPE_RULES

from benchmark.report.blocks import Grid, Style, claims, stacked, title_of, training
from benchmark.report.footnotes import footnotes
from benchmark.report.formats import Format
from benchmark.report.formats._tabulate import tabulated
from benchmark.report.headings import headings
from benchmark.report.measure_blocks import measure_tables
from benchmark.report.table import TableResult


def escape(words: str) -> str:
    """`words` with TeX's special characters escaped by tabulate's own rules."""
    return _signs("".join(LATEX_ESCAPE_RULES.get(letter, letter) for letter in words))


def _signs(tex: str) -> str:
    return tex.replace("±", r"\ensuremath{\pm}")


def render(result: TableResult) -> str:
    """A full-width table, the table of training lengths, and the claims as a list. Needs booktabs and graphicx."""
    parts = ["% needs \\usepackage{booktabs} and \\usepackage{graphicx}"]
    caption = headings(result)
    if result.evaluated:
        parts.append(_float(stacked(result, Style(), title_of), caption))
    for heading, grid in measure_tables(result, Style(), title_of):
        parts.append(_float(grid, [heading] if result.evaluated else [*caption, heading]))
    if trained := training(result, title_of):
        parts.append(_float(trained, ["What each row was trained on"]))
    if judged := claims(result):
        items = (
            f"{claim}. Published values (binomial error only): {on_published}. Measured values: {on_measured}."
            for claim, on_published, on_measured in judged
        )
        parts.append(_list(items))
    parts.append(_list(footnotes(result)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _float(grid: Grid, caption: Sequence[str]) -> str:
    body = _signs(tabulated(grid, "latex_booktabs"))
    for indented in ("published", "difference", "reproduced"):
        body = body.replace(f"\n   {indented}", f"\n \\quad {indented}")
    lines = ["\\begin{table*}", f"\\caption{{{escape('. '.join(line.rstrip('.') for line in caption))}.}}"]
    lines += ["\\resizebox{\\linewidth}{!}{%", body + "}", "\\end{table*}"]
    return "\n".join(lines)


def _list(items: Iterable[str]) -> str:
    lines = [f"\\item {escape(item)}" for item in items]
    return "\n".join(["\\begin{itemize}", *lines, "\\end{itemize}"]) if lines else ""


entry = Format("latex", ".tex", "LaTeX with booktabs", render)
