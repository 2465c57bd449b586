"""Differences between the rows of a table, paired over their seeds, and over test images where these are known."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.report.measures import values_of
from benchmark.report.run import Run
from benchmark.report.table import Difference, RowLabel
from benchmark.specs.cells import ACCURACY, CellMeasure, Layout
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
    if is_accuracy(measure):
        answers, references = (answers_of(runs, measure.part) for runs in (left, right))
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


def is_accuracy(measure: CellMeasure) -> bool:
    """Whether a measure is the share of test images that are classified right."""
    return measure.evaluated and measure.name.rpartition("/")[2] == ACCURACY.name


def answers_of(runs: Sequence[Run], part: str) -> Answers | None:
    """The answers of an evaluation to the test images by seed; None where no run keeps any."""
    known = [run for run in runs if part in run.predictions]
    if not known:
        return None
    correct = {run.seed: _correct(run, part) for run in known}
    return Answers(correct, known[0].predictions[part].labels, known[0].records[part].metrics["metric"])


def _correct(run: Run, part: str) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    predictions = run.predictions[part]
    return np.asarray(predictions.predicted == predictions.labels)
