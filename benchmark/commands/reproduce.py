"""The verb `reproduce`: read the data, run what is missing, show the table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark.commands._options import Device, Format, Jobs, RunOn, Save, with_query
from benchmark.planning.query import Query

if TYPE_CHECKING:
    from benchmark.execution.run import Machine
    from benchmark.planning.planned_table import Session


@with_query
def verb(
    query: Query,
    device: Device = "auto",
    jobs: Jobs = None,
    format_: Format = "text",
    save: Save = None,
    run_on: RunOn = "local",
) -> None:
    """Measure a table and print it beside the published one. Stopped at any moment, the same command goes on."""
    from benchmark.execution.run import Machine

    raise typer.Exit(reproduce(query, Machine(device, jobs, run_on), format_=format_, save=save))


def reproduce(query: Query, machine: "Machine", *, format_: str, save: Path | None) -> int:
    """Run what the query's cells still need and print the table. The exit code: 0, or 1 when a stage failed."""
    from benchmark.execution.display import shown
    from benchmark.execution.run import Work, check_machine, check_stages, execute
    from benchmark.planning.planned_table import Session

    form = check_format(format_)
    check_save(save)
    session = Session(query)
    check_machine(machine)
    check_stages(session.plan.stages)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        print(f"note: {line}", file=sys.stderr)
    failed = execute(Work(session.plan.stages, query.store, session.data), machine)
    print_table(session, form, save)
    return 1 if failed else 0


def check_format(name: str) -> str:
    """`name`, which is a format; before anything is run `UnknownName` if it is none."""
    from benchmark.report.formats import FORMATS

    return FORMATS.get(name).name


def check_save(save: Path | None) -> None:
    """UserError, before any work, for a folder that no results can be saved to."""
    from benchmark.report.records import check_folder

    if save is not None:
        check_folder(save)


def print_table(session: "Session", form: str, save: Path | None) -> None:
    """Print the table of what the store holds, and save its records to `save`."""
    from benchmark.report.collect import collect
    from benchmark.report.formats import render
    from benchmark.report.records import save_results

    planned = session.values()
    result = collect(planned, session.store)
    print(render(result, form), end="")
    if save is not None:
        save_results(planned, result, session.store, save)
