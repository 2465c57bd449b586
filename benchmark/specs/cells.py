"""The cells of a table, the stages that they come from, and the layout that they are printed in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from benchmark.specs.base import Spec
from benchmark.specs.stages import Stage
from benchmark.specs.variants import Variant


@dataclass(frozen=True)
class Measure:
    """A number that a cell can hold: its name in records, how it is shown, and whether larger is better (None where
    neither is)."""

    name: str
    title: str
    unit: str = ""
    digits: int = 2
    larger_is_better: bool | None = True


class CellMeasure(Spec):
    """A measure of a table's cells. `name` is its name in data frames and files for programs; `part` is the stage of a
    cell that measures it. `compared`: the table shows differences of it between rows."""

    name: str
    title: str
    part: str
    unit: str = ""
    digits: int = 2
    compared: bool = False

    @property
    def evaluated(self) -> bool:
        """Whether an evaluation measures it."""
        return is_evaluation(self.part)


EVALUATE, PRETRAIN, SAMPLE, MEASURE, PURITY = "evaluate", "pretrain", "sample", "measure", "purity"
"""The parts of a cell: its stages that have numbers, by name."""


def evaluation_part(name: str) -> str:
    """The part of a second evaluation, by the evaluation's name."""
    return f"{EVALUATE}:{name}"


def is_evaluation(part: str) -> bool:
    """Whether a part of a cell is an evaluation."""
    return part.partition(":")[0] == EVALUATE


@dataclass(frozen=True)
class Cell:
    """One row on one target at one seed, and its stages: `parts`, by name. All have an evaluation or a sample."""

    variant: Variant
    target: str
    openset: str
    seed: int
    parts: Mapping[str, Stage]
    assumed: tuple[str, ...] = ()

    @property
    def evaluate(self) -> Stage | None:
        """The evaluation that a table shows."""
        return self.parts.get(EVALUATE)

    @property
    def pretrain(self) -> Stage | None:
        """The training of the row."""
        return self.parts.get(PRETRAIN)

    @property
    def sample(self) -> Stage | None:
        """The coreset."""
        return self.parts.get(SAMPLE)

    @property
    def purity(self) -> Stage | None:
        """The share of the coreset that is relevant, where labels say so."""
        return self.parts.get(PURITY)

    @property
    def last(self) -> Stage:
        """The stage that the cell is known by: its evaluation, or without one its coreset."""
        return self.parts[EVALUATE if EVALUATE in self.parts else SAMPLE]

    def ends(self) -> Iterator[Stage]:
        """The stages of this cell that no other stage of it uses."""
        yield from (stage for part, stage in self.parts.items() if is_evaluation(part) or part in (PURITY, MEASURE))


ACCURACY = CellMeasure(name="accuracy", title="accuracy", part=EVALUATE, unit="%", compared=True)
"""The measure of every table that asks for no other."""


def ordered(ends: Iterable[Stage]) -> tuple[Stage, ...]:
    """`ends` and all stages below them, each once, inputs before their users."""
    by_key: dict[str, Stage] = {}

    def visit(stage: Stage) -> None:
        if stage.key not in by_key:
            for needed in stage.stages():
                visit(needed)
            by_key[stage.key] = stage

    for end in ends:
        visit(end)
    return tuple(by_key.values())


@dataclass(frozen=True)
class Plan:
    """The requested cells, in table order."""

    cells: tuple[Cell, ...]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Every stage once, inputs before their users."""
        return ordered(end for cell in self.cells for end in cell.ends())

    @property
    def shared(self) -> int:
        """How many stage runs sharing saves: uses by cells minus stages."""
        return sum(len(Plan((cell,)).stages) for cell in self.cells) - len(self.stages)


class Layout(Spec):
    """The question behind a table: enough to build the table again from records.

    `evaluation` is the title of the first evaluation of all rows; empty where every row has the table's own.
    `measures` are those of a cell; without any it has the accuracy alone, beside what rows were trained on. `groups`
    has a heading for every row and its name below that heading; `references` are the rows that others of the same
    heading are compared with. `features` says what samplers see and what trains the rows. With several lengths of
    training, `lengths` has for every row its id without the length, and its optimiser steps; `steps` is the length of a
    table that was given one. `row_measures` is what the cells of each row show where rows have measures of their own.
    """

    later: ClassVar[tuple[str, ...]] = (
        "evaluation",
        "measures",
        "groups",
        "references",
        "features",
        "lengths",
        "row_measures",
    )

    table: str
    profile: str
    protocol: str
    openset: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, str, str, bool], ...]
    """(id, title, variant, control) of each."""
    seeds: tuple[int, ...]
    steps: int | None
    standins: bool
    verified_paper: bool
    notes: tuple[str, ...]
    evaluation: str = ""
    measures: tuple[CellMeasure, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    references: tuple[str, ...] = ()
    features: str = ""
    lengths: tuple[tuple[str, int], ...] = ()
    row_measures: tuple[CellMeasure, ...] = ()

    @property
    def evaluated(self) -> bool:
        """Whether cells show an evaluation."""
        return not self.measures or self.measures[0].evaluated

    def measures_of(self, row: str) -> tuple[CellMeasure, ...]:
        """The measures of a row's cells by the row's id; the one that a cell shows comes first."""
        if not self.row_measures:
            return self.measures or (ACCURACY,)
        place = [name for name, *_ in self.rows].index(row)
        return (self.row_measures[place], *(one for one in self.measures if not one.evaluated))

    def main_of(self, row: str) -> CellMeasure | None:
        """The measure that a cell of the row shows; None where nothing is evaluated."""
        return self.measures_of(row)[0] if self.evaluated else None


@dataclass(frozen=True)
class TableCells:
    """A table that is planned, as values: all that a report needs beside the store.

    `cells` are by (row id, target, seed). `obstacles` says, by (row id, target), why a cell is not measured.
    """

    layout: Layout
    cells: Mapping[tuple[str, str, int], Cell]
    obstacles: Mapping[tuple[str, str], str]
