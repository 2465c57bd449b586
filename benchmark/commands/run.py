"""The verb `run`: one cell of Table 2."""

from typing import TYPE_CHECKING

import typer
from attrs import field, frozen

from benchmark.commands._options import Format, with_options_of
from benchmark.commands._query import MachineOptions, takes
from benchmark.commands.reproduce import show
from benchmark.planning.query import Query, TrainingOptions, described, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.report.measured import MeasuredTable


@frozen(slots=False)
class CellQuery(MachineOptions, TrainingOptions):
    """A question to one cell of Table 2."""

    variant: str = field(
        metadata=described("what is pretrained on: one of `list variants`, or any sampler's, as in --rows")
    )
    target: str = field(metadata=described("one target"))

    @property
    def query(self) -> Query:
        """The table of this row and target."""
        return Query("2", rows=self.variant, targets=self.target, **shared(self, TrainingOptions))


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
