"""The verb `compare`: a sampling method beside others."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from benchmark.commands._options import with_options_of
from benchmark.commands._values import (
    PathLike,
    at_least,
    data_root_of,
    machine_of,
    names,
    path_of,
    precision_of,
    seeds_of,
)
from benchmark.errors import one_of

if TYPE_CHECKING:
    from benchmark.comparison.outcome import Outcome


def compare(
    target: str | Sequence[str],
    sampler: str | Sequence[str],
    against: str | Sequence[str] | None = None,
    openset: str = "imagenet",
    budget: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] | None = None,
    train: bool = False,
    encoder: str | None = None,
    profile: str = "smoke",
    steps: int | None = None,
    precision: str | None = None,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    out: PathLike | None = None,
    device: str = "auto",
    jobs: int | None = None,
    run_on: str = "local",
    without_leaks: bool = False,
) -> "Outcome":
    """A sampling method beside others (`against`: "simcore" and "random" by default): coreset metrics, and with `train`
    the accuracies of full trainings, per cent.

    A sampler is a name of `list samplers`, "pkg.module:Class", "file.py:Class" or a file of ids; "all" stands for all
    of the list. A `budget` is a share of the open-set ("5%"), a number of images ("100") or "stop"; 1% and 5% by
    default. `out` is a folder for the table and a picture. The other options are those of `reproduce`. A sampler that
    fails does not raise: its scores say why, and `failed` holds the keys of its stages.

    Raises UserError, before anything runs, for a name that is unknown and for options or data that cannot be used.
    """
    from benchmark.comparison.job import compare as measure
    from benchmark.comparison.request import Request

    request = Request(
        samplers=names(sampler),
        against=names(against) or ("simcore", "random"),
        targets=names(target),
        openset=openset,
        budgets=names(budget) or ("1%", "5%"),
        seeds=seeds_of(seeds),
        train=train,
        encoder=encoder,
        profile=profile,
        steps=at_least("steps", steps, 1),
        data_root=data_root_of(data_root),
        store=Path(store),
        out=path_of(out),
        precision=precision_of(precision),
        without_leaks=without_leaks,
    )
    return measure(request, machine_of(device, jobs, run_on))


@with_options_of(
    compare,
    target=Annotated[list[str], typer.Option("--target", help="names of targets")],
    sampler=Annotated[list[str], typer.Option("--sampler", help="as in `sample`; `all` means all of `list samplers`")],
    against=Annotated[list[str] | None, typer.Option("--against", help="default: simcore random")],
    openset=Annotated[str, typer.Option("--openset", help="the pool")],
    budget=Annotated[list[str] | None, typer.Option("--budget", help="1% 5% stop; default: 1% 5%")],
    train=Annotated[bool, typer.Option("--train", help="also pretrain on X and every coreset, and probe")],
    out=Annotated[Path | None, typer.Option("--out", help="folder for the table (md, csv, json) and a picture")],
)
def verb(
    work: "Callable[[], Outcome]",
    format_: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
) -> None:
    """A sampling method beside SimCore and other baselines: coreset metrics, and with --train the full cells."""
    from benchmark.comparison.report import Format

    form: Format = one_of("format", format_, get_args(Format))
    outcome = work()
    print(outcome.render(form), end="")
    if outcome.written:
        folder = outcome.written[0].parent
        print(f"written to {folder}: {', '.join(path.name for path in outcome.written)}", file=sys.stderr)
    raise typer.Exit(1 if outcome.failed else 0)
