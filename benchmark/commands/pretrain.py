"""The verb `pretrain`: an encoder for your own images, from them and a list of picks, exported for timm."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import Required, with_options_of
from benchmark.commands._values import machine_of
from benchmark.planning.values import PathLike, at_least, optional_path, precision_of
from benchmark.specs.folding import say_next
from benchmark.specs.folding import show as show_text

if TYPE_CHECKING:
    from benchmark.commands._pretrained import PretrainedEncoder


def pretrain_encoder(
    target: PathLike,
    out: PathLike,
    selection: PathLike | None = None,
    pool: PathLike | None = None,
    profile: str = "mini",
    method: str = "simclr",
    backbone: str | None = None,
    engine: str | None = None,
    steps: int | None = None,
    precision: str | None = None,
    seed: int = 0,
    store: PathLike = "runs",
    device: str = "auto",
    jobs: int | None = None,
    run_on: str = "local",
    initial_weights: str | None = None,
) -> "PretrainedEncoder":
    """Pretrain a network on the folder `target` (or `owner/name` on the Hub) and the images that `selection` lists, and
    export it to the new folder `out`, in the form that timm loads.

    `selection` is a list of ids as `sample` writes it, which names its pool; `pool` is asked for where it does not.
    Without a selection the target alone is trained on. `initial_weights` names the encoder that the training starts
    from ("timm:NAME", "timm:NAME=FILE", a checkpoint file or an export); without one it starts from random weights.
    The stages are those of a table's rows "X" and "X+selection(stop)" by the protocol "clean": what `store` has of them
    is not made again.

    Raises UserError, before anything runs, for a name that is unknown, for images, picks or options that cannot be
    used, for a folder that exists and for a network that timm does not have; and for a training that fails.
    """
    from benchmark.commands._pretrained import PretrainingRequest, pretrained

    request = PretrainingRequest(
        str(target),
        Path(out),
        optional_path(selection),
        None if pool is None else str(pool),
        profile,
        method,
        backbone,
        engine,
        at_least("steps", steps, 1),
        precision_of(precision),
        at_least("seed", seed, 0) or 0,
        Path(store),
        initial_weights,
    )
    return pretrained(request, machine_of(device, jobs, run_on))


@with_options_of(
    pretrain_encoder,
    target=Annotated[str, typer.Option("--target", help="folder of your images, or owner/name on the Hub")],
    out=Required(Annotated[Path, typer.Option("--out", help="new folder for weights, configuration and card")]),
    selection=Annotated[
        Path | None, typer.Option("--selection", help="a list of picks; default: train on the target alone")
    ],
    pool=Annotated[str | None, typer.Option("--pool", help="where the picks are from; default: as the list says")],
    profile=Annotated[str, typer.Option("--profile", help="whose recipe and length are taken")],
    method=Annotated[str, typer.Option("--method", help="one of `list methods`")],
    steps=Annotated[int | None, typer.Option("--steps", min=1, help="optimiser steps; default: the profile's")],
    seed=Annotated[int, typer.Option("--seed", min=0)],
    initial_weights=Annotated[
        str | None,
        typer.Option(
            "--initial-weights", help="timm:NAME[=FILE], a checkpoint file or an export; default: random weights"
        ),
    ],
)
def verb(work: "Callable[[], PretrainedEncoder]") -> None:
    """An encoder for your own images: pretrained on them and a coreset, exported for timm."""
    encoder = work()
    show_text(encoder.text)
    for step in encoder.next_steps:
        say_next(step.purpose, step.command)
