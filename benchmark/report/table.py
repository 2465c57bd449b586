"""A measured table as values: cells with their states, row means that refuse holes, comparisons, claims.

A difference to the published number and a verdict exist only for cells of the paper profile on verified data that rest
on no assumed field; everything else is a number of its own. Without a tolerance of the table there is no verdict.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Literal, Self

from pydantic import Field, model_validator

from benchmark.published.claims import Claim, ClaimResult, Evidence, PublishedEvidence, evaluate
from benchmark.published.tables import Table, Tolerance
from benchmark.specs.base import Spec
from benchmark.specs.cells import CellMeasure
from benchmark.specs.wording import counted
from benchmark.statistics import Estimate, binomial_error, mean_std

State = Literal["measured", "missing", "failed", "skipped"]
Mark = Literal["s", "a", "i"]


class SeedResult(Spec):
    """One run. `value` is what the table's cells show, per cent; None where nothing is evaluated. `values` are all its
    numbers by name (`benchmark.report.measures`). `method` (a title), `network` (a name), `steps` (of the optimiser)
    and `openset` say what was trained on what: `openset` is "" without one, None where the record does not name it.
    `stopped_by`, `picks_sha256` and `sources` (shares by source) are of its coreset; `keys` are those of its stages."""

    seed: int
    value: float | None = Field(default=None, ge=0, le=100)
    values: Mapping[str, int | float] = {}
    method: str | None = None
    network: str | None = None
    steps: int | None = None
    openset: str | None = None
    stopped_by: str = ""
    picks_sha256: str = ""
    sources: Mapping[str, float] = {}
    keys: Mapping[str, str] = {}


class CellResult(Spec):
    """One cell. A measured cell has `runs`, and `absent` names the seeds that were asked for and have none.

    `n` is the number of test images. `verified_paper` says: paper profile, on data whose counts are the paper's.
    `assumed` names the fields that the number rests on and the paper does not state. `reason` says why a cell failed
    or was skipped.
    """

    row: str
    target: str
    state: State
    runs: tuple[SeedResult, ...] = ()
    absent: tuple[int, ...] = ()
    n: int | None = None
    standin: bool = False
    verified_paper: bool = False
    assumed: tuple[str, ...] = ()
    reason: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.state == "measured") != bool(self.runs):
            raise ValueError(f"cell ({self.row}, {self.target}) is {self.state} with {len(self.runs)} runs")
        if len({run.seed for run in self.runs}) != len(self.runs):
            raise ValueError(f"cell ({self.row}, {self.target}) has a seed twice")
        if self.standin and self.verified_paper:
            raise ValueError(f"cell ({self.row}, {self.target}) cannot be of stand-in images and of verified data")
        return self

    @cached_property
    def mean_std(self) -> tuple[float, float | None]:
        """Mean and standard deviation over the seeds, per cent; ValueError if nothing is evaluated."""
        return mean_std([run.value for run in self.runs if run.value is not None])

    def mean_std_of(self, name: str) -> tuple[float, float | None] | None:
        """Mean and standard deviation over the seeds of a number by name; None unless every seed has it."""
        values = [run.values[name] for run in self.runs if name in run.values]
        return mean_std(values) if values and len(values) == len(self.runs) and not self.absent else None

    @property
    def data(self) -> str:
        """Which images the cell is measured on: "stand-in", "verified" or "as found"; empty where it is not."""
        if not self.runs:
            return ""
        return "stand-in" if self.standin else "verified" if self.verified_paper else "as found"

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What a reader must know beside the number: stand-in images (s), assumed fields (a), incomplete seeds (i)."""
        marks: tuple[tuple[Mark, object], ...] = (("s", self.standin), ("a", self.assumed), ("i", self.absent))
        return tuple(mark for mark, applies in marks if applies) if self.runs else ()


@dataclass(frozen=True)
class RowLabel:
    """A row of the report. Controls stand outside the published rows. `short` is its name below the heading `group`,
    where a table has such headings. In a table of several lengths of training, `length` is the row's, in optimiser
    steps, and `base_row` is its id without the length."""

    id: str
    title: str
    variant: str
    control: bool = False
    group: str = ""
    short: str = ""
    base_row: str = ""
    length: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Measured minus published, in points, and the tolerance, in points; None where the table has none."""

    difference: float
    tolerance: float | None

    @property
    def reproduced(self) -> bool | None:
        """Whether the difference is within the tolerance; None, which is no verdict, where there is no tolerance."""
        return None if self.tolerance is None else abs(self.difference) <= self.tolerance

    @property
    def verdict(self) -> str:
        """In words; empty where there is none."""
        return {True: "reproduced", False: "not reproduced", None: ""}[self.reproduced]


Difference = tuple[str, str, str, str]
"""Row, the row that it is compared with, target, name of the measure."""


@dataclass(frozen=True)
class RowMean:
    """A row's mean over the columns, per cent, or why there is none. `std` is over seeds that all cells share."""

    mean: float | None
    std: float | None = None
    marks: tuple[Mark, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdicts on the published and on the measured values, those of `length` in a table of several
    lengths of training."""

    claim: Claim
    published: ClaimResult
    measured: ClaimResult
    length: int | None = None

    @property
    def sentence(self) -> str:
        """What is claimed; with the length, where it is judged at one of several."""
        at = "" if self.length is None else f"At {counted(self.length, 'step')}: "
        return at + self.claim.sentence


def judge(
    table: Table, rows: Container[str], items: Mapping[str, int], measured: Evidence, length: int | None = None
) -> tuple[JudgedClaim, ...]:
    """The claims of `table` on two of `rows`, on its own values (`items`: test images by target) and on `measured`, the
    values of rows of `length`."""
    published = PublishedEvidence(table.cells(), items, table.columns)
    applicable = [claim for claim in table.claims if claim.left in rows and claim.right in rows]
    return tuple(
        JudgedClaim(claim, evaluate(claim, published), evaluate(claim, measured), length) for claim in applicable
    )


def tolerance_points(tolerance: Tolerance, percent: float, n: int) -> float:
    """How far, in points, a measured value may lie from a published one of `percent` on `n` test images."""
    quantile = NormalDist().inv_cdf((1 + tolerance.confidence) / 2)
    return math.hypot(quantile * binomial_error(percent, n), tolerance.allowance)


@dataclass(frozen=True)
class TableResult:
    """What a run measured of `table`, for the targets `columns` (which need not be the table's) and `rows` in order.
    `openset` names the pool that was measured with, in words where rows differ in it. `evaluation` is the title of the
    evaluation, empty for the table's own. `measures`, where there are any, are those that every target's own table
    shows; rows are compared with those of the same heading among `references`. `differences` are paired over seeds;
    of a single seed without test items they are plain numbers. `features` says what samplers saw.

    A cell that is not in `cells` is missing. ValueError if a cell stands twice, or in no row or column, or if claims
    are judged beside stand-in images.
    """

    table: Table
    profile: str
    protocol: str
    openset: str
    columns: tuple[str, ...]
    rows: tuple[RowLabel, ...]
    cells: Sequence[CellResult]
    claims: tuple[JudgedClaim, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    evaluation: str = ""
    measures: tuple[CellMeasure, ...] = ()
    references: tuple[str, ...] = ()
    differences: Mapping[Difference, Estimate | float] = field(default_factory=dict)
    features: str = ""
    _cells: dict[tuple[str, str], CellResult] = field(init=False, repr=False)
    _published: dict[tuple[str, str], float] = field(init=False, repr=False)
    _base_rows: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows = {row.id for row in self.rows}
        cells = {(cell.row, cell.target): cell for cell in self.cells}
        if len(cells) != len(self.cells):
            raise ValueError("a cell stands twice")
        for row, target in cells:
            if row not in rows or target not in self.columns:
                raise ValueError(f"the cell ({row}, {target}) belongs to no row and column")
        if self.claims and any(cell.standin for cell in self.cells):
            raise ValueError("no claim can be judged on stand-in images")
        object.__setattr__(self, "_cells", cells)
        object.__setattr__(self, "_published", self.table.cells())
        object.__setattr__(self, "_base_rows", {row.id: row.base_row or row.id for row in self.rows})

    def cell(self, row: str, target: str) -> CellResult:
        """The cell, "missing" if nothing is known of it."""
        return self._cells.get((row, target)) or CellResult(row=row, target=target, state="missing")

    def row_cells(self, row: str) -> list[CellResult]:
        """The row's cells in column order."""
        return [self.cell(row, target) for target in self.columns]

    def row_name(self, row: RowLabel) -> str:
        """The row's title, with the name to type beside it."""
        return self.table.row_name(row.base_row or row.id, row.variant, row.title)

    def title(self, row: str) -> str:
        """The title of a row by its id, with or without its length of training; of a published row that is not shown
        too."""
        titles = {one.id: one.title for one in self.table.rows}
        for one in self.rows:
            at = "" if one.length is None else f", at {counted(one.length, 'step')}"
            titles |= {one.base_row or one.id: one.title.removesuffix(at), one.id: one.title}
        return titles.get(row, row)

    @property
    def all_cells(self) -> list[CellResult]:
        """Every cell, row by row."""
        return [cell for row in self.rows for cell in self.row_cells(row.id)]

    @property
    def evaluated(self) -> bool:
        """Whether cells show an evaluation."""
        return not self.measures or self.measures[0].evaluated

    @property
    def has_means(self) -> bool:
        """Whether rows have a mean: over a single column it would be that column again."""
        return self.evaluated and len(self.columns) > 1

    @property
    def ordered_rows(self) -> list[RowLabel]:
        """The rows, those that others are compared with first."""
        known = self.references
        return sorted(self.rows, key=lambda row: known.index(row.id) if row.id in known else len(known))

    def references_of(self, row: RowLabel) -> list[RowLabel]:
        """The rows that `row` is compared with."""
        same = [one for one in self.rows if one.group == row.group and one.id != row.id]
        return [one for name in self.references for one in same if one.id == name]

    @property
    def standins(self) -> bool:
        """Whether any number is of stand-in images."""
        return any(cell.standin for cell in self.all_cells)

    def published(self, row: str, target: str) -> float | None:
        """The published value, None where there is none."""
        return self._published.get((self.base_row(row), target))

    def base_row(self, row: str) -> str:
        """The id of a row without its length of training."""
        return self._base_rows.get(row, row)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of training that rows are compared at, in optimiser steps; none where there are no several."""
        return tuple(dict.fromkeys(row.length for row in self.rows if row.length is not None))

    def assumed(self, row: str, target: str) -> tuple[str, ...]:
        """The fields that the cell, its published row or the table rest on without the source stating them."""
        base = self.base_row(row)
        own = (*self.table.assumed, *(name for r in self.table.rows if r.id == base for name in r.assumed))
        return (*self.cell(row, target).assumed, *own)

    def compare(self, row: str, target: str) -> Comparison | None:
        """The comparison with the published value; None unless the cell is measured, of the paper profile on verified
        data, complete, and rests on no assumed field."""
        cell, published = self.cell(row, target), self.published(row, target)
        if published is None or cell.n is None or not cell.runs or cell.absent or not self.evaluated:
            return None
        if not cell.verified_paper or self.assumed(row, target):
            return None
        tolerance = self.table.tolerance
        points = None if tolerance is None else tolerance_points(tolerance, published, cell.n)
        return Comparison(cell.mean_std[0] - published, points)

    def published_mean(self, row: str) -> float | None:
        """Mean of the published row over the columns; None if one of them has no published value."""
        values = [value for target in self.columns if (value := self.published(row, target)) is not None]
        return sum(values) / len(values) if values and len(values) == len(self.columns) else None

    def row_mean(self, row: str) -> RowMean:
        """The measured row's mean over the columns; refused if a cell or one of its seeds is not measured."""
        cells = self.row_cells(row)
        holes = [f"{cell.target} {cell.state}" for cell in cells if not cell.runs]
        holes += [f"{cell.target} without seed {seed}" for cell in cells for seed in cell.absent]
        if holes or not cells or not self.evaluated:
            return RowMean(None, reason=", ".join(holes) or "no columns")
        marks = tuple(sorted({mark for cell in cells for mark in cell.marks}))
        mean = sum(cell.mean_std[0] for cell in cells) / len(cells)
        seeds = [{run.seed: run.value for run in cell.runs if run.value is not None} for cell in cells]
        if any(values.keys() != seeds[0].keys() for values in seeds):
            return RowMean(mean, marks=marks)
        per_seed = [sum(values[seed] for values in seeds) / len(seeds) for seed in seeds[0]]
        return RowMean(mean, mean_std(per_seed)[1], marks)
