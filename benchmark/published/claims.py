"""The paper's sentences as data, and their verdicts by confidence interval on published or measured numbers.

Verdicts are taken at the two-sided confidence level: a one-sided p-value counts below (1 - confidence) / 2, so that for
a single target "held" is the same as an interval above zero. "On every target" uses Holm's adjustment over the targets
in either direction: held if every target is above zero, contradicted if any is below, undecided otherwise.

numpy and scipy are imported late: tables, which hold claims, load without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field

from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.statistics import Estimate, Labels


Verdict = Literal["held", "contradicted", "undecided", "missing"]
Kind = Literal["published", "measured"]


@dataclass(frozen=True)
class TargetDetail:
    """One target's difference, left minus right. `p_holm` adjusts `estimate.p_greater`, `p_less_holm` the reverse."""

    target: str
    estimate: "Estimate"
    p_holm: float
    p_less_holm: float
    verdict: Verdict


@dataclass(frozen=True)
class ClaimResult:
    """A claim's verdict on one kind of evidence, over `targets`.

    `overall` is the mean difference over the targets, None for "on every target". `missing` lists the (row, target)
    pairs without a number; if there are any the verdict is "missing" and nothing was computed.
    """

    claim: str
    evidence: Kind
    verdict: Verdict
    targets: tuple[str, ...]
    details: tuple[TargetDetail, ...] = ()
    overall: "Estimate | None" = None
    missing: tuple[tuple[str, str], ...] = ()


# Claims --------------------------------------------------------------------------------------------------------------
class _Comparison(Spec):
    """Rows `left` and `right` compared over `targets` (none named: every target of the evidence)."""

    id: str
    sentence: str
    source: str
    left: str
    right: str
    targets: tuple[str, ...] = ()

    def overall(self, details: Sequence[TargetDetail]) -> "Estimate | None":
        """The estimate of the mean difference over the targets, if the claim is about it."""
        from benchmark.statistics import mean_estimate

        return mean_estimate([detail.estimate for detail in details])


class BetterOnEveryTarget(_Comparison):
    """`left` is more accurate than `right` on every target."""

    kind: Literal["better_on_every_target"] = "better_on_every_target"

    def overall(self, details: Sequence[TargetDetail]) -> "Estimate | None":
        """None: the claim is not about the mean."""
        return None

    def verdict(self, details: Sequence[TargetDetail], overall: "Estimate | None") -> Verdict:
        """By the Holm-adjusted verdicts of the targets."""
        verdicts = {detail.verdict for detail in details}
        if "contradicted" in verdicts:
            return "contradicted"
        return "held" if verdicts == {"held"} else "undecided"


class BetterOnAverage(_Comparison):
    """The unweighted mean over the targets of `left` minus `right` is above zero."""

    kind: Literal["better_on_average"] = "better_on_average"

    def verdict(self, details: Sequence[TargetDetail], overall: "Estimate | None") -> Verdict:
        """By the interval of the mean difference."""
        assert overall is not None
        return "held" if overall.low > 0 else "contradicted" if overall.high < 0 else "undecided"


class MeanGain(_Comparison):
    """The mean difference is `gain` points, give or take `tolerance` points."""

    kind: Literal["mean_gain"] = "mean_gain"
    gain: float
    tolerance: float = Field(gt=0)

    def verdict(self, details: Sequence[TargetDetail], overall: "Estimate | None") -> Verdict:
        """Held if the interval lies within gain +- tolerance, contradicted if it lies outside altogether."""
        assert overall is not None
        low, high = self.gain - self.tolerance, self.gain + self.tolerance
        if low <= overall.low and overall.high <= high:
            return "held"
        return "contradicted" if overall.high < low or overall.low > high else "undecided"


Claim = Annotated[BetterOnEveryTarget | BetterOnAverage | MeanGain, Field(discriminator="kind")]


# Evidence ------------------------------------------------------------------------------------------------------------
class Evidence(Protocol):
    """Numbers that claims can be tested on. `targets` are those that "every target" is taken over."""

    @property
    def kind(self) -> Kind: ...
    @property
    def targets(self) -> tuple[str, ...]: ...

    def lacks(self, left: str, right: str, target: str) -> list[tuple[str, str]]:
        """The (row, target) pairs that are needed to compare two rows on a target and are not there."""
        ...

    def difference(self, left: str, right: str, target: str, confidence: float) -> "Estimate":
        """Row `left` minus row `right` on `target`, in points."""
        ...


@dataclass(frozen=True)
class PublishedEvidence:
    """Point values (percent) by (row, target), with the binomial sampling error of `items[target]` test images.

    Rows are treated as measured on separate images, since nothing paired is published; the spread over seeds is not
    known and not covered. KeyError if the size of a target's test split is not given.
    """

    values: Mapping[tuple[str, str], float]
    items: Mapping[str, int]
    targets: tuple[str, ...]
    kind: Kind = "published"

    def lacks(self, left: str, right: str, target: str) -> list[tuple[str, str]]:
        return [(row, target) for row in (left, right) if (row, target) not in self.values]

    def difference(self, left: str, right: str, target: str, confidence: float) -> "Estimate":
        from benchmark.statistics import unpaired_difference

        values = self.values[left, target], self.values[right, target]
        return unpaired_difference(*values, self.items[target], confidence)


@dataclass(frozen=True)
class Answers:
    """Per-item correctness of one cell: `correct` maps a seed to bool [n], in the order of `labels` [n].

    Equal labels in equal order are what says that two cells answer the same test items.
    """

    correct: "Mapping[int, NDArray[np.bool_]]"
    labels: "Labels"
    metric: Metric


@dataclass(frozen=True)
class MeasuredEvidence:
    """Per-item answers by (row, target). Two rows are paired over their common seeds; without one, both are missing.

    ValueError if two rows of a target do not have the same test items or metric.
    """

    answers: Mapping[tuple[str, str], Answers]
    targets: tuple[str, ...]
    kind: Kind = "measured"

    def lacks(self, left: str, right: str, target: str) -> list[tuple[str, str]]:
        pairs = [(left, target), (right, target)]
        absent = [pair for pair in pairs if pair not in self.answers]
        return absent if absent or self._seeds(left, right, target) else pairs

    def _seeds(self, left: str, right: str, target: str) -> list[int]:
        return sorted(set(self.answers[left, target].correct) & set(self.answers[right, target].correct))

    def difference(self, left: str, right: str, target: str, confidence: float) -> "Estimate":
        import numpy as np

        from benchmark.statistics import paired_difference

        one, other = self.answers[left, target], self.answers[right, target]
        if one.metric != other.metric or not np.array_equal(one.labels, other.labels):
            raise ValueError(f"rows {left} and {right} were not measured on the same test items of {target}")
        seeds = self._seeds(left, right, target)
        ours, theirs = (np.stack([cell.correct[seed] for seed in seeds]) for cell in (one, other))
        return paired_difference(ours, theirs, one.labels, one.metric, confidence)


# Verdicts ------------------------------------------------------------------------------------------------------------
def evaluate(claim: Claim, evidence: Evidence, confidence: float = 0.95) -> ClaimResult:
    """The verdict on `claim` by `evidence`, with the difference on every target. A missing cell leaves no verdict."""
    targets = claim.targets or evidence.targets
    result = partial(ClaimResult, claim.id, evidence.kind, targets=targets)
    missing = [pair for target in targets for pair in evidence.lacks(claim.left, claim.right, target)]
    if missing or not targets:
        return result(verdict="missing", missing=tuple(missing))
    estimates = [evidence.difference(claim.left, claim.right, target, confidence) for target in targets]
    details = _details(targets, estimates, (1 - confidence) / 2)
    overall = claim.overall(details)
    return result(verdict=claim.verdict(details, overall), details=details, overall=overall)


def _details(targets: Sequence[str], estimates: Sequence["Estimate"], level: float) -> tuple[TargetDetail, ...]:
    from benchmark.statistics import holm

    greater = holm([estimate.p_greater for estimate in estimates])
    less = holm([estimate.p_less for estimate in estimates])
    return tuple(
        TargetDetail(
            target, estimate, up, down, "held" if up < level else "contradicted" if down < level else "undecided"
        )
        for target, estimate, up, down in zip(targets, estimates, greater, less, strict=True)
    )
