"""The verb `compare`: a sampling method beside others."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._values import PathLike, machine_of, names, query_of
from benchmark.commands.plan import show_plan
from benchmark.commands.reproduce import show

if TYPE_CHECKING:
    from benchmark.planning.query import Query
    from benchmark.report.measured import MeasuredTable

ALL = "all"
MACHINE = ("device", "jobs", "run_on")
"""Options that say where a comparison runs and not what it is."""


def compare(
    target: str | Sequence[str],
    sampler: str | Sequence[str],
    against: str | Sequence[str] | None = None,
    openset: str = "imagenet",
    budget: str | Sequence[str] | None = None,
    seeds: int | Sequence[int] | None = None,
    train: bool = False,
    evaluation: str | Sequence[str] | None = None,
    encoder: str | None = None,
    profile: str = "smoke",
    steps: int | Sequence[int] | None = None,
    precision: str | None = None,
    data_root: PathLike | None = None,
    store: PathLike = "runs",
    device: str = "auto",
    jobs: int | None = None,
    run_on: str = "local",
    without_leaks: bool = False,
) -> "MeasuredTable":
    """A sampling method beside others (`against`: "simcore" and "random" by default): coreset metrics, and with `train`
    the accuracies of full trainings, per cent, or what `evaluation` names.

    A sampler is a name of `list samplers`, "pkg.module:Class", "file.py:Class" or a file of ids; "all" stands for all
    of the list. A `budget` is a share of the open-set ("5%"), a number of images ("100") or "stop"; 1% and 5% by
    default. The other options are those of `reproduce`: a comparison is a table of the rows "X+SAMPLER(BUDGET)", whose
    differences to the rows of `against` it shows. A sampler that fails does not raise: its cells say why, and `failed`
    holds the keys of its stages.

    Raises UserError, before anything runs, for a name that is unknown and for options or data that cannot be used.
    """
    from benchmark.commands._measure import measure
    from benchmark.planning.planned_table import PlannedTable

    question = comparison(
        target, sampler, against, openset, budget, seeds, train, evaluation, encoder, profile, steps, precision,
        data_root, store, without_leaks,
    )  # fmt: skip
    return measure(PlannedTable(question), machine_of(device, jobs, run_on))


def comparison(
    target: str | Sequence[str],
    sampler: str | Sequence[str],
    against: str | Sequence[str] | None,
    openset: str,
    budget: str | Sequence[str] | None,
    seeds: int | Sequence[int] | None,
    train: bool,
    evaluation: str | Sequence[str] | None,
    encoder: str | None,
    profile: str,
    steps: int | Sequence[int] | None,
    precision: str | None,
    data_root: PathLike | None,
    store: PathLike,
    without_leaks: bool,
) -> "Query":
    """A comparison as a question: the rows of Table 2's layout that `compare` with these options measures."""
    from dataclasses import replace

    from benchmark.planning.names import coreset_variant
    from benchmark.specs.variants import PRETRAINED

    held = list(_samplers(names(against) or ("simcore", "random")))
    samplers = list(dict.fromkeys([*held, *_samplers(names(sampler))]))
    budgets = names(budget) or ("1%", "5%")
    rows = {(one, size): coreset_variant(one, size, encoder or PRETRAINED).name for size in budgets for one in samplers}
    whole = ["X", *([f"@{encoder}"] if encoder else [])] if train else []
    training = (steps, None, None, None, precision)
    chosen = ("2", profile, "clean", target, [*whole, *rows.values()], openset, seeds, False)
    question = query_of(*chosen, *training, data_root, store, evaluation, train, True, without_leaks)
    return replace(question, references=tuple(rows[one, size] for one in held for size in budgets))


def _samplers(texts: Sequence[str]) -> Iterator[str]:
    from baselines import SAMPLERS

    for text in texts:
        yield from SAMPLERS if text == ALL else [text]


@with_options_of(
    compare,
    target=Annotated[list[str], typer.Option("--target", help="names of targets")],
    sampler=Annotated[list[str], typer.Option("--sampler", help="as in `sample`; `all` means all of `list samplers`")],
    against=Annotated[list[str] | None, typer.Option("--against", help="default: simcore random")],
    openset=Annotated[str, typer.Option("--openset", help="the pool")],
    budget=Annotated[list[str] | None, typer.Option("--budget", help="1% 5% stop; default: 1% 5%")],
    train=Annotated[bool, typer.Option("--train", help="also pretrain on X and every coreset, and evaluate")],
)
def verb(
    work: "partial[MeasuredTable]",
    format_: Format = "text",
    save: Save = None,
    plan: Annotated[bool, typer.Option("--plan", help="show what would run and cost, and run nothing")] = False,
) -> None:
    """A sampling method beside SimCore and other baselines: coreset metrics, and with --train the full cells."""
    if plan:
        from benchmark.commands._planned_run import planned_run
        from benchmark.planning.planned_table import PlannedTable

        question = {name: value for name, value in work.keywords.items() if name not in MACHINE}
        show_plan(planned_run(PlannedTable(comparison(**question))))
        return
    raise typer.Exit(1 if show(work, format_, save).failed else 0)
