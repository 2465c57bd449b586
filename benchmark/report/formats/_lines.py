"""One line or entry per cell and seed with everything that is known of it, for programs.

Numbers are not rounded to what a table shows; only the digits that binary arithmetic leaves are gone (`numbers`).
"""

from collections.abc import Iterable
from typing import Any

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
