"""From finished stages to a table: what was measured, what is missing, what the claims say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.targets import TARGETS
from benchmark.execution.record import Damage, Record
from benchmark.execution.store import Store
from benchmark.methods import read_recipe, title_of
from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.published.tables import Table, load_table
from benchmark.report.table import (
    CellResult,
    JudgedClaim,
    Purity,
    RowLabel,
    SeedResult,
    State,
    TableResult,
    judge,
)
from benchmark.specs.artefacts import PREDICTIONS
from benchmark.specs.cells import Cell, Layout, Plan, TableCells
from benchmark.specs.datasets import Metric
from benchmark.specs.wording import counted


@dataclass(frozen=True)
class Run:
    """One cell at one seed. `state` is "measured" where there are records; `assumed` as in `Cell`."""

    row: str
    target: str
    seed: int
    assumed: tuple[str, ...]
    state: State
    reason: str = ""
    evaluate: Record | None = None
    pretrain: Record | None = None
    sample: Record | None = None
    purity: Record | None = None
    predicted: NDArray[np.int32] | None = None
    labels: NDArray[np.int32] | None = None

    def result(self) -> SeedResult:
        """The numbers that a table shows."""
        assert self.evaluate is not None and self.pretrain is not None
        trained = self.pretrain.metrics
        recipe = read_recipe(self.pretrain.identity["spec"]["recipe"])
        return SeedResult(
            seed=self.seed,
            value=self.evaluate.metrics["accuracy"],
            method=title_of(recipe.method),
            network=recipe.backbone.told,
            steps=trained["steps"],
            openset=_openset(self.pretrain),
            samples_seen=trained["samples"],
            exposures=trained["exposures_of_target"],
            coreset=self.sample.metrics["size"] if self.sample else None,
            purity=_purity(self.purity.metrics) if self.purity else None,
        )


def _openset(pretrain: Record) -> str | None:
    """The open-set of a training: "" without one, None where an older record does not name it."""
    if "openset" not in pretrain.identity["inputs"]:
        return ""
    told = pretrain.info.get("images", {}).get("openset")
    return None if told is None else str(told["split"].split("/")[1])


def _purity(metrics: Mapping[str, Any]) -> Purity:
    everything, without = metrics["all"], metrics.get("without_heldout")
    return Purity(
        value=100 * everything["purity"],
        base_rate=100 * everything["base_rate"],
        ceiling=100 * everything["ceiling"],
        without_heldout=None if without is None else 100 * without["purity"],
    )


def runs_of(planned: TableCells, store: Store) -> list[Run]:
    """Every cell and seed of a planned table, as far as the store has them."""
    runs = [_run(store, row, cell) for (row, _, _), cell in planned.cells.items()]
    layout = planned.layout
    runs += [
        Run(row, target, seed, (), "skipped", planned.obstacles[row, target])
        for row, *_ in layout.rows
        for target in layout.columns
        for seed in layout.seeds
        if (row, target) in planned.obstacles
    ]
    return runs


def _run(store: Store, row: str, cell: Cell) -> Run:
    own = (row, cell.target, cell.seed, cell.assumed)
    try:
        records = _records(store, cell)
        if records is None:
            return Run(*own, *_why_not(store, cell))
        with np.load(store.file(cell.evaluate, PREDICTIONS)) as arrays:
            predicted, labels = arrays["predicted"], arrays["labels"]
    except Damage as damage:
        return Run(*own, "missing", str(damage))
    return Run(*own, "measured", predicted=predicted, labels=labels, **records)


def _records(store: Store, cell: Cell) -> dict[str, Any] | None:
    """The records that a cell's numbers are in, by name; None while one of them is not there. A purity may lack."""
    parts = {"evaluate": cell.evaluate, "pretrain": cell.pretrain, "sample": cell.sample, "purity": cell.purity}
    stages = {name: stage for name, stage in parts.items() if stage is not None}
    if not all(stage.resolved for stage in stages.values()):
        return None
    results = {name: store.result(stage.kind.name, stage.key) for name, stage in stages.items()}
    if any(result is None for name, result in results.items() if name != "purity"):
        return None
    return {name: result.record for name, result in results.items() if result is not None}


def _why_not(store: Store, cell: Cell) -> tuple[Literal["failed", "missing"], str]:
    """Whether a cell failed, and the last line of the crash; the first stage that failed is the cause. Of one that is
    missing, what is damaged, where that is why."""
    for stage in Plan((cell,)).stages:
        damage = store.damage(stage)
        if damage is not None:
            return "missing", str(damage)
        crash = None if store.has(stage) else store.crash(stage.key)
        if crash is not None:
            return "failed", f"{stage.title}: {crash.reason}"
    return "missing", ""


def collect(planned: TableCells, store: Store) -> TableResult:
    """A planned table, from what the store holds."""
    return assemble(planned.layout, runs_of(planned, store))


# From runs to a table ------------------------------------------------------------------------------------------------
def assemble(layout: Layout, runs: Sequence[Run]) -> TableResult:
    """The table that `layout` asks for. A pure function: `verify` builds the same table from committed records."""
    by_cell = _by_cell(runs)
    table = load_table(layout.table)
    cells = [_cell(layout, *place, group) for place, group in by_cell.items()]
    return TableResult(
        table,
        layout.profile,
        layout.protocol,
        layout.openset,
        layout.columns,
        tuple(RowLabel(*row) for row in layout.rows),
        cells,
        claims=() if layout.standins else _judged(layout, table, evidence_of(layout, runs)),
        notes=(*layout.notes, *_notes(layout)),
        warnings=(*_lost_seeds(by_cell.values()), *_warnings(run for group in by_cell.values() for run in group)),
        evaluation=layout.evaluation,
    )


def evidence_of(layout: Layout, runs: Iterable[Run]) -> MeasuredEvidence:
    """Per-item answers of every measured cell, which claims and differences between rows are judged by."""
    measured = {place: _answers(group) for place, group in _by_cell(runs).items() if any(r.evaluate for r in group)}
    return MeasuredEvidence(measured, layout.columns)


def _by_cell(runs: Iterable[Run]) -> dict[tuple[str, str], list[Run]]:
    by_cell: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        by_cell[run.row, run.target].append(run)
    return by_cell


def _judged(layout: Layout, table: Table, measured: MeasuredEvidence) -> tuple[JudgedClaim, ...]:
    sizes = {target.name: target.test for target in TARGETS}
    return judge(table, {row for row, *_ in layout.rows}, sizes, measured)


def _cell(layout: Layout, row: str, target: str, runs: list[Run]) -> CellResult:
    measured = [run for run in runs if run.state == "measured"]
    first = measured[0].evaluate if measured else None
    if first is None:
        worst = next((run for run in runs if run.state != "missing"), runs[0])
        return CellResult(row=row, target=target, state=worst.state, reason=worst.reason)
    return CellResult(
        row=row,
        target=target,
        state="measured",
        runs=tuple(run.result() for run in measured),
        absent=tuple(run.seed for run in runs if run.state != "measured"),
        n=first.metrics["n"],
        standin=layout.standins,
        verified_paper=layout.verified_paper,
        assumed=measured[0].assumed,
    )


def _answers(runs: list[Run]) -> Answers:
    measured = [run for run in runs if run.predicted is not None and run.labels is not None]
    correct = {run.seed: run.predicted == run.labels for run in measured}
    evaluate, labels = measured[0].evaluate, measured[0].labels
    assert evaluate is not None and labels is not None
    metric: Metric = evaluate.metrics["metric"]
    return Answers(correct, labels, metric)  # type: ignore[arg-type]


def _notes(layout: Layout) -> list[str]:
    if layout.steps is None:
        return []
    doubled = ", X(2x) twice as many" if any(name == "X(2x)" for _, _, name, _ in layout.rows) else ""
    return [f"rows took {counted(layout.steps, 'optimiser step')} instead of the profile's number{doubled}"]


def _lost_seeds(groups: Iterable[list[Run]]) -> Iterator[str]:
    """Why a measured cell lacks a seed; of a cell without any number the table says so itself."""
    for group in groups:
        if any(run.state == "measured" for run in group):
            for run in group:
                if run.reason:
                    yield f"seed {run.seed} of {run.row} on {run.target} is {run.state}: {run.reason}"


def _warnings(runs: Iterable[Run]) -> Iterator[str]:
    """What makes numbers of one table hard to compare: several versions of one package, or kinds of device; and what
    trainings note, each note once."""
    versions: dict[str, set[str]] = defaultdict(set)
    noted: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for record in filter(None, (run.evaluate, run.pretrain, run.sample)):
            hardware = record.environment["hardware"]
            versions["device"].add(hardware.get("gpu", hardware["device"]))
            for package, version in record.environment["packages"].items():
                versions[package].add(version)
        if run.pretrain is not None:
            for note in run.pretrain.info.get("notes", ()):
                noted[note].add(run.pretrain.key)
    for package, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"numbers of this table were made with more than one {package}: {', '.join(sorted(found))}"
    for note, keys in noted.items():
        yield f"{note} (in {len(keys)} training{'s' if len(keys) > 1 else ''})"
