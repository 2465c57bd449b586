"""Committed records have the keys that are planned today for the same question on the same images."""

import json
import os
from pathlib import Path

import pytest

from benchmark.images.data import Data
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.report.records import read_results

RESULTS = Path(__file__).resolve().parents[2] / "results"
# results/mini/pack is of images that `data shrink` made: the data root has others under the same name.
FOLDERS = sorted({path.parent for path in RESULTS.rglob("layout.json")} - {RESULTS / "mini" / "pack"})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The real images, where a machine has them."""
    if "BENCHMARK_DATA" not in os.environ:
        pytest.skip("BENCHMARK_DATA is not set: the keys of committed records are NOT tested")
    return Data(Path(os.environ["BENCHMARK_DATA"]), standins=False, cache=tmp_path_factory.mktemp("store"))


def evaluations(keys, records):
    """The evaluations of a cell, where it has others than its row's own."""
    others = [part.partition(":")[2] for part in keys if part.startswith("evaluate:")]
    if not others:
        return ()
    kind = records[keys["evaluate"]].identity["spec"]["kind"]
    return {"clean": "linear-clean", "released": "linear-released"}.get(kind, kind), *others


@pytest.mark.realdata
@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(RESULTS)) for folder in FOLDERS])
def test_committed_keys_are_those_planned_today(data, folder):
    layout, _, records = read_results(folder)
    missing = [name for name in layout.columns if not data.has("targets", name)]
    if missing:
        pytest.skip(f"the data root has no target {missing[0]}")
    names = [row for row, _ in layout.lengths] or [name for name, *_ in layout.rows]
    rows = tuple(dict.fromkeys(name for name in names if "=" not in name))
    if not rows:
        pytest.skip("all rows are of a file of weights that is not handed over: their keys are NOT tested")
    (precision,) = {
        record.identity["spec"]["recipe"]["precision"] for record in records.values() if record.kind == "pretrain"
    }
    cells = [cell for cell in json.loads((folder / "cells.json").read_text()) if cell["state"] == "measured"]
    cells = [cell for cell in cells if cell["row"] in rows]
    query = Query(
        layout.table,
        profile=layout.profile,
        protocol=layout.protocol,
        targets=layout.columns,
        rows=rows,
        openset=layout.openset,
        seeds=layout.seeds,
        steps=tuple(steps for _, steps in layout.lengths) or (() if layout.steps is None else (layout.steps,)),
        precision=precision,
        evaluation=evaluations(cells[0]["keys"], records),
        train=not layout.groups,
        coreset_metrics=bool(layout.groups),
        data_root=data.root,
        store=data.cache,
    )
    session = PlannedTable(query, data)
    session.read_data(lambda *_: None)
    committed = {(cell["row"], cell["target"], cell["seed"]): cell["keys"] for cell in cells}
    assert committed
    for place, keys in committed.items():
        assert keys == {name: stage.key for name, stage in session.cells[place].parts.items()}, place
    # What rows of a file of weights need is theirs alone.
    assert len(rows) < len(set(names)) or set(records) <= {stage.key for stage in session.plan.stages}
