"""The verb `run`: one cell of Table 2."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import Format, with_options_of
from benchmark.commands._values import PathLike
from benchmark.commands.reproduce import reproduce, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.report.measured import MeasuredTable


def run(
    variant: str,
    target: str,
    profile: str = "smoke",
    protocol: str | None = None,
    openset: str | None = None,
    seeds: int | Sequence[int] | None = None,
    steps: int | Sequence[int] | None = None,
    method: str | None = None,
    backbone: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    device: str = "auto",
    jobs: int | None = None,
    evaluation: str | Sequence[str] | None = None,
    run_on: str = "local",
    without_leaks: bool = False,
) -> "MeasuredTable":
    """One cell of Table 2: `reproduce` with one variant and one target."""
    training = (steps, method, backbone, engine, precision)
    chosen = ("2", profile, protocol, target, variant, openset, seeds, False)
    question = (*chosen, *training, data_root, store, evaluation)
    return reproduce(*question, device=device, jobs=jobs, run_on=run_on, without_leaks=without_leaks)


@with_options_of(
    run,
    variant=Annotated[
        str,
        typer.Option("--variant", help="what is pretrained on: one of `list variants`, or any sampler's, as in --rows"),
    ],
    target=Annotated[str, typer.Option("--target", help="one target")],
)
def verb(work: "Callable[[], MeasuredTable]", format_: Format = "text") -> None:
    """Measure one cell of Table 2 (one variant, one target) and print it."""
    raise typer.Exit(1 if show(work, format_, None).failed else 0)
