"""The rows of a table that is to be measured, and what a report has to know of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.errors import UserError
from benchmark.evaluations import EVALUATIONS, Evaluation
from benchmark.methods import METHODS
from benchmark.planning.encoders import is_of_target
from benchmark.planning.names import budget_text
from benchmark.planning.query import Query
from benchmark.published.tables import InitialWeights, Row, Table, Task
from benchmark.report.measures import CORESET_MEASURES
from benchmark.sampling.samplers import STOP
from benchmark.specs.cells import ACCURACY, EVALUATE, CellMeasure, evaluation_part
from benchmark.specs.variants import Variant
from benchmark.specs.wording import counted

READINGS = ("linear-released", "linear-clean")
"""The evaluations that are the two readings of the linear probe."""
RELEASED_ROW = "X+simcore(stop)"
"""The row that the authors' encoders are taken for: they do not state which one it is."""
SUPERVISED = "imagenet-supervised"
"""The method of a published row that is the network of these weights as it is."""
NO_METHOD = "is no row of this table, whose rows are of several methods: name its method with --method"
WITHOUT = "without a coreset"


@dataclass(frozen=True)
class TaskMeasure:
    """What measures a published task: an evaluation (None: the protocol's probe, or the online classifier) and, of its
    measures, the one that the published value is of."""

    evaluation: str | None = None
    measure: str = ACCURACY.name


MEASURES_OF_TASKS: Mapping[Task, TaskMeasure] = {
    "linear_eval": TaskMeasure(),
    "linear_eval_50pct": TaskMeasure("label-fractions", "labels_50"),
    "linear_eval_20pct": TaskMeasure("label-fractions", "labels_20"),
    "online_eval": TaskMeasure(),
    "e2e_finetune_100pct": TaskMeasure("fine-tuning"),
    "e2e_finetune_10pct": TaskMeasure("fine-tuning-10"),
    "knn_20": TaskMeasure("knn", "knn_20"),
    "knn_200": TaskMeasure("knn", "knn_200"),
    "attributes": TaskMeasure("attributes", "attributes"),
    "retrieval_rank1": TaskMeasure("retrieval", "rank1"),
    "retrieval_rank5": TaskMeasure("retrieval", "rank5"),
    "retrieval_map": TaskMeasure("retrieval", "map"),
}


@dataclass(frozen=True)
class TableRow:
    """A row that is to be measured: the published row (None for a control), what it trains on, which method on which
    network (None: the method's own). `obstacle` says why it cannot be measured. `steps` is its length of training
    (None: the profile's own). `base_row` is its id without the length, empty where the id has none. `initial`: it takes
    the weights that the query names."""

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
    initial: bool = False


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


def obstacle(row: Row, initial_weights: bool = False) -> str:
    """Why the suite cannot measure a published row; empty where it can. `initial_weights`: some are named."""
    if row.method == SUPERVISED:
        return "" if initial_weights else f"is the network of {SUPERVISED} weights: name them with --initial-weights"
    if row.method not in METHODS:
        return f"method {row.method} has no recipe in this suite"
    if row.task == "online_eval" and METHODS.get(row.method).published.online is None:
        return f"method {row.method} has a recipe for SimCore's tables here, none for this one"
    return "" if initial_weights else lacks_weights(row.initial_weights)


def lacks_weights(start: InitialWeights) -> str:
    """Why a training that starts from `start` cannot run where no weights are named; empty where it can."""
    return "" if start == "random" else f"starts from {start} weights: name them with --initial-weights"


def start_of_trainings(table: Table) -> InitialWeights:
    """What the rows that a table trains start from, and with them a row that it does not have. The table's own value
    where they differ."""
    starts = {row.initial_weights for row in table.rows if row.method != SUPERVISED}
    return starts.pop() if len(starts) == 1 else table.initial_weights


def evaluations_of(query: Query, task: Task, protocol: str) -> tuple[Evaluation, ...]:
    """The evaluations that are asked for, each once; for an encoder in the place of a row of the probe both readings of
    it, that of the protocol first. UserError where the first one's first measure is no percentage: the cells of a table
    show that one."""
    names = query.evaluation
    if query.encoder and not names and task == "linear_eval":
        names = READINGS if protocol == "released" else READINGS[::-1]
    evaluations = tuple(EVALUATIONS.get(name) for name in dict.fromkeys(names))
    for first in evaluations[:1]:
        shown = first.measures[0]
        if shown.unit != "%":
            raise UserError(
                f"evaluation '{first.name}' measures {shown.name} first, which is no percentage: a table shows one; "
                "name another evaluation before it"
            )
    return evaluations


def measured_by(rows: Sequence[TableRow], encoder: TableRow, query: Query) -> tuple[TableRow, ...]:
    """The rows, the one published among them measured by an encoder that is taken as it is, the row `encoder`.

    Where no row is named, the authors' encoders are taken for `RELEASED_ROW`. UserError unless exactly one published
    row is left, and for options of a training.
    """
    options: dict[str, object] = {"steps": query.steps, "method": query.method, "backbone": query.backbone}
    options |= {"engine": query.engine, "precision": query.precision, "initial-weights": query.initial_weights}
    options |= {"no-train": not query.train, "coreset-metrics": query.coreset_metrics}
    if given := ", ".join(f"--{name}" for name, value in options.items() if value):
        raise UserError(f"--encoder is measured as it is, and nothing is trained: leave out {given}")
    if not query.rows and is_of_target(query.encoder or ""):
        rows = [row for row in rows if row.published is None or row.variant.name == RELEASED_ROW]
    published = [row.id for row in rows if row.published is not None]
    if len(published) != 1 or any(row.online for row in rows):
        few = ", ".join(published[:5]) or "none"
        raise UserError(f"--encoder is measured as one row of frozen features: name it with --rows (now: {few})")
    variant = encoder.variant.model_copy(update={"control": False})
    return tuple(
        row
        if row.published is None
        else replace(encoder, id=row.id, title=row.title, variant=variant, openset=row.openset, published=row.published)
        for row in rows
    )


# What a report has to know -------------------------------------------------------------------------------------------
def table_measures(
    query: Query, evaluations: Sequence[Evaluation], of_rows: Sequence[CellMeasure]
) -> tuple[CellMeasure, ...]:
    """The measures of a table's cells: of the evaluations first (`of_rows` where rows have their own), then of the
    coresets; none where a cell has one number of one evaluation alone."""
    of_evaluations = tuple(dict.fromkeys(of_rows) or _of_evaluations(evaluations)) if query.train else ()
    of_coresets = CORESET_MEASURES if query.coreset_metrics or not query.train else ()
    if not of_coresets and (of_rows or of_evaluations == (ACCURACY,)):
        return ()
    return (*of_evaluations, *of_coresets)


def measures_of_tasks(tasks: Sequence[Task]) -> tuple[CellMeasure, ...]:
    """For every row the measure that its task is of; none where all are accuracies of one name."""
    measures = tuple(_of_task(MEASURES_OF_TASKS[task]) for task in tasks)
    return () if set(measures) <= {ACCURACY} else measures


def _of_task(task: TaskMeasure) -> CellMeasure:
    if task.measure == ACCURACY.name:
        return ACCURACY
    known = {measure.name: measure for measure in EVALUATIONS.get(task.evaluation or "").measures}
    measure = known[task.measure]
    return ACCURACY.model_copy(update={"name": measure.name, "title": measure.title, "digits": measure.digits})


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
