"""The verb `run`: one cell of Table 2."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from attrs import field, frozen

from benchmark.commands._options import Format, with_options_of
from benchmark.commands._query import MachineOptions, takes
from benchmark.commands.reproduce import show
from benchmark.errors import UserError
from benchmark.planning.query import Query, TrainingOptions, described, shared
from benchmark.planning.values import optional_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.report.measured import MeasuredTable


@frozen(slots=False)
class CellQuery(MachineOptions, TrainingOptions):
    """A question to one cell of Table 2."""

    variant: str | None = field(
        default=None,
        metadata=described("what is pretrained on: one of `list variants`, or any sampler's, as in --rows"),
    )
    target: str | None = field(default=None, metadata=described("one target"))
    selection: Path | None = field(
        default=None,
        kw_only=True,
        converter=optional_path,
        metadata=described("a list of picks: X and these, in the place of a variant"),
    )

    @property
    def query(self) -> Query:
        """The table of this row and target. UserError without a target, and unless one row is named."""
        from benchmark.planning.names import listed_row

        if self.target is None:
            raise UserError("a cell needs --target")
        if (self.variant is None) == (self.selection is None):
            raise UserError("a cell is of one row: give --variant or --selection")
        row = self.variant if self.selection is None else listed_row(self.selection)
        return Query("2", rows=row, targets=self.target, **shared(self, TrainingOptions))


@takes(CellQuery)
def run(cell: CellQuery) -> "MeasuredTable":
    """One cell of Table 2: `reproduce` with one variant and one target."""
    from benchmark.commands._measure import measure
    from benchmark.planning.planned_table import PlannedTable

    return measure(PlannedTable(cell.query), cell.machine)


@with_options_of(run)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text") -> None:
    """Measure one cell of Table 2 (one variant, one target) and print it."""
    raise typer.Exit(1 if show(work, format_, None).failed else 0)
