"""The rows of a table that is to be measured, and what a report has to know of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmark.evaluations import Evaluation
from benchmark.methods import METHODS
from benchmark.planning.names import budget_text
from benchmark.planning.query import Query
from benchmark.published.tables import Row
from benchmark.report.measures import CORESET_MEASURES
from benchmark.sampling.samplers import STOP
from benchmark.specs.cells import ACCURACY, EVALUATE, CellMeasure, evaluation_part
from benchmark.specs.variants import Variant
from benchmark.specs.wording import counted

WITHOUT = "without a coreset"
EVALUATIONS_OF_TASKS = {"linear_eval": None, "online_eval": None, "e2e_finetune_100pct": "fine-tuning"}
"""The evaluation that measures a published task; None for the protocol's probe and for the online classifier."""


@dataclass(frozen=True)
class TableRow:
    """A row that is to be measured: the published row (None for a control), what it trains on, which method on which
    network (None: the method's own). `obstacle` says why it cannot be measured. `steps` is its length of training
    (None: the profile's own). `base_row` is its id without the length, empty where the id has none."""

    id: str
    title: str
    variant: Variant
    openset: str
    published: Row | None
    method: str
    backbone: str | None
    online: bool = False
    obstacle: str = ""
    steps: int | None = None
    base_row: str = ""


def at_lengths(rows: Sequence[TableRow], lengths: Sequence[int]) -> tuple[TableRow, ...]:
    """The rows with their length of training; with several lengths each row once at every length."""
    if len(lengths) < 2:
        return tuple(replace(row, steps=steps) for steps in lengths or (None,) for row in rows)
    return tuple(_at_length(row, steps) for steps in lengths for row in rows)


def _at_length(row: TableRow, steps: int) -> TableRow:
    at = _at(steps)
    return replace(row, id=f"{row.id} {at}", title=f"{row.title}, {at}", steps=steps, base_row=row.id)


def _at(steps: int) -> str:
    """ "at 1,600 steps"."""
    return f"at {counted(steps, 'step')}"


def obstacle(row: Row) -> str:
    """Why the suite cannot measure a published row; empty where it can."""
    if row.task not in EVALUATIONS_OF_TASKS:
        return f"evaluation {row.task} is not measured by this suite yet"
    if row.method not in METHODS:
        return f"method {row.method} has no recipe in this suite"
    if row.task == "online_eval" and METHODS.get(row.method).published.online is None:
        return f"method {row.method} has a recipe for SimCore's tables here, none for this one"
    return "" if row.initial_weights == "random" else f"starts from {row.initial_weights} weights"


# What a report has to know -------------------------------------------------------------------------------------------
def table_measures(query: Query, evaluations: Sequence[Evaluation]) -> tuple[CellMeasure, ...]:
    """The measures of a table's cells: of the evaluations first, then of the coresets; none where a cell has the
    accuracy of one evaluation alone."""
    of_evaluations = tuple(_of_evaluations(evaluations)) if query.train else ()
    of_coresets = CORESET_MEASURES if query.coreset_metrics or not query.train else ()
    return () if (*of_evaluations, *of_coresets) == (ACCURACY,) else (*of_evaluations, *of_coresets)


def _of_evaluations(evaluations: Sequence[Evaluation]) -> Iterator[CellMeasure]:
    """Those of the first evaluation go by their own names, those of others have the evaluation's name before them."""
    if not evaluations:
        yield ACCURACY
    for place, evaluation in enumerate(evaluations):
        for measure in evaluation.measures:
            first = place == 0
            yield CellMeasure(
                name=measure.name if first else f"{evaluation.name}/{measure.name}",
                title=measure.title if first else f"{evaluation.title}: {measure.title}",
                part=EVALUATE if first else evaluation_part(evaluation.name),
                unit=measure.unit,
                digits=measure.digits,
                compared=True,
            )


def grouped(rows: Sequence[TableRow], by_budget: bool) -> tuple[tuple[str, str], ...]:
    """For every row the heading that it stands below, and its name there: rows of one length stand together, and with
    `by_budget` rows of one budget. Nothing where no row has a heading."""
    encoders = {row.variant.encoder for row in rows if row.variant.sampler is not None}
    names = [_short(row.variant, len(encoders) > 1) if by_budget else row.base_row for row in rows]
    groups = tuple((_heading(row, by_budget), name) for row, name in zip(rows, names, strict=True))
    return groups if any(heading for heading, _ in groups) else ()


def _heading(row: TableRow, by_budget: bool) -> str:
    length = _at(row.steps) if row.base_row and row.steps is not None else ""
    return ", ".join(filter(None, (_budget_heading(row.variant) if by_budget else "", length)))


def _budget_heading(variant: Variant) -> str:
    if variant.sampler is None:
        return WITHOUT
    budget = budget_text(variant)
    return "stopping rule" if budget == STOP else f"budget {budget}"


def _short(variant: Variant, several_encoders: bool) -> str:
    """ "simcore", "X alone", "frozen timm:NAME"."""
    if variant.sampler is None:
        return "X alone" if variant.name == "X" else variant.name if variant.trained else f"frozen {variant.name[1:]}"
    name, encoder = variant.name.removeprefix("X+").rsplit(f"({budget_text(variant)})", 1)
    return name + (encoder if several_encoders else "")
