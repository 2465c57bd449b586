"""The verb `table`: a table from what the store holds."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._query import takes
from benchmark.commands.reproduce import show
from benchmark.planning.query import Query
from benchmark.specs.folding import note
from benchmark.specs.wording import counted

if TYPE_CHECKING:
    from benchmark.planning.planned_table import PlannedTable
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
    for line in measured_otherwise(session):
        note(line)
    return measured_table(session.values(), session.store)


def measured_otherwise(session: "PlannedTable") -> Iterator[str]:
    """What the store has of cells that are missing here, at another length, by another method or in another profile."""
    missing = {
        cell.pretrain.label: cell.pretrain.key
        for cell in session.cells.values()
        if cell.pretrain is not None and not session.store.has(cell.last)
    }
    others: dict[str, set[str]] = {}
    for record in (result.record for result in session.store.finished("pretrain")):
        if missing.get(record.label, record.key) != record.key:
            others.setdefault(_recipe_text(record.identity["spec"]["recipe"]), set()).add(record.label)
    for recipe, labels in sorted(others.items()):
        cells = counted(len(labels), "missing cell")
        yield f"the store has trainings of {cells} otherwise, {recipe}: see --steps, --method, --backbone, --profile"


def _recipe_text(recipe: dict[str, Any]) -> str:
    """ "simclr on test_resnet at 32 px for 6 steps"."""
    length = recipe["length"]
    steps = counted(length["steps"], "step") if "steps" in length else f"epochs ({length['kind']})"
    side = recipe["augmentation"]["size"]
    return f"{recipe['method']['kind']} on {recipe['backbone']['name']} at {side} px for {steps}"


@with_options_of(table)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text", save: Save = None) -> None:
    """A table from what the store holds. Runs nothing; what is not measured is shown as missing."""
    show(work, format_, save)
