"""The verb `table`: a table from what the store holds."""

import sys
from pathlib import Path

from benchmark.commands.reproduce import _show, check_format
from benchmark.planning.planned_table import Session
from benchmark.planning.query import Query
from benchmark.report.records import check_folder


def show_table(query: Query, *, format_: str, save: Path | None) -> None:
    """Print a table from what the store holds."""
    form = check_format(format_)
    if save is not None:
        check_folder(save)
    session = Session(query)
    unknown = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    if unknown:
        labels = ", ".join(unknown)
        print(f"note: no result can be looked up that needs {labels}: not read yet, or no data root", file=sys.stderr)
    _show(session, form, save)
