"""The verbs `reproduce`, `run` and `table`: read the data, run what is missing, show the table."""

import sys
from pathlib import Path
from typing import get_args

from benchmark.errors import one_of
from benchmark.launch import Machine, Work, check_recipe, execute, find_device
from benchmark.progress import shown
from benchmark.query import Query
from benchmark.report.render import Format, render
from benchmark.results import check_folder, save_results
from benchmark.session import Session


def reproduce(query: Query, machine: Machine, *, format_: str, save: Path | None) -> int:
    """Run what the query's cells still need and print the table. The exit code: 0, or 1 when a stage failed."""
    form = check_format(format_)
    if save is not None:
        check_folder(save)
    session = Session(query)
    find_device(machine.device)
    for setup in session.setups:
        check_recipe(setup.recipe)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        print(f"note: {line}", file=sys.stderr)
    failed = execute(Work(session.plan.stages, query.store, session.data), machine)
    _show(session, form, save)
    return 1 if failed else 0


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


def check_format(name: str) -> Format:
    """`name` as a format, before anything is run; `UnknownName` if it is none."""
    form: Format = one_of("format", name, get_args(Format))
    return form


def _show(session: Session, form: Format, save: Path | None) -> None:
    from benchmark.collect import collect

    result = collect(session)
    print(render(result, form), end="")
    if save is not None:
        save_results(session, result, save)
