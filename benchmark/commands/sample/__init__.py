"""The verb `sample`: a coreset of your own images."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import Required, Sampler, with_options_of
from benchmark.commands._values import machine_of
from benchmark.errors import UserError
from benchmark.planning.values import PathLike, at_least, optional_path, precision_of
from benchmark.specs import folding
from benchmark.specs.folding import say, say_next
from benchmark.specs.folding import show as show_text

if TYPE_CHECKING:
    from benchmark.commands.sample.command import SampledCoreset
    from benchmark.commands.sample.request import Request

MACHINE = ("device", "jobs", "run_on")
"""Options that say where a sample runs and not what it is."""


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
    selection: PathLike | None = None,
    without_leaks: bool = False,
) -> "SampledCoreset":
    """A coreset: the part of the folder `pool` to pretrain on for the folder `target` (or `owner/name` on the Hub).

    `budget` is a share of the pool ("5%"), a number of images or "stop" (the stopping rule). `encoder` is
    "timm:NAME", "timm:NAME=FILE" or a stage of the store; without one, one is pretrained on the target, for `steps`
    optimiser steps. The coreset is written where it is said: `out` is a text file of ids, with scores (.csv), a card
    (.md) and SimCore's curve (.curve.png) beside it; `link`, `copy` and `dataset` are new folders, `sheet` is a PNG.
    `selection` is a file of ids that takes the place of a sampler: its picks are measured. `without_leaks` leaves out
    of the pool what looks like a test image of the target, whose `test` folder lies beside it.

    Raises UserError for a name that is unknown, for places that cannot be written, for images or options that cannot be
    used, all before anything runs; and for a stage that fails.
    """
    from benchmark.commands.sample.command import sample as draw

    request = _request(
        target, pool, out, sampler, budget, encoder, profile, steps, precision, seed, link, copy, dataset, sheet, store,
        selection, without_leaks,
    )  # fmt: skip
    return draw(request, machine_of(device, jobs, run_on))


def _request(
    target: PathLike,
    pool: PathLike,
    out: PathLike | None,
    sampler: str,
    budget: str | int,
    encoder: str | None,
    profile: str,
    steps: int | None,
    precision: str | None,
    seed: int,
    link: PathLike | None,
    copy: PathLike | None,
    dataset: PathLike | None,
    sheet: PathLike | None,
    store: PathLike,
    selection: PathLike | None,
    without_leaks: bool,
) -> "Request":
    from benchmark.commands.sample.request import Exports, Request

    at_least("seed", seed, 0)
    return Request(
        str(target),
        str(pool),
        optional_path(out),
        sampler if selection is None else _listed(selection, sampler),
        str(budget),
        encoder,
        profile,
        at_least("steps", steps, 1),
        seed,
        Path(store),
        Exports(optional_path(link), optional_path(copy), optional_path(dataset), optional_path(sheet)),
        precision_of(precision),
        without_leaks,
    )


def _listed(selection: PathLike, sampler: str) -> str:
    """The sampler that a file of ids is. UserError where there is no such file, and beside another `sampler`."""
    # Imported here: the command line starts without it.
    from benchmark.planning.names import listed_sampler

    if sampler != "simcore":
        raise UserError(f"--selection {selection} and --sampler {sampler} are two samplers: give one")
    return listed_sampler(selection)


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
    sheet=Annotated[Path | None, typer.Option("--sheet", help="PNG: your images, nearest and farthest picks")],
    selection=Annotated[Path | None, typer.Option("--selection", help="a list of picks, in the place of a sampler")],
    without_leaks=Annotated[
        bool, typer.Option("--without-leaks", help="drop what looks like an image of the target's `test` folder")
    ],
)
def verb(
    work: "partial[SampledCoreset]",
    plan: Annotated[bool, typer.Option("--plan", help="show what would run and how long, and run nothing")] = False,
) -> None:
    """A coreset of your own images: which part of a pool to pretrain on for a target."""
    if plan:
        _show_plan(work)
        return
    coreset = work()
    show_card(coreset.card)
    # Beside the card and not in it: what is piped on is the card alone.
    for path in coreset.written:
        say(f"wrote {path}")
    for step in coreset.next_steps:
        say_next(step.purpose, step.command)


def _show_plan(work: "partial[SampledCoreset]") -> None:
    from benchmark.commands.sample.command import plan

    machine = machine_of(*(work.keywords[name] for name in MACHINE))
    request = _request(**{name: value for name, value in work.keywords.items() if name not in MACHINE})
    lines, estimated = plan(request, machine)
    for line in lines:
        say(line)
    show_text(estimated.render())


def show_card(card: str) -> None:
    """Print a card: as tables that fit a terminal, as Markdown where it is piped on."""
    width = folding.columns(sys.stdout)
    if width is None:
        print(card, end="", flush=True)
        return
    # Imported here: what is piped has no use for it.
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=width).print(Markdown(card))
