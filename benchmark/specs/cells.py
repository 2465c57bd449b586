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


@dataclass(frozen=True)
class Cell:
    """One number of a table and the stages that it comes from."""

    variant: Variant
    target: str
    openset: str
    seed: int
    evaluate: Stage
    pretrain: Stage
    sample: Stage | None
    purity: Stage | None
    assumed: tuple[str, ...]

    def ends(self) -> Iterator[Stage]:
        """The stages of this cell that no other stage of it uses."""
        yield self.evaluate
        if self.purity:
            yield self.purity


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

    `evaluation` is the title of the one evaluation of all rows; empty where every row has the table's own.
    """

    later: ClassVar[tuple[str, ...]] = ("evaluation",)

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


@dataclass(frozen=True)
class TableCells:
    """A table that is planned, as values: all that a report needs beside the store.

    `cells` are by (row id, target, seed). `obstacles` says, by (row id, target), why a cell is not measured.
    """

    layout: Layout
    cells: Mapping[tuple[str, str, int], Cell]
    obstacles: Mapping[tuple[str, str], str]
