"""The verb `evaluate`: any encoder on any target, by any evaluations."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import with_options_of
from benchmark.commands._values import data_root_of, machine_of
from benchmark.planning.values import PathLike, at_least, names
from benchmark.specs.folding import begin, note

FORMS = (
    "released[=FOLDER], timm:NAME[=FILE], a checkpoint file, an export, a key or label of the store, or random: see "
    "docs/evaluations.md"
)

if TYPE_CHECKING:
    from benchmark.commands._evaluated import EvaluatedEncoder


def evaluate(
    encoder: str,
    target: str | Sequence[str],
    evaluation: str | Sequence[str] | None = None,
    profile: str = "smoke",
    protocol: str | None = None,
    seed: int = 0,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    device: str = "auto",
    jobs: int | None = None,
    run_on: str = "local",
    pictures: PathLike | None = None,
) -> "EvaluatedEncoder":
    """Measure one encoder on one target or several: a row for each, with every measure of the evaluations.

    `encoder` is "released" or "released=FOLDER" (the authors' own for the target), "timm:NAME", "timm:NAME=FILE", a
    checkpoint file (of the released code, solo-learn, lightly or torchvision), a folder that `export` wrote, the key or
    label of a pretraining in `store`, or "random". `profile` says which images there are and how long probes run.
    Without an `evaluation` the protocol's linear probe is taken.
    `seed` is that of probes, of drawn labels and of a random encoder. What `store` has is not made again.
    `pictures` is a folder for `<target>-<evaluation>.jpg`: the retrieved neighbours of the best and the worst queries,
    the most confused classes. They show images of the target.

    Raises UserError, before anything runs, for a name that is unknown and for an encoder or data that cannot be used.
    An evaluation that fails does not raise: its measures say why they have no value.
    """
    from benchmark.commands._evaluated import EvaluationRequest, evaluated, prepared
    from benchmark.commands._evaluation_pictures import check_pictures, write_pictures
    from benchmark.execution.display import shown

    at_least("seed", seed, 0)
    arguments = encoder, names(target), names(evaluation), profile, protocol, seed, data_root_of(data_root), str(store)
    machine = machine_of(device, jobs, run_on)
    with shown() as progress:
        job = prepared(EvaluationRequest(*arguments), machine, progress)
    if pictures is not None:
        check_pictures(job, Path(pictures))
    for line in job.notes:
        note(line)
    result = evaluated(job, machine)
    for path in [] if pictures is None else write_pictures(job, machine, Path(pictures)):
        note(f"wrote {path}")
    return result


@with_options_of(
    evaluate,
    encoder=Annotated[str, typer.Option("--encoder", help=FORMS)],
    target=Annotated[list[str], typer.Option("--target", help="one target or several")],
    evaluation=Annotated[
        list[str] | None, typer.Option("--evaluation", help="names of `list evaluations`; default: the linear probe")
    ],
    seed=Annotated[int, typer.Option("--seed", min=0, help="of probes, drawn labels and a random encoder")],
    pictures=Annotated[
        Path | None,
        typer.Option("--pictures", help="folder for pictures of neighbours of queries and of confused classes"),
    ],
)
def verb(
    work: "Callable[[], EvaluatedEncoder]",
    format_: Annotated[str, typer.Option("--format", help="text, md, csv or json")] = "text",
) -> None:
    """Judge any encoder on any target by any evaluations, and print one row for each target."""
    from benchmark.commands._evaluated import check_format

    form = check_format(format_)
    begin("loading torch, then the encoder and the images")
    result = work()
    print(result.render(form))
    raise typer.Exit(1 if result.failed else 0)
