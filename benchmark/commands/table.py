"""The verb `table`: a table from what the store holds."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._query import takes
from benchmark.commands.reproduce import show
from benchmark.planning.query import Query
from benchmark.specs.folding import note

if TYPE_CHECKING:
    from benchmark.report.measured import MeasuredTable


@takes(Query)
def table(query: Query) -> "MeasuredTable":
    """The table that `reproduce` returns, from what `store` holds. Runs nothing; what is not measured is "missing".

    Raises UserError as `reproduce` does.
    """
    from benchmark.planning.planned_table import PlannedTable
    from benchmark.report.measured import measured_table

    session = PlannedTable(query)
    unknown = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    if unknown:
        labels = ", ".join(unknown)
        note(f"no result can be looked up that needs {labels}: not read yet, or no data root")
    return measured_table(session.values(), session.store)


@with_options_of(table)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text", save: Save = None) -> None:
    """A table from what the store holds. Runs nothing; what is not measured is shown as missing."""
    show(work, format_, save)
