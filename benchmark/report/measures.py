"""The numbers of a cell, read from the records of its parts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmark.execution.record import Record
from benchmark.specs.cells import ACCURACY, EVALUATE, MEASURE, PRETRAIN, PURITY, SAMPLE, CellMeasure, is_evaluation

CORESET_MEASURES = (
    CellMeasure(name="images", title="images", part=SAMPLE, digits=0),
    CellMeasure(name="purity", title="purity", part=PURITY, unit="%", digits=1, compared=True),
    CellMeasure(name="purity_without_heldout", title="no held-out", part=PURITY, unit="%", digits=1),
    CellMeasure(name="target_to_picks", title="X to picks", part=MEASURE, digits=3),
    CellMeasure(name="picks_to_target", title="picks to X", part=MEASURE, digits=3),
    CellMeasure(name="coverage_radius", title="radius", part=MEASURE, digits=3),
    CellMeasure(name="density", title="density", part=MEASURE),
    CellMeasure(name="coverage", title="coverage", part=MEASURE, digits=3),
    CellMeasure(name="mmd2", title="MMD²", part=MEASURE, digits=4),
    CellMeasure(name="near_duplicates", title="near-dup.", part=MEASURE, digits=3),
    CellMeasure(name="seconds", title="seconds", part=SAMPLE),
)
"""What a table shows of coresets; data frames and files for programs have all that the records hold."""

LEGEND = (
    "X to picks, picks to X: mean cosine to the nearest row of the other (the first is SimCore's equation 2, a mean); "
    "radius: largest cosine distance from X to the picks; density, coverage: Naeem et al. 2020; MMD²: KID's kernel; "
    "near-dup.: share of picks with another pick above cosine 0.95; seconds: the sampler alone."
)
TRAINING_SECONDS = "training_seconds"
"""Seconds that a row was trained for, over all resumptions."""
OF_POOL = ("base_rate", "ceiling", "base_rate_without_heldout")
"""Numbers of the pool at a coreset's size, whatever was picked."""


def values_of(records: Mapping[str, Record], measures: tuple[CellMeasure, ...]) -> dict[str, float]:
    """All numbers of a cell by name. Accuracies, purities and base rates are per cent, cosines and shares are not."""
    values: dict[str, float] = {}
    for measure in measures:
        record = records.get(measure.part)
        if measure.evaluated and record is not None and measure.name.rpartition("/")[2] in record.metrics:
            values[measure.name] = record.metrics[measure.name.rpartition("/")[2]]
    for part, record in records.items():
        if not is_evaluation(part):
            values |= dict(_READERS[part](record))
    return values


def items_of(records: Mapping[str, Record], part: str) -> int | None:
    """The number of images that a part's numbers are a mean over: test images, or picks."""
    if is_evaluation(part):
        return records[part].metrics.get("n")
    return int(records[SAMPLE].metrics["size"]) if part == PURITY else None


def part_of(name: str, measures: tuple[CellMeasure, ...]) -> str:
    """The part of a cell that a number is from, by the name that `values_of` gives it."""
    known = {measure.name: measure.part for measure in (*measures, *CORESET_MEASURES)}
    own = dict.fromkeys(("samples_seen", "exposures", TRAINING_SECONDS), PRETRAIN) | dict.fromkeys(OF_POOL, PURITY)
    return ({ACCURACY.name: EVALUATE} | own | known).get(name, MEASURE)


Values = Iterator[tuple[str, float]]


def _of_pretrain(record: Record) -> Values:
    yield "samples_seen", record.metrics["samples"]
    if record.metrics["exposures_of_target"] is not None:
        yield "exposures", record.metrics["exposures_of_target"]
    if "seconds" in record.metrics:
        yield TRAINING_SECONDS, record.metrics["seconds"]


def _of_sample(record: Record) -> Values:
    yield "images", record.metrics["size"]
    if "seconds" in record.info:
        yield "seconds", record.info["seconds"]


def _of_measure(record: Record) -> Values:
    yield from ((name, value) for name, value in record.metrics.items() if isinstance(value, int | float))


def _of_purity(record: Record) -> Values:
    everything, without = record.metrics["all"], record.metrics.get("without_heldout")
    yield from ((name, 100 * everything[name]) for name in ("purity", "base_rate", "ceiling"))
    if without is not None:
        yield from ((f"{name}_without_heldout", 100 * without[name]) for name in ("purity", "base_rate"))


_READERS: dict[str, Callable[[Record], Values]] = {
    PRETRAIN: _of_pretrain,
    SAMPLE: _of_sample,
    MEASURE: _of_measure,
    PURITY: _of_purity,
}


def facts_of(records: Mapping[str, Record]) -> dict[str, Any]:
    """What the records say of a coreset that is no number: what ended it, which picks it has, from which sources."""
    sample, measure = records.get(SAMPLE), records.get(MEASURE)
    facts: dict[str, Any] = {"keys": {part: record.key for part, record in records.items()}}
    if sample is not None:
        facts |= {name: sample.metrics[name] for name in ("stopped_by", "picks_sha256")}
    return facts | ({} if measure is None else {"sources": measure.metrics.get("sources", {})})
