"""The verb `table`: a table from what the store holds."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from benchmark.commands._options import Format, RowEncoder, Save, TableArgument, with_options_of
from benchmark.commands._values import PathLike, query_of
from benchmark.commands.reproduce import show

if TYPE_CHECKING:
    from benchmark.report.measured import MeasuredTable


def table(
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
) -> "MeasuredTable":
    """The table that `reproduce` returns, from what `store` holds. Runs nothing; what is not measured is "missing".

    Raises UserError as `reproduce` does.
    """
    from benchmark.planning.planned_table import PlannedTable
    from benchmark.report.measured import measured_table

    training = (steps, method, backbone, engine, precision)
    chosen = (table, profile, protocol, targets, rows, openset, seeds, controls)
    parts = (evaluation, train, coreset_metrics, without_leaks)
    query = query_of(*chosen, *training, data_root, store, *parts, initial_weights, encoder)
    session = PlannedTable(query)
    unknown = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    if unknown:
        labels = ", ".join(unknown)
        print(f"note: no result can be looked up that needs {labels}: not read yet, or no data root", file=sys.stderr)
    return measured_table(session.values(), session.store)


@with_options_of(table, table=TableArgument, encoder=RowEncoder)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text", save: Save = None) -> None:
    """A table from what the store holds. Runs nothing; what is not measured is shown as missing."""
    show(work, format_, save)
