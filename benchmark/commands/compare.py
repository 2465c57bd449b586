"""The verb `compare`: a sampling method beside others."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import (
    DataRoot,
    Device,
    Encoder,
    Jobs,
    PrecisionOption,
    ProfileOption,
    RunOn,
    Seeds,
    Steps,
    StorePath,
)


def verb(
    target: Annotated[list[str], typer.Option("--target", help="names of targets")],
    sampler: Annotated[list[str], typer.Option("--sampler", help="as in `sample`; `all` means all of `list samplers`")],
    against: Annotated[list[str] | None, typer.Option("--against", help="default: simcore random")] = None,
    openset: Annotated[str, typer.Option("--openset", help="the pool")] = "imagenet",
    budget: Annotated[list[str] | None, typer.Option("--budget", help="1% 5% stop; default: 1% 5%")] = None,
    seeds: Seeds = None,
    train: Annotated[bool, typer.Option("--train", help="also pretrain on X and every coreset, and probe")] = False,
    encoder: Encoder = None,
    profile: ProfileOption = "smoke",
    steps: Steps = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    out: Annotated[
        Path | None, typer.Option("--out", help="folder for the table (md, csv, json) and a picture")
    ] = None,
    device: Device = "auto",
    jobs: Jobs = None,
    format_: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
    run_on: RunOn = "local",
) -> None:
    """A sampling method beside SimCore and other baselines: coreset metrics, and with --train the full cells."""
    from benchmark.compare.job import compare as measure
    from benchmark.compare.request import Request
    from benchmark.execution.run import Machine

    request = Request(
        samplers=tuple(sampler),
        against=tuple(against or ("simcore", "random")),
        targets=tuple(target),
        openset=openset,
        budgets=tuple(budget or ("1%", "5%")),
        seeds=tuple(seeds or (0,)),
        train=train,
        encoder=encoder,
        profile=profile,
        steps=steps,
        data_root=data_root,
        store=store,
        out=out,
        precision=precision,
    )
    raise typer.Exit(measure(request, Machine(device, jobs, run_on), format_))
