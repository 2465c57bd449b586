"""What a run would do, as values, as a data frame and as the text that `plan` prints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.planning.costs import EMBEDS_PER_PAIR, Costs, Training, _about, _duration, _hours, _shared, longest_chain
from benchmark.planning.planned_table import PlannedTable
from benchmark.report.frames import tidy
from benchmark.specs.cells import Cell, ordered
from benchmark.specs.folding import folded, grid, table_width
from benchmark.specs.recipes import Steps, epochs_of
from benchmark.specs.stages import Stage
from benchmark.specs.wording import counted
from benchmark.stages.pretrain import Pretraining

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class PlannedCell:
    """One row on one target at one seed, as it would be run.

    `target_images` and `pool_images` are what its training sees; `samples` are image pairs, `exposures` passes over the
    target's images (None without them). `length` is in words. Of a row that trains nothing `pool_images` is the size of
    its coreset. `key` is the key of its evaluation, or of its coreset, None while images are absent or not read yet;
    `done` says whether the store holds it and all that is measured of it. `hours` are device-hours of all its stages,
    those that other cells share too.
    """

    target: str
    row: str
    seed: int
    length: str
    target_images: int
    pool_images: int
    origin: str
    samples: int
    exposures: float | None
    done: bool
    key: str | None
    hours: float


@dataclass(frozen=True)
class PlannedRun:
    """What a run would do. `cells` are by target, row and seed; `stages` come before those that need them. `hours` are
    device-hours at the profile's rate, `hours_left` those of stages that the store does not hold, `disk` is bytes."""

    session: PlannedTable
    cells: tuple[PlannedCell, ...]
    stages: tuple[Stage, ...]
    hours: float
    hours_left: float
    disk: float
    notes: tuple[str, ...]

    def to_pandas(self) -> "pandas.DataFrame":
        """`cells` as a data frame: a line per cell, with the fields of `PlannedCell` but for `origin` as columns."""
        return tidy(self.cells, _COLUMNS)

    def render(self) -> str:
        """The plan as text: a line per row and target, then the stages by kind and the totals."""
        width = table_width()
        lines = [_cell_line(self.session, cell) for cell in self.cells]
        headers = ["row", "target", "seed", "length", "|X|", "|coreset|", "samples seen", "times each X"]
        table = grid([*headers, "hours", "state", "key"], lines, width)
        return folded("\n".join([_header(self.session), "", table, "", *_totals(self)]), width)


_COLUMNS: Mapping[str, str] = {
    "target": "string",
    "row": "string",
    "seed": "int64",
    "length": "string",
    "target_images": "int64",
    "pool_images": "int64",
    "samples": "int64",
    "exposures": "float64",
    "done": "bool",
    "key": "string",
    "hours": "float64",
}


def planned_run(session: PlannedTable) -> PlannedRun:
    """The run that a session plans. UserError where it plans no cell, and for a stage that could not run."""
    query = session.query
    if query.method or query.backbone or query.engine or query.precision:
        # Imports torch, which a plan of a table as it is published does without.
        from benchmark.execution.run import check_stages

        check_stages(session.plan.stages, installed=False)
    if not session.cells:
        why = {session.obstacle(row, target) for row in session.rows for target in session.targets}
        raise UserError(f"there is nothing to plan: {'; '.join(sorted(why))}")
    costs, stages = Costs(session), session.plan.stages
    spending = costs.spending()
    return PlannedRun(
        session,
        tuple(_planned_cell(costs, spending, row, cell) for (row, _, _), cell in session.cells.items()),
        stages,
        hours=sum(spending[stage.key] for stage in stages),
        hours_left=sum(spending[stage.key] for stage in stages if not costs.store.has(stage)),
        disk=sum(costs.disk(stage) for stage in stages),
        notes=(*_absent_opensets(session), *session.unread(), *session.leak_notes()),
    )


def _absent_opensets(session: PlannedTable) -> Iterator[str]:
    """The table's own open-sets, where none was named and the data root lacks them."""
    root = session.query.data_root
    if session.query.openset is not None or root is None or session.profile.standins:
        return
    there = ", ".join(session.data.names("opensets")) or "none"
    for name in sorted({name for role, name, _ in session.needed_splits if role == "opensets"}):
        if not session.data.has("opensets", name):
            yield f"the open-set is {name}, which {root} lacks (it has: {there}): name one with --openset"


def _planned_cell(costs: Costs, spending: Mapping[str, float], row: str, cell: Cell) -> PlannedCell:
    training = costs.of_cell(cell)
    return PlannedCell(
        target=cell.target,
        row=row,
        seed=cell.seed,
        length=_length(cell, training),
        target_images=training.target,
        pool_images=training.pool,
        origin=training.origin,
        samples=training.samples,
        exposures=training.exposures,
        done=all(costs.store.has(stage) for stage in cell.ends()),
        key=cell.last.key if cell.last.resolved else None,
        hours=sum(spending[stage.key] for stage in ordered(cell.ends())),
    )


def _length(cell: Cell, training: Training) -> str:
    if cell.pretrain is None:
        return "-"
    spec = cell.pretrain.spec
    assert isinstance(spec, Pretraining)
    length = spec.recipe.length
    text = (
        counted(length.steps, "step")
        if isinstance(length, Steps)
        else counted(epochs_of(length, training.pool), "epoch")
    )
    return text + (" (assumed)" if cell.assumed else "")


def _header(session: PlannedTable) -> str:
    images = "rendered stand-in images" if session.profile.standins else "real images"
    return (
        f"{session.table.id}, profile {session.profile.name} ({images}), protocol {session.protocol.name}, "
        f"seed{'' if len(session.seeds) == 1 else 's'} {', '.join(map(str, session.seeds))}"
    )


def _cell_line(session: PlannedTable, cell: PlannedCell) -> list[str]:
    row = next(row for row in session.rows if row.id == cell.row)
    return [
        session.table.row_name(row.base_row or row.id, row.variant.name, row.title),
        cell.target,
        str(cell.seed),
        cell.length,
        f"{cell.target_images:,}",
        f"{cell.pool_images:,}{cell.origin}",
        f"{cell.samples:,}",
        "-" if cell.exposures is None else f"{cell.exposures:,.1f}",
        f"{cell.hours:,.2g}" if cell.hours < 1 else f"{cell.hours:,.1f}",
        "in the store" if cell.done else "to do",
        "unresolved" if cell.key is None else cell.key[:12],
    ]


def _totals(run: PlannedRun) -> list[str]:
    session, store = run.session, run.session.store
    counts: dict[str, list[int]] = {}
    for stage in run.stages:
        count = counts.setdefault(stage.kind.name, [0, 0])
        count[0], count[1] = count[0] + 1, count[1] + store.has(stage)
    stages = ", ".join(f"{total} {kind} ({done} in the store)" for kind, (total, done) in counts.items())
    profile = session.profile
    lines = [
        f"stages: {stages}; sharing saves {counted(session.plan.shared, 'stage run')}",
        f"cost: {_hours(run.hours)} ({_hours(run.hours_left)} left) at {profile.pairs_per_second:g} image pairs a "
        f"second ({profile.rate_source}), whatever the network; {EMBEDS_PER_PAIR:g} images embedded count as a pair, "
        "probes as nothing",
        f"disk: {_about(run.disk / 1e9, 'GB')} of features (float32) and encoders",
    ]
    lines += _shared(session, Costs(session).spending())
    lines += _unresolved(session)
    left = {stage.key: hours for stage, hours in _left(run, session)}
    path, total = longest_chain(run.stages, left), sum(left.values())
    times = ((number, max(path, total / number)) for number in _DEVICES)
    text = ", ".join(f"{_duration(hours)} on {counted(number, 'device')}" for number, hours in times)
    lines.append(f"wall time of what is left: {text}")
    lines.append(f"memory: {_memory(session)}")
    return lines


_DEVICES = (1, 2, 4, 8)


def _left(run: PlannedRun, session: PlannedTable) -> Iterator[tuple[Stage, float]]:
    """The stages that the store does not hold, with their device-hours."""
    spending = Costs(session).spending()
    return ((stage, spending[stage.key]) for stage in run.stages if not session.store.has(stage))


def _memory(session: PlannedTable) -> str:
    """The most that a worker held in trainings of these networks that the store has."""
    networks = {setup.recipe.backbone.name for setup in session.setups}
    records = [result.record for result in session.store.finished("pretrain")]
    known = [one for one in records if one.identity["spec"]["recipe"]["backbone"]["name"] in networks]
    if not known:
        return "not known before a training of this network is in the store"
    peak = max(one.peak_memory_mb for one in known) / 1e3
    return f"{_about(peak, 'GB')} of main memory a worker, the most of {counted(len(known), 'training')} in the store"


def _unresolved(session: PlannedTable) -> Iterator[str]:
    """The images that keys lack: those that are not there, and those that a run reads first."""
    images = {i for stage in session.plan.stages for i in stage.images() if i.sha256 is None}
    absent = sorted({i.label for i in images if not session.data.has(i.role, i.name)})
    unread = sorted({i.label for i in images} - set(absent))
    where = f"not in {session.query.data_root}" if session.query.data_root else "no data root"
    if absent:
        yield f"absent ({where}): {', '.join(absent)}"
    if unread:
        yield f"not read yet (a run reads them first): {', '.join(unread)}"
