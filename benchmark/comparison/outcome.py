"""What a comparison found: a score per trial, and the differences to the reference sampler over the same seeds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.comparison.plan import Comparison, Trial
from benchmark.errors import UnknownName
from benchmark.execution.record import Damage
from benchmark.execution.store import Store
from benchmark.methods import title_of
from benchmark.specs.artefacts import PREDICTIONS
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Stage
from benchmark.specs.wording import counted_range
from benchmark.statistics import Estimate, Paired, mean_std, paired_difference, paired_means

if TYPE_CHECKING:
    import pandas

    from benchmark.comparison.report import Format

PURITY, ACCURACY = "purity", "accuracy"
WITHOUT_HELDOUT, BASE_RATE, CEILING = "purity_without_heldout", "base_rate", "ceiling"
BASE_WITHOUT = "base_rate_without_heldout"


@dataclass(frozen=True)
class Score:
    """One trial's numbers. Accuracies, purities and shares are percentages. `reason` says why there are none."""

    sampler: str
    budget: str | None
    target: str
    seed: int
    values: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    sources: Mapping[str, float] = field(default_factory=dict)
    stopped_by: str = ""
    picks_sha256: str = ""
    correct: NDArray[np.bool_] | None = None
    labels: NDArray[np.int32] | None = None
    metric: Metric = "top1"


@dataclass(frozen=True)
class Line:
    """One sampler at one budget on one target, over its seeds."""

    sampler: str
    budget: str | None
    target: str
    scores: tuple[Score, ...]

    def values(self, name: str) -> list[float]:
        """The values that there are, in the order of seeds."""
        return [score.values[name] for score in self.scores if name in score.values]

    def mean_std(self, name: str) -> tuple[float, float | None] | None:
        """Mean and standard deviation over seeds, None where a seed has no value."""
        values = self.values(name)
        return mean_std(values) if len(values) == len(self.scores) else None

    def difference(self, other: "Line", name: str) -> Estimate | None:
        """This line minus another one, paired; None where it cannot be had (a hole, or a single seed without items)."""
        mine, theirs = self.values(name), other.values(name)
        if len(mine) != len(theirs) or len(mine) < len(self.scores):
            return None
        if name == ACCURACY:
            return _paired_answers(self.scores, other.scores)
        return paired_means(mine, theirs) if len(mine) > 1 else None


def _paired_answers(mine: tuple[Score, ...], theirs: tuple[Score, ...]) -> Estimate | None:
    left, right = ([score.correct for score in scores] for scores in (mine, theirs))
    labels = mine[0].labels
    if labels is None or any(one is None for one in (*left, *right)):
        return None
    return paired_difference([Paired(np.array(left), np.array(right), labels, mine[0].metric)])


@dataclass(frozen=True)
class Outcome:
    """All lines of a comparison, and what its numbers rest on. `failed` are the keys of the stages that failed in this
    call, `written` the files that it wrote."""

    title: str
    reference: str
    lines: tuple[Line, ...]
    standins: bool
    seeds: tuple[int, ...]
    packages: Mapping[str, str]
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()

    def __getitem__(self, place: tuple[str, str | None, str]) -> Line:
        """The line of a sampler, a budget as it was given (None: without a coreset) and a target. UnknownName, with
        near names, for one that was not compared."""
        for line in self.lines:
            if (line.sampler, line.budget, line.target) == place:
                return line
        known = [" ".join(filter(None, (line.sampler, line.budget, line.target))) for line in self.lines]
        raise UnknownName("sampler, budget and target", " ".join(filter(None, place)), known)

    def to_pandas(self) -> "pandas.DataFrame":
        """All scores as a long and tidy data frame, a line per value: target, sampler, budget (none without a coreset),
        seed, measure, value, key of the stage that measured it, data ("stand-in" or "as found") and reason. A trial
        that failed has a line without a value."""
        # Imported here: the report imports this module.
        from benchmark.comparison.frame import outcome_frame

        return outcome_frame(self)

    def render(self, format: "Format" = "text") -> str:  # noqa: A002
        """The comparison as "text", "md", "csv" or "json". UnknownName for another format."""
        from benchmark.comparison.report import render

        return render(self, format)

    def reference_of(self, line: Line) -> Line | None:
        """The reference sampler's line at the same budget and target; None for itself and for rows without a budget."""
        for other in self.lines:
            if (other.sampler, other.budget, other.target) == (self.reference, line.budget, line.target):
                return None if other is line else other
        return None

    def has(self, name: str) -> bool:
        """Whether any line has a value of that name."""
        return any(line.values(name) for line in self.lines)


def collect(comparison: Comparison) -> Outcome:
    """The outcome of a comparison, from what its store holds."""
    store = Store(comparison.request.store)
    grouped: dict[tuple[str, str | None, str], list[Score]] = {}
    packages: dict[str, str] = {}
    for trial in comparison.trials():
        grouped.setdefault((trial.sampler, trial.budget, trial.target), []).append(_score(store, trial))
        for stage in trial.ends():
            packages |= store.record(stage).environment["packages"] if store.has(stage) else {}
    profile, data = comparison.planner.profile, comparison.data
    return Outcome(
        title=_title(comparison),
        reference=comparison.samplers[0].name,
        lines=tuple(Line(*place, tuple(scores)) for place, scores in grouped.items()),
        standins=profile.standins,
        seeds=comparison.seeds,
        packages=packages,
        notes=(
            *data.skipped(comparison.wanted),
            *data.count_differences(comparison.wanted),
            *data.leak_notes(comparison.targets, [comparison.request.openset], demanded=True),
        ),
    )


def _title(comparison: Comparison) -> str:
    """What the numbers rest on: profile, open-set, whose features, and what was trained by which recipe."""
    planner, frozen = comparison.planner, comparison.frozen
    recipe = planner.setup.recipe
    lengths = [planner.lengths(target).retrieval for target in comparison.targets]
    steps = counted_range((length.steps for length in lengths if isinstance(length, Steps)), "step")
    training = f"{title_of(recipe.method)} on {recipe.backbone.told}, {steps}"
    parts = [
        f"profile {planner.profile.name}",
        f"open-set {comparison.request.openset}",
        f"features of {f'an encoder pretrained on X ({training})' if frozen is None else frozen.description}",
    ]
    if comparison.request.train:
        parts.append(f"rows trained by {'the same recipe' if frozen is None else training}")
    return ", ".join(parts)


def _score(store: Store, trial: Trial) -> Score:
    place = (trial.sampler, trial.budget, trial.target, trial.seed)
    named = {name: getattr(trial, name) for name in _READERS}
    stages = {name: stage for name, stage in named.items() if stage is not None}
    missing = [stage for stage in stages.values() if not store.has(stage)]
    if missing:
        crashes = [crash.reason for stage in missing if (crash := store.crash(stage.key))]
        damaged = [str(damage) for stage in missing if (damage := store.damage(stage))]
        return Score(*place, reason=next(iter((*damaged, *crashes)), "not run"))
    try:
        return Score(*place, **_found(store, trial, stages))
    except Damage as damage:
        return Score(*place, reason=str(damage))


def _found(store: Store, trial: Trial, stages: dict[str, Stage]) -> dict[str, Any]:
    """The fields of a trial's score that its finished stages tell."""
    found: dict[str, Any] = {"values": {}, "keys": {name: stage.key for name, stage in stages.items()}}
    for name, stage in stages.items():
        record = store.record(stage)
        values, others = _READERS[name](record.metrics, record.info)
        found["values"] |= values
        found |= others
    if trial.evaluate is not None:
        with np.load(store.file(trial.evaluate, PREDICTIONS)) as arrays:
            found |= {"correct": arrays["predicted"] == arrays["labels"], "labels": arrays["labels"]}
    return found


Read = tuple[dict[str, float], dict[str, Any]]


def _of_sample(metrics: dict[str, Any], info: dict[str, Any]) -> Read:
    values = {"images": metrics["size"], "seconds": info["seconds"]}
    return values, {"stopped_by": metrics["stopped_by"], "picks_sha256": metrics["picks_sha256"]}


def _of_measure(metrics: dict[str, Any], info: dict[str, Any]) -> Read:
    values = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
    return values, {"sources": metrics.get("sources", {})}


def _of_purity(metrics: dict[str, Any], info: dict[str, Any]) -> Read:
    everything, without = metrics["all"], metrics.get("without_heldout")
    values = {PURITY: everything["purity"], BASE_RATE: everything["base_rate"], CEILING: everything["ceiling"]}
    if without is not None:
        values |= {WITHOUT_HELDOUT: without["purity"], BASE_WITHOUT: without["base_rate"]}
    return {name: 100 * value for name, value in values.items()}, {}


def _of_evaluate(metrics: dict[str, Any], info: dict[str, Any]) -> Read:
    return {ACCURACY: metrics["accuracy"]}, {"metric": metrics["metric"]}


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Read]] = {
    "sample": _of_sample,
    "measure": _of_measure,
    "purity": _of_purity,
    "evaluate": _of_evaluate,
}
