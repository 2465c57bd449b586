"""Grids of strings through tabulate."""

from tabulate import tabulate

from benchmark.report.blocks import Grid


def tabulated(grid: Grid, form: str) -> str:
    """`grid` in tabulate's format `form`: the first column to the left, the others to the right, text as it is."""
    align = ("left", *("right",) * (len(grid.header) - 1))
    return tabulate(
        grid.rows, headers=grid.header, tablefmt=form, disable_numparse=True, colalign=align, preserve_whitespace=True
    )
