"""Reports for machines: CSV and JSON, one line or entry per cell and seed with everything that is known of it.

Numbers are not rounded to what a table shows; only the digits that binary arithmetic leaves are gone (`numbers`).
"""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from benchmark.report.blocks import footnotes
from benchmark.report.headings import headings
from benchmark.report.numbers import plain
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult

_RUN = ("seed", "value", "method", "network", "steps", "samples_seen", "exposures", "coreset")
_PURITY = ("value", "base_rate", "ceiling", "without_heldout")


def lines(result: TableResult) -> Iterable[dict[str, Any]]:
    """One flat entry per cell and seed; one per hole. None is "not known"."""
    for row in result.rows:
        for cell in result.row_cells(row.id):
            about = _about(result, row, cell)
            for run in cell.runs or (None,):
                openset = result.openset if run is None or run.openset is None else run.openset
                yield plain({**about, "openset": openset, **_run(run)})


def _about(result: TableResult, row: RowLabel, cell: CellResult) -> dict[str, Any]:
    mean, std = cell.mean_std if cell.runs else (None, None)
    compared = result.compare(row.id, cell.target)
    return {
        "table": result.table.id,
        "profile": result.profile,
        "protocol": result.protocol,
        "row": row.id,
        "row_title": row.title,
        "variant": row.variant,
        "control": row.control,
        "target": cell.target,
        "state": cell.state,
        "reason": " ".join(cell.reason.split()),
        "data": cell.data,
        "assumed": "; ".join(result.assumed(row.id, cell.target)),
        "test_images": cell.n,
        "published": result.published(row.id, cell.target),
        "mean_over_seeds": mean,
        "std_over_seeds": std,
        "seeds_absent": " ".join(map(str, cell.absent)),
        "difference": compared.difference if compared else None,
        "tolerance": compared.tolerance if compared else None,
        "verdict": compared.verdict if compared else "",
    }


def _run(run: SeedResult | None) -> dict[str, Any]:
    purity = run.purity if run else None
    return {name: getattr(run, name, None) for name in _RUN} | {
        f"purity_{name}" if name != "value" else "purity": getattr(purity, name, None) for name in _PURITY
    }


def comma_separated(result: TableResult) -> str:
    """The cells as CSV with a header; None is empty. Claims are in the JSON form only."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for line in lines(result):
        if writer is None:
            writer = csv.DictWriter(out, list(line), lineterminator="\n")
            writer.writeheader()
        writer.writerow(line)
    return out.getvalue()


def javascript_object(result: TableResult) -> str:
    """Cells, row means (none over a single target), claims with all their estimates, and footnotes as JSON."""
    value = {
        "table": result.table.id,
        "title": headings(result),
        "standins": result.standins,
        "profile": result.profile,
        "protocol": result.protocol,
        "openset": result.openset,
        "cells": list(lines(result)),
        "row_means": {row.id: asdict(result.row_mean(row.id)) for row in result.rows if result.has_means},
        "claims": [
            {
                **judged.claim.model_dump(),
                "on_published": asdict(judged.published),
                "on_measured": asdict(judged.measured),
            }
            for judged in result.claims
        ],
        "footnotes": footnotes(result),
    }
    return json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
