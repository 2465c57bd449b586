"""Committed records: a table's numbers with their predictions, picks and identities, and the check that they add up.

A folder holds `layout.json` (what was asked for), `cells.json` (which records make which cell), `records/<key>.json`,
`predictions/<key>.json`, `outcomes/<key>.npz` (of evaluations with several measures, as the stage wrote it),
`labels/<target>.json`, `picks/<key>.txt` and the table as Markdown; of coreset metrics and of several lengths of
training also as CSV and as a picture. No images.
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import UserError
from benchmark.execution.record import Record, is_sealed
from benchmark.execution.store import Store
from benchmark.report.collect import assemble, runs_of
from benchmark.report.formats import render
from benchmark.report.formats.picture import save_picture
from benchmark.report.item_results import ItemResults, keeps_results, of_predictions, read_item_results, results_file
from benchmark.report.run import Run
from benchmark.report.table import TableResult
from benchmark.specs.artefacts import OUTCOMES, PICKS, PREDICTIONS
from benchmark.specs.base import digest
from benchmark.specs.cells import ACCURACY, PRETRAIN, SAMPLE, Layout, Plan, TableCells, is_evaluation
from benchmark.statistics import predictions_sha256
from benchmark.system import file_sha256, place_aside, write_atomically

TABLES, PICTURE = ("table.md", "table.csv"), "picture.png"
OLD = "comparison.json"
"""A file of the form in which comparisons were written before they were tables."""


# Saving --------------------------------------------------------------------------------------------------------------
def check_folder(folder: Path) -> None:
    """UserError, before any work, for a place that no results can be saved to."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"cannot save to {folder}: {there} is {'read-only' if there.is_dir() else 'no folder'}")


def save_results(planned: TableCells, result: TableResult, store: Store, folder: Path) -> None:
    """Write all that `verify` needs to build the table again."""
    runs = runs_of(planned, store)
    for name in ("records", "predictions", "labels", "picks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _write(folder / "layout.json", planned.layout.model_dump(mode="json"))
    _write(folder / "cells.json", [_cell_json(run) for run in runs], lines=True)
    for run in runs:
        for part, kept in run.item_results.items():
            if results_file(run.records[part]) == PREDICTIONS:
                _write(folder / "predictions" / f"{run.records[part].key}.json", kept.predicted[ACCURACY.name].tolist())
                _write(folder / "labels" / f"{run.target}.json", kept.labels.tolist())
    measured = {(run.row, run.target, run.seed) for run in runs if run.records}
    for cell in (cell for place, cell in planned.cells.items() if place in measured):
        for stage in (stage for stage in Plan((cell,)).stages if store.has(stage)):
            _write(folder / "records" / f"{stage.key}.json", store.record(stage).to_json())
            if stage.kind.name == "sample":
                write_atomically(folder / "picks" / f"{stage.key}.txt", store.file(stage, PICKS).read_text())
            if OUTCOMES in store.record(stage).files:
                (folder / "outcomes").mkdir(exist_ok=True)
                with place_aside(_outcomes(folder, stage.key)) as aside:
                    shutil.copyfile(store.file(stage, OUTCOMES), aside)
    for name in _tables(result):
        write_atomically(folder / name, render(result, name.rpartition(".")[2]))
    if _has_picture(result):
        save_picture(result, folder / PICTURE)


def _has_picture(result: TableResult) -> bool:
    return bool(result.measures or result.lengths)


def _tables(result: TableResult) -> tuple[str, ...]:
    """The files that hold the table as text."""
    return TABLES if _has_picture(result) else TABLES[:1]


def _cell_json(run: Run) -> dict[str, Any]:
    keys = {part: record.key for part, record in run.records.items()}
    own = {"row": run.row, "target": run.target, "seed": run.seed, "state": run.state}
    return {**own, "assumed": run.assumed, "reason": run.reason, "keys": keys}


def _write(path: Path, value: object, *, lines: bool = False) -> None:
    if lines and isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(one) for one in value) + "\n]"
    else:
        text = json.dumps(value)
    write_atomically(path, text + "\n")


# Verifying -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Verified:
    """The table built from a folder's records, what does not add up (nothing, if all is well), what was recomputed."""

    table: str
    problems: list[str]
    checked: str


def verify(folder: Path, form: str = "text") -> Verified:
    """Build the table again from the records of `folder`. UserError for a folder that is not whole."""
    if (folder / OLD).is_file() and not (folder / "layout.json").is_file():
        raise UserError(f"{folder} is of the old format: {OLD} has numbers alone, and no records to verify them by")
    if not (folder / "layout.json").is_file():
        raise UserError(
            f"{folder} holds no results: it has no layout.json (written by 'table' or 'reproduce' with --save)"
        )
    try:
        return _verify(folder, form)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(str(error).split())
        raise UserError(f"{folder} holds a file of another form ({type(error).__name__}: {text})") from error


def _verify(folder: Path, form: str) -> Verified:
    layout, runs, records = read_results(folder)
    problems = [problem for key, record in records.items() for problem in _record_problems(folder, key, record)]
    problems += [problem for run in runs for problem in _run_problems(run)]
    result = assemble(layout, runs)
    for name in _tables(result):
        if render(result, name.rpartition(".")[2]) != _text(folder / name):
            problems.append(f"{name} is not the table that the records give")
    picks = sum(record.kind == "sample" for record in records.values())
    values = ", ".join(_recomputed(runs))
    return Verified(render(result, form), problems, f"{len(records)} keys, {values}, {picks} pick lists, the table")


def _recomputed(runs: Iterable[Run]) -> Iterator[str]:
    """How many values were computed again, from what."""
    by_key = {
        run.records[part].key: (run.records[part], kept) for run in runs for part, kept in run.item_results.items()
    }
    numbers = Counter({PREDICTIONS: 0})
    for record, kept in by_key.values():
        numbers[results_file(record)] += len(kept.values)
    yield f"{numbers[PREDICTIONS]} accuracies from predictions"
    if numbers[OUTCOMES]:
        yield f"{numbers[OUTCOMES]} measures from outcomes"


def read_results(folder: Path) -> tuple[Layout, list[Run], dict[str, Record]]:
    """What `save_results` wrote: the layout, a run for every cell and seed, all records by key. Nothing is checked."""
    layout = Layout.model_validate(_read(folder / "layout.json"))
    records = {path.stem: Record.from_json(_read(path)) for path in sorted((folder / "records").glob("*.json"))}
    return layout, [_run(folder, cell, records) for cell in _read(folder / "cells.json")], records


def _read(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _record_problems(folder: Path, key: str, record: Record) -> list[str]:
    """A record must be what was written and named by the hash of its identity, and its picks those that it counted."""
    problems = []
    if not is_sealed(_read(folder / "records" / f"{key}.json")):
        problems.append(f"record {key[:12]} is not what was written: its own SHA-256 does not hold")
    if not key == record.key == digest(record.identity):
        problems.append(f"record {key[:12]} is not named by the hash of its identity")
    if record.kind == "sample":
        # Not by splitlines: an id may hold what Unicode calls the end of a line.
        lines = [f"{line}\n" for line in _text(folder / "picks" / f"{key}.txt").split("\n")[:-1]]
        picks = [line for line in lines if not line.startswith("#")]
        if hashlib.sha256("".join(picks).encode()).hexdigest() != record.metrics["picks_sha256"]:
            problems.append(f"the pick list {key[:12]} is not the one that was recorded")
        elif file_sha256(folder / "picks" / f"{key}.txt") != record.files[PICKS]:
            problems.append(f"the pick list {key[:12]} is not the file that was recorded")
        if len(set(picks)) != record.metrics["size"]:
            problems.append(f"the pick list {key[:12]} has {len(set(picks))} ids, not {record.metrics['size']}")
    if OUTCOMES in record.files and file_sha256(_outcomes(folder, key)) != record.files[OUTCOMES]:
        problems.append(f"the outcomes {key[:12]} are not the file that was recorded")
    return problems


def _run(folder: Path, cell: dict[str, Any], records: dict[str, Record]) -> Run:
    lost = [key for key in cell["keys"].values() if key not in records]
    if lost:
        raise UserError(f"{folder}: cells.json names record {lost[0]}, which is not in records/")
    parts = {name: records[key] for name, key in cell["keys"].items()}
    own = {name: cell[name] for name in ("row", "target", "seed", "state", "reason")}
    kept = {
        part: _item_results(folder, cell["target"], record) for part, record in parts.items() if keeps_results(record)
    }
    return Run(**own, assumed=tuple(cell["assumed"]), records=parts, item_results=kept)


def _item_results(folder: Path, target: str, record: Record) -> ItemResults:
    if results_file(record) == OUTCOMES:
        return read_item_results(_outcomes(folder, record.key), record)
    predicted, labels = (folder / "predictions" / f"{record.key}.json", folder / "labels" / f"{target}.json")
    return of_predictions(np.array(_read(predicted), np.int32), np.array(_read(labels), np.int32), record)


def _outcomes(folder: Path, key: str) -> Path:
    return folder / "outcomes" / f"{key}.npz"


def _run_problems(run: Run) -> list[str]:
    """A cell's values must follow from what is kept of every image, and its records must be inputs of one another."""
    place = f"{run.row}, {run.target}, seed {run.seed}"
    problems = []
    for part, kept in run.item_results.items():
        problems += [f"{place}: {problem}" for problem in _value_problems(kept, run.records[part])]
    pretrain = run.records.get(PRETRAIN)
    if pretrain is not None and (seed := pretrain.identity["spec"]["seeds"]["init"]) != run.seed:
        problems.append(f"{place}: record {pretrain.key[:12]} was trained with seed {seed}")
    for part, record in run.records.items():
        name, used = _input_of(part)
        if used in run.records and record.identity["inputs"].get(name) != run.records[used].key:
            problems.append(f"{place}: record {record.key[:12]} was not made with {name} {run.records[used].key[:12]}")
    return problems


def _value_problems(kept: ItemResults, record: Record) -> Iterator[str]:
    """Of every measure that was computed again, and of predictions that are not those that were recorded."""
    stated, source = record.metrics, results_file(record).removesuffix(".npz")
    for name, computed in kept.values.items():
        # Outcomes are kept as float32.
        rounding = 1e-9 if name in kept.predicted else 1e-6 * max(1.0, abs(stated[name]))
        if abs(computed - stated[name]) > rounding:
            what, unit = ("", " %") if source == "predictions" else (f" of {name}", "")
            yield f"the {source}{what} give {computed:.4f}{unit}, the record says {stated[name]:.4f}{unit}"
    if source == "predictions" and predictions_sha256(kept.predicted[ACCURACY.name]) != stated["predictions_sha256"]:
        yield "the predictions are not those that were recorded"


def _input_of(part: str) -> tuple[str, str]:
    """The name of an input of a part, and the part that it must be."""
    return ("encoder", PRETRAIN) if is_evaluation(part) else ("coreset", SAMPLE if part != SAMPLE else "")
