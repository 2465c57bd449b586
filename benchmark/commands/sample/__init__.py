"""The verb `sample`: a coreset of your own images."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import Device, Encoder, Jobs, PrecisionOption, RunOn, Sampler, Steps, StorePath


def verb(
    target: Annotated[str, typer.Option("--target", help="folder of your images, or owner/name on the Hub")],
    pool: Annotated[str, typer.Option("--pool", help="folder of the images to choose from, or owner/name on the Hub")],
    out: Annotated[
        Path, typer.Option("--out", help="the list of picks; scores (.csv) and a card (.md) come beside it")
    ],
    sampler: Sampler = "simcore",
    budget: Annotated[str, typer.Option("--budget", help="5%, a number of images, or stop (stopping rule)")] = "stop",
    encoder: Encoder = None,
    profile: Annotated[str, typer.Option("--profile", help="whose recipe, k and patience are taken")] = "mini",
    steps: Steps = None,
    precision: PrecisionOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    link: Annotated[Path | None, typer.Option("--link", help="new folder of symbolic links to the picks")] = None,
    copy: Annotated[Path | None, typer.Option("--copy", help="new folder of copies of the picks")] = None,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="new folder that `datasets` loads from disk")
    ] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="PNG of the nearest and the farthest picks")] = None,
    store: StorePath = Path("runs"),
    device: Device = "auto",
    jobs: Jobs = None,
    run_on: RunOn = "local",
) -> None:
    """A coreset of your own images: which part of a pool to pretrain on for a target."""
    from benchmark.commands.sample.command import sample as draw
    from benchmark.commands.sample.request import Exports, Request
    from benchmark.execution.run import Machine

    exports = Exports(link, copy, dataset, sheet)
    request = Request(target, pool, out, sampler, budget, encoder, profile, steps, seed, store, exports, precision)
    raise typer.Exit(draw(request, Machine(device, jobs, run_on)))
