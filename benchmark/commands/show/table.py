"""What `show table2` prints: a published table as it is printed, and what the suite makes of it."""

import sys
from collections.abc import Iterable, Iterator

from benchmark.planning.rows import obstacle
from benchmark.published.tables import Row, Table
from benchmark.specs import folding
from benchmark.specs.folding import USUAL, WHOLE, folded, grid


def table_text(table: Table) -> str:
    """The values with their source, then the rows that are not measured here and why, the claims, the tolerance."""
    width = folding.columns(sys.stdout) or WHOLE
    rows = [line for row in table.rows for line in _lines(table, row)]
    align = ("left", "left", *("right",) * len(table.columns))
    values = grid(["to type", "row", *table.columns], rows, width, align)
    return "\n".join(
        [
            *_source(table),
            "",
            values,
            *(folded(line, folding.columns(sys.stdout) or USUAL) for line in _sections(table)),
        ]
    )


def _lines(table: Table, row: Row) -> Iterator[list[str]]:
    yield [table.name_to_type(row.id, row.variant), row.title, *_cells(row, table.decimals)]
    if row.shares is not None:
        yield ["", "    % of the open-set picked", *(f"{share:g}" for share in row.shares)]


def _cells(row: Row, decimals: int) -> Iterator[str]:
    seconds: tuple[float | None, ...] = row.top5 or (None,) * len(row.values)
    for value, second in zip(row.values, seconds, strict=True):
        first = "-" if value is None else f"{value:.{decimals}f}"
        yield first if second is None else f"{first} ({second:.{decimals}f})"


def _source(table: Table) -> Iterator[str]:
    source = table.source
    yield f"{table.id}: {table.title} ({table.unit})"
    yield f"{source.work}, {source.place}, {source.url}"
    grade = f", evidence {table.evidence}" if table.evidence else ""
    yield f"read in {source.read_in} ({source.confidence}{grade})"


def _sections(table: Table) -> Iterator[str]:
    tolerance = table.tolerance
    if any(row.top5 for row in table.rows):
        yield from ("", "In brackets: top-5.")
    if tolerance is None:
        yield from ("", "No tolerance: measured values are shown with their difference and no verdict.")
    else:
        parts = f"sampling error at {100 * tolerance.confidence:g} %, allowance of {_points(tolerance.allowance)}"
        yield from ("", f"Tolerance: {parts}. {tolerance.reason}")
    yield from _block("Not stated by the source:", table.assumed)
    yield from _block("Not measured by this suite:", _obstacles(table))
    yield from _block("Claims:", (f"{claim.id}: {claim.sentence} ({claim.source})" for claim in table.claims))
    yield from _block("Notes:", table.notes)


def _points(points: float) -> str:
    return f"{points:g} point{'' if points == 1 else 's'}"


def _obstacles(table: Table) -> Iterator[str]:
    """Why rows are not measured, with the rows it holds for."""
    rows: dict[str, list[str]] = {}
    for row in table.rows:
        if why := obstacle(row):
            rows.setdefault(why, []).append(row.id)
    for why, names in rows.items():
        yield f"{why}: {'every row' if len(names) == len(table.rows) else ', '.join(names)}"


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    indented = [f"  {line}" for line in lines]
    if indented:
        yield from ("", title, *indented)
