"""A comparison as a data frame."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.comparison.outcome import (
    ACCURACY,
    BASE_RATE,
    BASE_WITHOUT,
    CEILING,
    PURITY,
    WITHOUT_HELDOUT,
    Outcome,
    Score,
)
from benchmark.report.frames import tidy

if TYPE_CHECKING:
    import pandas

_STAGES = {ACCURACY: "evaluate", "images": "sample", "seconds": "sample"} | dict.fromkeys(
    (PURITY, BASE_RATE, CEILING, WITHOUT_HELDOUT, BASE_WITHOUT), "purity"
)
"""The stage that a value comes from; the others come from "measure"."""

_COLUMNS: Mapping[str, str] = {
    "target": "string",
    "sampler": "string",
    "budget": "string",
    "seed": "int64",
    "measure": "string",
    "value": "float64",
    "key": "string",
    "data": "string",
    "reason": "string",
}


@dataclass(frozen=True)
class _Value:
    target: str
    sampler: str
    budget: str | None
    seed: int
    measure: str | None
    value: float | None
    key: str | None
    data: str
    reason: str


def outcome_frame(outcome: Outcome) -> "pandas.DataFrame":
    """A line per value of every trial; of a trial without values one line, which says why."""
    data = "stand-in" if outcome.standins else "as found"
    scores = (score for line in outcome.lines for score in line.scores)
    return tidy((value for score in scores for value in _values(score, data)), _COLUMNS)


def _values(score: Score, data: str) -> Iterator[_Value]:
    place = (score.target, score.sampler, score.budget, score.seed)
    if not score.values:
        yield _Value(*place, None, None, None, data, score.reason)
    for measure, value in score.values.items():
        yield _Value(*place, measure, value, score.keys.get(_STAGES.get(measure, "measure")), data, score.reason)
