"""From finished stages to a table: what was measured, what is missing, what the claims say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from benchmark.datasets.targets import TARGETS
from benchmark.execution.record import Damage, Record
from benchmark.execution.store import Store
from benchmark.published.claims import MeasuredEvidence
from benchmark.published.tables import Table, load_table
from benchmark.report.differences import answers_of, differences
from benchmark.report.item_results import ItemResults, keeps_results, read_item_results, results_file
from benchmark.report.run import Run
from benchmark.report.table import (
    CellResult,
    JudgedClaim,
    RowLabel,
    TableResult,
    judge,
)
from benchmark.specs.cells import PURITY, Cell, Layout, Plan, TableCells, is_evaluation
from benchmark.specs.wording import counted, listed


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
        item_results = dict(_item_results(store, cell))
    except Damage as damage:
        return Run(*own, "missing", str(damage))
    return Run(*own, "measured", records=records, item_results=item_results)


def _records(store: Store, cell: Cell) -> dict[str, Record] | None:
    """The records that a cell's numbers are in, by part; None while one of them is not there. A purity may lack."""
    if not all(stage.resolved for stage in cell.parts.values()):
        return None
    results = {part: store.result(stage.kind.name, stage.key) for part, stage in cell.parts.items()}
    if any(result is None for part, result in results.items() if part != PURITY):
        return None
    return {part: result.record for part, result in results.items() if result is not None}


def _item_results(store: Store, cell: Cell) -> Iterator[tuple[str, ItemResults]]:
    """Those of every evaluation that keeps some."""
    for part, stage in cell.parts.items():
        if is_evaluation(part) and keeps_results(record := store.record(stage)):
            yield part, read_item_results(store.file(stage, results_file(record)), record)


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
    groups = layout.groups or (("", ""),) * len(layout.rows)
    lengths = layout.lengths or (("", None),) * len(layout.rows)
    labels = zip(layout.rows, groups, lengths, strict=True)
    rows = tuple(RowLabel(*row, *group, *length) for row, group, length in labels)
    judged = layout.evaluated and not layout.standins
    return TableResult(
        table,
        layout.profile,
        layout.protocol,
        layout.openset,
        layout.columns,
        rows,
        cells,
        claims=tuple(_judged(layout, table, rows, runs)) if judged else (),
        notes=(*layout.notes, *_notes(layout)),
        warnings=(*_lost_seeds(by_cell.values()), *_warnings(run for group in by_cell.values() for run in group)),
        evaluation=layout.evaluation,
        measures=layout.measures,
        references=layout.references,
        differences=dict(differences(layout, rows, by_cell)),
        features=layout.features,
    )


def evidence_of(layout: Layout, runs: Iterable[Run]) -> MeasuredEvidence:
    """Per-item answers of every measured cell, in the measure that its row shows, which claims are judged by."""
    groups = _by_cell(runs).items()
    measured = {
        place: answers
        for place, group in groups
        if (measure := layout.main_of(place[0])) and (answers := answers_of(group, measure))
    }
    return MeasuredEvidence(measured, layout.columns)


def _by_cell(runs: Iterable[Run]) -> dict[tuple[str, str], list[Run]]:
    by_cell: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        by_cell[run.row, run.target].append(run)
    return by_cell


def _judged(layout: Layout, table: Table, rows: Sequence[RowLabel], runs: Sequence[Run]) -> Iterator[JudgedClaim]:
    """The claims on rows of one length of training, length by length."""
    sizes, evidence = {target.name: target.test for target in TARGETS}, evidence_of(layout, runs)
    for length in dict.fromkeys(row.length for row in rows):
        names = {row.id: row.base_row or row.id for row in rows if row.length == length}
        answers = {(names[row], target): one for (row, target), one in evidence.answers.items() if row in names}
        yield from judge(table, set(names.values()), sizes, replace(evidence, answers=answers), length)


def _cell(layout: Layout, row: str, target: str, runs: list[Run]) -> CellResult:
    measured = [run for run in runs if run.state == "measured"]
    if not measured:
        worst = next((run for run in runs if run.state != "missing"), runs[0])
        return CellResult(row=row, target=target, state=worst.state, reason=worst.reason)
    evaluated = measured[0].evaluate
    return CellResult(
        row=row,
        target=target,
        state="measured",
        runs=tuple(run.result(layout) for run in measured),
        absent=tuple(run.seed for run in runs if run.state != "measured"),
        n=None if evaluated is None else evaluated.metrics.get("n"),
        standin=layout.standins,
        verified_paper=layout.verified_paper,
        assumed=measured[0].assumed,
    )


def _notes(layout: Layout) -> list[str]:
    doubled = ", X(2x) twice as many" if any(name == "X(2x)" for _, _, name, _ in layout.rows) else ""
    if layout.lengths:
        steps = listed([f"{steps:,}" for steps in dict.fromkeys(steps for _, steps in layout.lengths)])
        lengths = f"every row is measured at {steps} optimiser steps instead of the profile's number{doubled}"
        times = (
            "training seconds are of the row's own training alone, without that of the encoder that its coreset was "
            "picked by, on the machine that trained and beside whatever else it did"
        )
        return [f"{lengths}; only rows of one length are compared", *([times] if layout.evaluated else [])]
    if layout.steps is None:
        return []
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
        for record in (record for part, record in run.records.items() if part != PURITY):
            hardware = record.environment["hardware"]
            versions["device"].add(hardware.get("gpu", hardware["device"]))
            for package, version in record.environment["packages"].items():
                versions[package].add(version)
        if run.pretrain is not None:
            for note in run.pretrain.info.get("notes", ()):
                noted[note].add(run.pretrain.key)
    for package, seen in sorted(versions.items()):
        if len(seen) > 1:
            yield f"numbers of this table were made with more than one {package}: {', '.join(sorted(seen))}"
    for note, keys in noted.items():
        yield f"{note} (in {len(keys)} training{'s' if len(keys) > 1 else ''})"
