"""JSON: an entry per cell and seed, row means, claims with all their estimates."""

import json
from dataclasses import asdict
from typing import Any

from benchmark.report.footnotes import footnotes
from benchmark.report.formats import Format
from benchmark.report.formats._lines import lines
from benchmark.report.headings import headings
from benchmark.report.numbers import plain
from benchmark.report.table import CellResult, Difference, RowLabel, TableResult
from benchmark.statistics import Estimate


def render(result: TableResult) -> str:
    """Cells, row means (none over a single target), claims with all their estimates, and footnotes as JSON."""
    value = {
        "table": result.table.id,
        "title": headings(result),
        "standins": result.standins,
        "profile": result.profile,
        "protocol": result.protocol,
        "openset": result.openset,
        "features": result.features,
        "measures": [measure.model_dump() for measure in result.measures],
        "cells": list(lines(result)),
        "stages": [_stages(row, cell) for row in result.rows for cell in result.row_cells(row.id) if cell.runs],
        "differences": [_difference(place, estimate) for place, estimate in result.differences.items()],
        "row_means": {row.id: asdict(result.row_mean(row.id)) for row in result.rows if result.has_means},
        "claims": [
            {
                **judged.claim.model_dump(),
                "length": judged.length,
                "on_published": asdict(judged.published),
                "on_measured": asdict(judged.measured),
            }
            for judged in result.claims
        ],
        "footnotes": footnotes(result),
    }
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _stages(row: RowLabel, cell: CellResult) -> dict[str, Any]:
    """The keys of a cell's stages and the sources of its picks, by seed."""
    keys = {run.seed: dict(run.keys) for run in cell.runs}
    sources = {run.seed: dict(run.sources) for run in cell.runs if run.sources}
    return {"row": row.id, "target": cell.target, "keys": keys, "sources": sources}


def _difference(place: Difference, difference: Estimate | float) -> dict[str, Any]:
    row, reference, target, measure = place
    estimate = asdict(difference) if isinstance(difference, Estimate) else {"value": difference}
    return {"row": row, "minus": reference, "target": target, "measure": measure, **estimate}


entry = Format("json", ".json", "all that is known of every cell and claim", render)
