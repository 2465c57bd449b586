"""The verb `compare`: a sampling method beside others."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import field, frozen

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._query import ENCODER_FORMS, MachineOptions, question_of, takes
from benchmark.commands.plan import show_plan
from benchmark.commands.reproduce import show
from benchmark.planning.query import Query, SharedOptions, described, shared
from benchmark.planning.values import names, texts

if TYPE_CHECKING:
    from benchmark.report.measured import MeasuredTable

ALL = "all"


@frozen(slots=False)
class ComparedSamplers(MachineOptions, SharedOptions):
    """A question to a comparison of samplers."""

    target: tuple[str, ...] = field(converter=names, metadata=described("names of targets"))
    sampler: tuple[str, ...] = field(
        converter=names, metadata=described("as in `sample`; `all` means all of `list samplers`")
    )
    against: tuple[str, ...] = field(
        default=None, kw_only=True, converter=names, metadata=described("default: simcore random")
    )
    budget: tuple[str, ...] = field(
        default=None, kw_only=True, converter=texts, metadata=described("1% 5% stop; default: 1% 5%")
    )
    train: bool = field(
        default=False, kw_only=True, metadata=described("also pretrain on X and every coreset, and evaluate")
    )
    encoder: str | None = field(default=None, kw_only=True, metadata=described(ENCODER_FORMS))

    @property
    def query(self) -> Query:
        """The rows of Table 2's layout that are measured."""
        from benchmark.planning.names import coreset_variant
        from benchmark.specs.variants import PRETRAINED

        held = list(_samplers(self.against or ("simcore", "random")))
        samplers = list(dict.fromkeys([*held, *_samplers(self.sampler)]))
        budgets, encoder = self.budget or ("1%", "5%"), self.encoder or PRETRAINED
        rows = {(one, size): coreset_variant(one, size, encoder).name for size in budgets for one in samplers}
        whole = ["X", *([f"@{encoder}"] if self.encoder else [])] if self.train else []
        return Query(
            "2",
            protocol="clean",
            targets=self.target,
            rows=[*whole, *rows.values()],
            train=self.train,
            coreset_metrics=True,
            references=[rows[one, size] for one in held for size in budgets],
            **shared(self, SharedOptions),
        )


def _samplers(given: Sequence[str]) -> Iterator[str]:
    from baselines import SAMPLERS

    for text in given:
        yield from SAMPLERS if text == ALL else [text]


@takes(ComparedSamplers)
def compare(question: ComparedSamplers) -> "MeasuredTable":
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

    return measure(PlannedTable(question.query), question.machine)


@with_options_of(compare)
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

        question = question_of(ComparedSamplers, **work.keywords)
        show_plan(planned_run(PlannedTable(question.query)))
        return
    raise typer.Exit(1 if show(work, format_, save).failed else 0)
