"""The verb `plan`: what a run would do and cost."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from benchmark.commands._options import RowEncoder, with_options_of
from benchmark.commands._values import PathLike, query_of

if TYPE_CHECKING:
    from benchmark.commands._planned_run import PlannedRun


def plan(
    table: str = "2",
    profile: str = "smoke",
    protocol: str | None = None,
    targets: str | Sequence[str] | None = None,
    rows: str | Sequence[str] | None = None,
    openset: str | None = None,
    seeds: int | Sequence[int] | None = None,
    controls: bool = False,
    steps: int | Sequence[int] | None = None,
    method: str | None = None,
    backbone: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    evaluation: str | Sequence[str] | None = None,
    train: bool = True,
    coreset_metrics: bool = False,
    without_leaks: bool = False,
    initial_weights: str | None = None,
    encoder: str | None = None,
) -> "PlannedRun":
    """What `reproduce` with the same options would run and cost. Runs nothing, writes nothing.

    Raises UserError for a name that is unknown, for options that cannot be used and where there is nothing to plan.
    """
    from benchmark.commands._planned_run import planned_run
    from benchmark.planning.planned_table import PlannedTable

    training = (steps, method, backbone, engine, precision)
    chosen = (table, profile, protocol, targets, rows, openset, seeds, controls)
    parts = (evaluation, train, coreset_metrics, without_leaks)
    query = query_of(*chosen, *training, data_root, store, *parts, initial_weights, encoder)
    return planned_run(PlannedTable(query))


@with_options_of(plan, encoder=RowEncoder)
def verb(work: "Callable[[], PlannedRun]") -> None:
    """What a run would do: stages, what they share, what is done, samples seen, GPU-hours and disk. Runs nothing."""
    show_plan(work())


def show_plan(planned: "PlannedRun") -> None:
    """Print what would run."""
    for line in planned.notes:
        print(f"note: {line}", file=sys.stderr)
    print(planned.render())
