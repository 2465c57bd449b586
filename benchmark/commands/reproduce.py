"""The verb `reproduce`: read the data, run what is missing, show the table."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._query import RunQuery, takes

if TYPE_CHECKING:
    from benchmark.report.measured import MeasuredTable


@takes(RunQuery)
def reproduce(query: RunQuery) -> "MeasuredTable":
    """Measure a table: run what `store` does not hold yet, and return the numbers beside the published ones.

    `targets`, `rows` and `seeds` choose cells; without them all targets and rows of the table and seed 0 are measured.
    A row is an id of the table or a variant: "X", "X+simcore(5%)", or X with a coreset of any sampler, budget and
    encoder, "X+my.py:Mine(5%)@timm:NAME". `steps` are optimiser steps of every row instead of the profile's;
    with several, every row is measured at each length, as "X at 400 steps", and compared with the others of it.
    `selection` names files of picks, which are rows of X and them beside the others.
    `data_root` is the folder of real images (default: the one that BENCHMARK_DATA names); the profile "smoke" draws its
    images and reads none. `jobs` are worker processes. `evaluation` are names of `list evaluations` instead of each
    row's own; the table shows the first. `coreset_metrics` also measures the coresets; without `train` nothing else is
    measured. `run_on` names what runs the stages. `without_leaks` leaves out of open-sets what `data check` found of
    test images. `initial_weights` names what rows start from that were not trained from random weights, a file or a
    network of timm. `encoder` takes the place of what one published row trains ("released": the authors' own), and
    both readings of the probe are measured where that row is of the probe. Values of the result are per cent.
    Progress goes to standard error.
    A stage that fails does not raise: its cells say "failed", with the reason, and `failed` holds its key.

    Raises UserError, before anything runs, for a name that is unknown and for options or data that cannot be used.
    Stopped at any moment, the same call goes on.
    """
    from benchmark.commands._measure import measure
    from benchmark.planning.planned_table import PlannedTable

    return measure(PlannedTable(query), query.machine)


@with_options_of(reproduce)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text", save: Save = None) -> None:
    """Measure a table and print it beside the published one. Stopped at any moment, the same command goes on."""
    raise typer.Exit(1 if show(work, format_, save).failed else 0)


def show(work: "Callable[[], MeasuredTable]", format_: str, save: Path | None) -> "MeasuredTable":
    """Print the table that `work` returns, and save its records to `save`. UserError, before any work, for a format
    that is unknown or a folder that nothing can be saved to."""
    from benchmark.report.records import check_folder

    form = check_format(format_)
    if save is not None:
        check_folder(save)
    result = work()
    print(result.render(form), end="")
    if save is not None:
        result.save(save)
    return result


def check_format(name: str) -> str:
    """`name` as a format, before anything is run; `UnknownName` if it is none."""
    from benchmark.report.formats import FORMATS

    return FORMATS.get(name).name
