"""The verb `compare`: a sampling method beside others."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import field, frozen

from benchmark.commands._options import Format, Save, with_options_of
from benchmark.commands._query import ENCODER_FORMS, MachineOptions, question_of, takes
from benchmark.commands.plan import show_plan
from benchmark.commands.reproduce import show
from benchmark.errors import UserError
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
        default=None, converter=names, metadata=described("as in `sample`; `all` means all of `list samplers`")
    )
    selection: tuple[str, ...] = field(
        default=None,
        kw_only=True,
        converter=names,
        metadata=described("lists of picks, beside --sampler or in its place"),
    )
    against: tuple[str, ...] = field(
        default=None, kw_only=True, converter=names, metadata=described("default: simcore random")
    )
    budget: tuple[str, ...] = field(
        default=None,
        kw_only=True,
        converter=texts,
        metadata=described("1% 5% stop; default: 1% 5%, and of a list its own size"),
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

        held, encoder = list(_samplers(self.against or ("simcore", "random"))), self.encoder or PRETRAINED
        compared = self._compared()
        rows = {
            (one, size): coreset_variant(one, size, encoder).name
            for size, samplers in compared.items()
            for one in dict.fromkeys([*held, *samplers])
        }
        whole = ["X", *([f"@{encoder}"] if self.encoder else [])] if self.train else []
        return Query(
            "2",
            protocol="clean",
            targets=self.target,
            rows=[*whole, *rows.values()],
            train=self.train,
            coreset_metrics=True,
            references=[rows[one, size] for one in held for size in compared],
            **shared(self, SharedOptions),
        )

    def _compared(self) -> dict[str, list[str]]:
        """The samplers of every budget. A list of picks has its own size where no budget is given. UserError where
        nothing is to be compared."""
        from benchmark.planning.names import listed_sampler
        from benchmark.stages.sample.id_list import read_ids

        samplers, lists = list(_samplers(self.sampler)), [listed_sampler(one) for one in self.selection]
        if not samplers + lists:
            raise UserError("there is nothing to compare: give --sampler or --selection")
        if self.budget:
            return {size: [*samplers, *lists] for size in self.budget}
        compared = {size: list(samplers) for size in ("1%", "5%") if samplers}
        for one in lists:
            compared.setdefault(str(len(read_ids(Path(one)).ids)), []).append(one)
        return compared


def _samplers(given: Sequence[str]) -> Iterator[str]:
    from baselines import SAMPLERS

    for text in given:
        yield from SAMPLERS if text == ALL else [text]


@takes(ComparedSamplers)
def compare(question: ComparedSamplers) -> "MeasuredTable":
    """A sampling method beside others (`against`: "simcore" and "random" by default): coreset metrics, and with `train`
    the accuracies of full trainings, per cent, or what `evaluation` names.

    A sampler is a name of `list samplers`, "pkg.module:Class" or "file.py:Class"; "all" stands for all of the list.
    `selection` names files of picks; without a budget each is compared at its own size. A `budget` is a share of the
    open-set ("5%"), a number of images ("100") or "stop"; 1% and 5% by default. The other options are those of
    `reproduce`: a comparison is a table of the rows "X+SAMPLER(BUDGET)", whose differences to the rows of `against` it
    shows. A sampler that fails does not raise: its cells say why, and `failed` holds the keys of its stages.

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
