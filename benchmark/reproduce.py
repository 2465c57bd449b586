"""The verbs `reproduce`, `run` and `table`: read the data, run what is missing, show the table."""

import sys
from pathlib import Path
from typing import get_args

from benchmark.environment import cores
from benchmark.errors import UnknownName, UserError
from benchmark.progress import shown
from benchmark.query import Query
from benchmark.report.render import Format, render
from benchmark.session import Session
from benchmark.store import open_store


def reproduce(query: Query, *, device: str, jobs: int | None, format_: str, save: Path | None) -> int:
    """Run what the query's cells still need and print the table. The exit code: 0, or 1 when a stage failed."""
    form = check_format(format_)
    session = Session(query)
    device, devices = find_device(device)
    _check_engine(session)
    with shown() as progress:
        session.read_data(progress)
    for line in session.data_notes():
        print(f"note: {line}", file=sys.stderr)
    failed = execute(session, device, devices, jobs)
    _show(session, form, save)
    return 1 if failed else 0


def execute(session: Session, device: str, devices: int, jobs: int | None) -> list[str]:
    """Run the stages of a session; the keys of those that failed."""
    # Imported here: the store is written to only once all names and data are known to be good.
    from benchmark.pretrain.backbones import groups_of
    from benchmark.run.executor import Executor
    from benchmark.run.screen import make_screen
    from benchmark.run.worker import Context

    store = open_store(session.query.store)
    groups = groups_of(2 * session.profile.recipe.batch, session.profile.recipe.batchnorm_group)
    # Devices share a run's BatchNorm groups evenly, or the number of devices would move its numbers.
    devices = max(count for count in range(1, devices + 1) if groups % count == 0)
    if jobs is None:
        jobs = 1 if device != "cpu" else max(1, cores() // session.profile.recipe.threads)
    context = Context(store.root, session.data, device, devices, workers=max(1, cores() // jobs))
    states = Executor(store, context, jobs, make_screen()).run(session.plan.stages)
    return [key for key, state in states.items() if state == "failed"]


def show_table(query: Query, *, format_: str, save: Path | None) -> None:
    """Print a table from what the store holds."""
    form, session = check_format(format_), Session(query)
    unknown = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    if unknown:
        labels = ", ".join(unknown)
        print(f"note: no result can be looked up that needs {labels}: not read yet, or no data root", file=sys.stderr)
    _show(session, form, save)


def check_format(name: str) -> Format:
    """`name` as a format, before anything is run; `UnknownName` if it is none."""
    for known in get_args(Format):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UnknownName("format", name, list(get_args(Format)))


def _show(session: Session, form: Format, save: Path | None) -> None:
    from benchmark.collect import collect
    from benchmark.results import save_results

    result = collect(session)
    print(render(result, form), end="")
    if save is not None:
        save_results(session, result, save)


def find_device(name: str) -> tuple[str, int]:
    """The device to run on and how many of it: "auto" takes every GPU there is, else the CPU."""
    if name == "cpu":
        return name, 1
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return ("cuda", count) if count else ("cpu", 1)
    if not name.startswith("cuda"):
        raise UserError(f"unknown device '{name}'; known: auto, cpu, cuda, cuda:N")
    if not count or (name != "cuda" and int(name.partition(":")[2] or 0) >= count):
        raise UserError(f"device {name} is not there ({count} CUDA devices found); use --device cpu")
    return name, count if name == "cuda" else 1


def _check_engine(session: Session) -> None:
    from benchmark.pretrain.engines import find_engine

    find_engine(session.profile.recipe.engine)
