"""A measured table as the Python API returns it: cells by name, their records, and all of it as a data frame."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.datasets.targets import TARGETS
from benchmark.errors import UnknownName, UserError
from benchmark.execution.record import Record
from benchmark.execution.store import Store
from benchmark.report.collect import assemble, runs_of
from benchmark.report.formats import render
from benchmark.report.frames import tidy
from benchmark.report.measures import items_of, part_of, values_of
from benchmark.report.records import save_results
from benchmark.report.run import Run
from benchmark.report.table import CellResult, State, TableResult
from benchmark.specs.cells import Layout, TableCells, is_evaluation
from benchmark.statistics import Estimate

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Measurement:
    """One number of one cell at one seed, from one stage.

    `measure` is its name: "accuracy", "purity" and "base_rate" (per cent), "images" (of the coreset), "samples_seen",
    "exposures" (passes over X), "training_seconds", "coverage" and other coreset metrics (shares and cosines). `value`
    is None for a hole, which `state` names and `reason` explains. `published` is the value that the paper prints, per
    cent, of the measure that the table shows. In a table of several lengths of training `length` is the row's, in
    optimiser steps, and `base_row` its id without it; elsewhere None and the id.
    `n` is the number of images that the number is a mean over: test images, or picks. `key` is the key of the stage
    that measured it, None where the data were not read yet. `data` is "stand-in", "as found" or "verified". `record`
    has all that the stage recorded.
    """

    target: str
    row: str
    base_row: str
    length: int | None
    seed: int
    measure: str
    value: float | None
    published: float | None
    protocol: str
    n: int | None
    key: str | None
    data: str
    state: State
    reason: str
    record: Record | None


@dataclass(frozen=True)
class MeasuredCell:
    """One row on one target. `measurements` has all its numbers, a line without a value for a hole; `records` those of
    evaluations, one per seed and measure. `published` is per cent, None where nothing is published."""

    result: CellResult
    published: float | None
    measurements: tuple[Measurement, ...]
    records: tuple[Measurement, ...]

    @property
    def state(self) -> State:
        """Whether the cell is measured, missing, failed or skipped."""
        return self.result.state

    @property
    def reason(self) -> str:
        """Why the cell failed or was skipped."""
        return self.result.reason

    @property
    def value(self) -> float | None:
        """The mean over the seeds that are measured, per cent; None where none is, and where nothing is evaluated."""
        return self.result.mean_std[0] if any(run.value is not None for run in self.result.runs) else None

    def values(self, measure: str) -> list[float]:
        """The values of a measure by its name, in the order of seeds."""
        return [one.value for one in self.measurements if one.measure == measure and one.value is not None]


@dataclass(frozen=True)
class MeasuredTable:
    """What was measured of a table. `failed` are the keys of the stages that failed in this call."""

    result: TableResult
    runs: tuple[Run, ...]
    planned: TableCells
    store: Store
    failed: tuple[str, ...] = ()

    def __getitem__(self, place: tuple[str, str]) -> MeasuredCell:
        """The cell of a row (id, variant or title) and a target (name or title). UnknownName, with near names, for a
        name that the table does not have; UserError for a variant of several rows."""
        row, target = self._row(place[0]), self._target(place[1])
        numbers = tuple(one for one in self.measurements if (one.row, one.target) == (row, target))
        evaluated = tuple(one for one in numbers if self._is_evaluated(row, one.measure))
        return MeasuredCell(self.result.cell(row, target), self.result.published(row, target), numbers, evaluated)

    def _is_evaluated(self, row: str, measure: str) -> bool:
        return is_evaluation(part_of(measure, self.planned.layout.measures_of(row)))

    def difference(self, row: str, reference: str, target: str, measure: str = "purity") -> Estimate | float | None:
        """A row minus a row that others are compared with, as the table shows it; None where it shows none."""
        place = (self._row(row), self._row(reference), self._target(target), measure)
        return self.result.differences.get(place)

    def _row(self, name: str) -> str:
        for kind in ("id", "variant", "title"):
            ids = [row.id for row in self.result.rows if getattr(row, kind) == name]
            if len(ids) == 1:
                return ids[0]
            if ids:
                raise UserError(f"'{name}' is the {kind} of several rows: name one of {', '.join(ids)}")
        known = [name for row in self.result.rows for name in (row.id, row.variant, row.title)]
        raise UnknownName("row or variant", name, list(dict.fromkeys(known)))

    def _target(self, name: str) -> str:
        titles = {target.title: target.name for target in TARGETS if target.name in self.result.columns}
        known = titles | {column: column for column in self.result.columns}
        if name not in known:
            raise UnknownName("target", name, list(known))
        return known[name]

    @cached_property
    def measurements(self) -> tuple[Measurement, ...]:
        """All numbers, by target, row, seed and measure, in the table's order; a hole has one without a value."""
        rows, seeds = [row.id for row in self.result.rows], self.planned.layout.seeds
        runs = {(run.target, run.row, run.seed): run for run in self.runs}
        places = [(target, row, seed) for target in self.result.columns for row in rows for seed in seeds]
        return tuple(one for place in places if place in runs for one in self._of_run(runs[place]))

    def _of_run(self, run: Run) -> Iterator[Measurement]:
        layout, published = self.planned.layout, self.result.published(run.row, run.target)
        main = layout.main_of(run.row)
        cell = self.planned.cells.get((run.row, run.target, run.seed))
        last = cell.last.key if cell is not None and cell.last.resolved else None
        data = self.result.cell(run.row, run.target).data if run.records else ""
        lengths = {row.id: row.length for row in self.result.rows}
        for measure, value, n, record in _numbers(run, layout):
            yield Measurement(
                target=run.target,
                row=run.row,
                base_row=self.result.base_row(run.row),
                length=lengths[run.row],
                seed=run.seed,
                measure=measure,
                value=value,
                published=published if main is not None and measure == main.name else None,
                protocol=self.result.protocol,
                n=n,
                key=record.key if record else last,
                data=data,
                state=run.state,
                reason=run.reason,
                record=record,
            )

    def to_pandas(self) -> "pandas.DataFrame":
        """`measurements` as a long and tidy data frame: a line per number, with the fields of `Measurement` but for
        `record` as columns. A hole is a line without a value."""
        return tidy(self.measurements, _COLUMNS)

    def render(self, format: str = "text") -> str:  # noqa: A002
        """The table as "text", "md", "latex", "csv", "json" or "svg" (a picture of the coresets, or of several
        lengths of training). UnknownName for another format."""
        return render(self.result, format)

    def save(self, folder: str | Path) -> None:
        """Write records, results of single images, pick lists and table to `folder`, for `verify`; and a picture of
        coresets or of several lengths of training."""
        save_results(self.planned, self.result, self.store, Path(folder))


_COLUMNS: Mapping[str, str] = {
    "target": "string",
    "row": "string",
    "base_row": "string",
    "length": "Int64",
    "seed": "int64",
    "measure": "string",
    "value": "float64",
    "published": "float64",
    "protocol": "string",
    "n": "Int64",
    "key": "string",
    "data": "string",
    "state": "string",
    "reason": "string",
}


def _numbers(run: Run, layout: Layout) -> Iterator[tuple[str, float | None, int | None, Record | None]]:
    """(measure, value, n, record) of a run; of a hole the first measure without a value."""
    measures = layout.measures_of(run.row)
    if not run.records:
        yield measures[0].name, None, None, None
    for measure, value in values_of(run.records, measures).items():
        part = part_of(measure, measures)
        yield measure, float(value), items_of(run.records, part), run.records[part]


def measured_table(planned: TableCells, store: Store, failed: Iterable[str] = ()) -> MeasuredTable:
    """A planned table, from what the store holds."""
    runs = tuple(runs_of(planned, store))
    return MeasuredTable(assemble(planned.layout, runs), runs, planned, store, tuple(failed))
