"""The verbs `reproduce`, `run` and `table`: read the data, run what is missing, show the table."""

import sys
from pathlib import Path
from typing import get_args

from benchmark.errors import one_of
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_stages, execute, find_device
from benchmark.planning.planned_table import Session
from benchmark.planning.query import Query
from benchmark.report.formats import Format, render
from benchmark.report.records import check_folder, save_results


def reproduce(query: Query, machine: Machine, *, format_: str, save: Path | None) -> int:
    """Run what the query's cells still need and print the table. The exit code: 0, or 1 when a stage failed."""
    form = check_format(format_)
    if save is not None:
        check_folder(save)
    session = Session(query)
    find_device(machine.device)
    check_stages(session.plan.stages)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        print(f"note: {line}", file=sys.stderr)
    failed = execute(Work(session.plan.stages, query.store, session.data), machine)
    _show(session, form, save)
    return 1 if failed else 0


def check_format(name: str) -> Format:
    """`name` as a format, before anything is run; `UnknownName` if it is none."""
    form: Format = one_of("format", name, get_args(Format))
    return form


def _show(session: Session, form: Format, save: Path | None) -> None:
    from benchmark.report.collect import collect

    planned = session.values()
    result = collect(planned, session.store)
    print(render(result, form), end="")
    if save is not None:
        save_results(planned, result, session.store, save)
