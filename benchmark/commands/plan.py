"""The verb `plan`: what a run would do and cost."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.commands._options import with_options_of
from benchmark.commands._query import RunQuery, takes
from benchmark.specs.folding import note

if TYPE_CHECKING:
    from benchmark.commands._planned_run import PlannedRun


@takes(RunQuery)
def plan(query: RunQuery) -> "PlannedRun":
    """What `reproduce` with the same options would run and cost. Runs nothing, writes nothing.

    Raises UserError for a name that is unknown, for options that cannot be used and where there is nothing to plan.
    """
    from benchmark.commands._planned_run import planned_run
    from benchmark.planning.planned_table import PlannedTable

    return planned_run(PlannedTable(query))


@with_options_of(plan)
def verb(work: "Callable[[], PlannedRun]") -> None:
    """What a run would do: stages, what they share, what is done, samples seen, GPU-hours and disk. Runs nothing."""
    show_plan(work())


def show_plan(planned: "PlannedRun") -> None:
    """Print what would run."""
    for line in planned.notes:
        note(line)
    print(planned.render())
