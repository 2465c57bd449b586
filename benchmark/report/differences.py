"""Differences between the rows of a table, paired over their seeds, and over test images where these are known."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.report.measures import values_of
from benchmark.report.run import Run
from benchmark.report.table import Difference, RowLabel
from benchmark.specs.cells import CellMeasure, Layout
from benchmark.statistics import Estimate, paired_means

Runs = Mapping[tuple[str, str], Sequence[Run]]


def differences(layout: Layout, rows: Sequence[RowLabel], runs: Runs) -> Iterator[tuple[Difference, Estimate | float]]:
    """The difference of every row to every reference below the same heading, on every target, in every measure that is
    compared. None where one of the rows lacks a seed."""
    for row in rows:
        compared = [measure for measure in layout.measures_of(row.id) if measure.compared]
        for other in (one for one in rows if one.id in layout.references and one.id != row.id):
            for target in layout.columns if row.group == other.group else ():
                pair = [runs.get((one.id, target), ()) for one in (row, other)]
                for measure in compared:
                    difference = _difference(pair[0], pair[1], measure, layout)
                    if difference is not None:
                        yield (row.id, other.id, target, measure.name), difference


def _difference(
    left: Sequence[Run], right: Sequence[Run], measure: CellMeasure, layout: Layout
) -> Estimate | float | None:
    values, others = (_values(runs, measure, layout) for runs in (left, right))
    if not values or not others:
        return None
    answers, references = (answers_of(runs, measure) for runs in (left, right))
    if answers is not None and references is not None:
        target = left[0].target
        evidence = MeasuredEvidence({("row", target): answers, ("reference", target): references}, (target,))
        return evidence.difference("row", "reference", (target,), 0.95)
    return paired_means(values, others) if len(values) > 1 else values[0] - others[0]


def _values(runs: Sequence[Run], measure: CellMeasure, layout: Layout) -> list[float]:
    """The values of a measure in the order of seeds; none where a seed lacks it."""
    by_run = [values_of(run.records, layout.measures_of(run.row)).get(measure.name) for run in runs]
    values = [value for value in by_run if value is not None]
    return values if len(values) == len(by_run) else []


def answers_of(runs: Sequence[Run], measure: CellMeasure) -> Answers | None:
    """What the test images add to a measure, by seed; None where no run keeps it. Images without an outcome, whose
    number does not depend on the encoder, are left out. ValueError where runs leave out different ones."""
    name = measure.name.rpartition("/")[2]
    results = {run.seed: kept for run in runs if (kept := run.item_results.get(measure.part)) and name in kept.measures}
    if not results:
        return None
    first = next(iter(results.values()))
    by_seed = {seed: kept.points(name) for seed, kept in results.items()}
    known = ~np.isnan(first.points(name))
    if any(not np.array_equal(~np.isnan(points), known) for points in by_seed.values()):
        raise ValueError(f"seeds of {runs[0].row} have results of {name} for different test images")
    return Answers({seed: points[known] for seed, points in by_seed.items()}, first.labels[known], first.metric)
