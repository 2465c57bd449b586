"""The verb `sample`: a coreset of your own images."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import Required, Sampler, with_options_of
from benchmark.commands._values import PathLike, at_least, machine_of, path_of, precision_of

if TYPE_CHECKING:
    from benchmark.commands.sample.command import SampledCoreset


def sample(
    target: PathLike,
    pool: PathLike,
    out: PathLike | None = None,
    sampler: str = "simcore",
    budget: str | int = "stop",
    encoder: str | None = None,
    profile: str = "mini",
    steps: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    link: PathLike | None = None,
    copy: PathLike | None = None,
    dataset: PathLike | None = None,
    sheet: PathLike | None = None,
    store: PathLike = "runs",
    device: str = "auto",
    jobs: int | None = None,
    run_on: str = "local",
) -> "SampledCoreset":
    """A coreset: the part of the folder `pool` to pretrain on for the folder `target` (or `owner/name` on the Hub).

    `budget` is a share of the pool ("5%"), a number of images or "stop" (the stopping rule). `encoder` is
    "timm:NAME", "timm:NAME=FILE" or a stage of the store; without one, one is pretrained on the target, for `steps`
    optimiser steps. The coreset is written where it is said: `out` is a text file of ids, with scores (.csv) and a card
    (.md) beside it; `link`, `copy` and `dataset` are new folders, `sheet` is a PNG.

    Raises UserError for a name that is unknown, for places that cannot be written, for images or options that cannot be
    used, all before anything runs; and for a stage that fails.
    """
    from benchmark.commands.sample.command import sample as draw
    from benchmark.commands.sample.request import Exports, Request

    at_least("seed", seed, 0)
    request = Request(
        str(target),
        str(pool),
        path_of(out),
        sampler,
        str(budget),
        encoder,
        profile,
        at_least("steps", steps, 1),
        seed,
        Path(store),
        Exports(path_of(link), path_of(copy), path_of(dataset), path_of(sheet)),
        precision_of(precision),
    )
    return draw(request, machine_of(device, jobs, run_on))


@with_options_of(
    sample,
    target=Annotated[str, typer.Option("--target", help="folder of your images, or owner/name on the Hub")],
    pool=Annotated[str, typer.Option("--pool", help="folder of the images to choose from, or owner/name on the Hub")],
    out=Required(
        Annotated[Path, typer.Option("--out", help="the list of picks; scores (.csv) and a card (.md) come beside it")]
    ),
    sampler=Sampler,
    budget=Annotated[str, typer.Option("--budget", help="5%, a number of images, or stop (stopping rule)")],
    profile=Annotated[str, typer.Option("--profile", help="whose recipe, k and patience are taken")],
    seed=Annotated[int, typer.Option("--seed", min=0)],
    steps=Annotated[
        int | None, typer.Option("--steps", min=1, help="of the encoder's training; default: the profile's")
    ],
    link=Annotated[Path | None, typer.Option("--link", help="new folder of symbolic links to the picks")],
    copy=Annotated[Path | None, typer.Option("--copy", help="new folder of copies of the picks")],
    dataset=Annotated[Path | None, typer.Option("--dataset", help="new folder that `datasets` loads from disk")],
    sheet=Annotated[Path | None, typer.Option("--sheet", help="PNG of the nearest and the farthest picks")],
)
def verb(work: "Callable[[], SampledCoreset]") -> None:
    """A coreset of your own images: which part of a pool to pretrain on for a target."""
    coreset = work()
    print(coreset.card, end="", flush=True)
    # Beside the card and not in it: what is piped on is the card alone.
    for path in coreset.written:
        print(f"wrote {path}", file=sys.stderr)
    for step in coreset.next_steps:
        print(f"next, {step.purpose}:\n  {step.command}", file=sys.stderr)
