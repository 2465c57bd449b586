"""One line or entry per cell and seed with everything that is known of it, for programs.

Numbers are not rounded to what a table shows; only the digits that binary arithmetic leaves are gone (`numbers`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmark.report.measures import TRAINING_SECONDS
from benchmark.report.numbers import plain
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult

_RUN = ("seed", "value", "method", "network", "steps")
_ALWAYS = ("samples_seen", "exposures", "images", "purity", "base_rate", "ceiling", "purity_without_heldout")
"""Numbers that every entry names, known or not, beside those that any cell of the table has."""


def lines(result: TableResult) -> Iterable[dict[str, Any]]:
    """One flat entry per cell and seed; one per hole. None is "not known"."""
    names = _names(result)
    for row in result.rows:
        for cell in result.row_cells(row.id):
            about = _about(result, row, cell)
            for run in cell.runs or (None,):
                openset = result.openset if run is None or run.openset is None else run.openset
                yield plain({**about, "openset": openset, **_run(run, names)})


def _names(result: TableResult) -> list[str]:
    """The numbers that entries name. Times are among them only where the table shows them: they differ between equal
    runs."""
    known = {name for cell in result.all_cells for run in cell.runs for name in run.values}
    shown = {measure.name for measure in result.measures} | ({TRAINING_SECONDS} if result.lengths else set())
    times = {"seconds", TRAINING_SECONDS} - shown
    return list(dict.fromkeys([*_ALWAYS, *sorted(known - times)]))


def _about(result: TableResult, row: RowLabel, cell: CellResult) -> dict[str, Any]:
    mean, std = cell.mean_std if cell.runs and result.evaluated else (None, None)
    compared = result.compare(row.id, cell.target)
    return {
        "table": result.table.id,
        "profile": result.profile,
        "protocol": result.protocol,
        "row": row.id,
        **({"base_row": row.base_row, "length": row.length} if result.lengths else {}),
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


def _run(run: SeedResult | None, names: Iterable[str]) -> dict[str, Any]:
    values: Mapping[str, float] = run.values if run else {}
    own = {name: getattr(run, name, None) for name in _RUN}
    words = {"stopped_by": run.stopped_by, "picks_sha256": run.picks_sha256} if run else {}
    return own | {name: values.get(name) for name in names} | (words or {"stopped_by": "", "picks_sha256": ""})
