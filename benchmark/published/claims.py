"""The paper's sentences as data, and their verdicts by confidence interval on published or measured numbers.

One seed gives no verdict on measured values: an interval over test items leaves the spread over seeds out, and with it
a true zero is called held or contradicted far more often than its confidence says.

Verdicts are taken at the two-sided confidence level: a one-sided p-value counts below (1 - confidence) / 2, so that for
a single target "held" is the same as an interval above zero. "On every target" uses Holm's adjustment over the targets
in either direction: held if every target is above zero, contradicted if any is below, undecided otherwise.

numpy and scipy are imported late: tables, which hold claims, load without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmark.published.power import Needed
    from benchmark.statistics import Estimate, Labels, Paired


Verdict = Literal["held", "contradicted", "undecided", "one seed", "missing"]
Kind = Literal["published", "measured"]


@dataclass(frozen=True)
class TargetDetail:
    """One target's difference, left minus right. `p_holm` adjusts `estimate.p_greater`, `p_less_holm` the reverse.

    `needed` is there for an open measured difference: what would decide it at Bonferroni's level, the strictest that
    Holm's procedure may ask for.
    """

    target: str
    estimate: "Estimate"
    p_holm: float
    p_less_holm: float
    verdict: Verdict
    needed: "Needed | None" = None


@dataclass(frozen=True)
class ClaimResult:
    """A claim's verdict on one kind of evidence, over `targets`.

    `overall` is the mean difference over the targets, None for "on every target"; `needed` says what would decide it
    where it is measured and open. `missing` lists the (row, target) pairs without a number; if there are any the
    verdict is "missing" and nothing was computed. "one seed" is no verdict: an interval covers test items only.
    """

    claim: str
    evidence: Kind
    verdict: Verdict
    targets: tuple[str, ...]
    details: tuple[TargetDetail, ...] = ()
    overall: "Estimate | None" = None
    needed: "Needed | None" = None
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

    of_mean: ClassVar[bool] = True
    """Whether the claim is about the mean over the targets, or about each of them."""

    @property
    def bounds(self) -> tuple[float, ...]:
        """What the interval of a difference, in points, must be clear of."""
        return (0.0,)


class BetterOnEveryTarget(_Comparison):
    """`left` is more accurate than `right` on every target."""

    kind: Literal["better_on_every_target"] = "better_on_every_target"

    of_mean: ClassVar[bool] = False

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

    @property
    def bounds(self) -> tuple[float, ...]:
        """The ends of gain +- tolerance."""
        return (self.gain - self.tolerance, self.gain + self.tolerance)

    def verdict(self, details: Sequence[TargetDetail], overall: "Estimate | None") -> Verdict:
        """Held if the interval lies within gain +- tolerance, contradicted if it lies outside altogether."""
        assert overall is not None
        low, high = self.bounds
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

    def lacks(self, left: str, right: str, targets: Sequence[str]) -> list[tuple[str, str]]:
        """The (row, target) pairs that are needed to compare two rows over the targets and are not there."""
        ...

    def difference(self, left: str, right: str, targets: Sequence[str], confidence: float) -> "Estimate":
        """Row `left` minus row `right`, in points, as a mean over the targets."""
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

    def lacks(self, left: str, right: str, targets: Sequence[str]) -> list[tuple[str, str]]:
        pairs = ((row, target) for target in targets for row in (left, right))
        return [pair for pair in pairs if pair not in self.values]

    def difference(self, left: str, right: str, targets: Sequence[str], confidence: float) -> "Estimate":
        from benchmark.statistics import unpaired_difference

        values = [(self.values[left, t], self.values[right, t], self.items[t]) for t in targets]
        return unpaired_difference(values, confidence)


@dataclass(frozen=True)
class Answers:
    """What each test item adds to one cell, in points (100 of a right answer, 0 of a wrong one): `points` maps a seed
    to float64 [n], in the order of `labels` [n].

    Equal labels in equal order are what says that two cells answer the same test items.
    """

    points: "Mapping[int, NDArray[np.float64]]"
    labels: "Labels"
    metric: Metric


@dataclass(frozen=True)
class MeasuredEvidence:
    """Per-item answers by (row, target). Two rows are paired over the seeds that both have on all targets of a mean;
    without one, all are missing.

    ValueError if two rows of a target do not have the same test items or metric.
    """

    answers: Mapping[tuple[str, str], Answers]
    targets: tuple[str, ...]
    kind: Kind = "measured"

    def lacks(self, left: str, right: str, targets: Sequence[str]) -> list[tuple[str, str]]:
        pairs = [(row, target) for target in targets for row in (left, right)]
        absent = [pair for pair in pairs if pair not in self.answers]
        return absent if absent or self._seeds(pairs) else pairs

    def _seeds(self, pairs: Sequence[tuple[str, str]]) -> list[int]:
        return sorted(set.intersection(*(set(self.answers[pair].points) for pair in pairs)))

    def difference(self, left: str, right: str, targets: Sequence[str], confidence: float) -> "Estimate":
        from benchmark.statistics import paired_difference

        seeds = self._seeds([(row, target) for target in targets for row in (left, right)])
        return paired_difference([self._paired(left, right, target, seeds) for target in targets], confidence)

    def _paired(self, left: str, right: str, target: str, seeds: Sequence[int]) -> "Paired":
        import numpy as np

        from benchmark.statistics import Paired

        one, other = self.answers[left, target], self.answers[right, target]
        if one.metric != other.metric or not np.array_equal(one.labels, other.labels):
            raise ValueError(f"rows {left} and {right} were not measured on the same test items of {target}")
        points = [np.stack([cell.points[seed] for seed in seeds]) for cell in (one, other)]
        return Paired(points[0], points[1], one.labels, one.metric)


# Verdicts ------------------------------------------------------------------------------------------------------------
def evaluate(claim: Claim, evidence: Evidence, confidence: float = 0.95) -> ClaimResult:
    """The verdict on `claim` by `evidence`, with the difference on every target.

    A missing cell leaves no verdict, and measured values of one seed leave none.
    """
    targets = claim.targets or evidence.targets
    result = partial(ClaimResult, claim.id, evidence.kind, targets=targets)
    together = [targets] if claim.of_mean and targets else [(target,) for target in targets]
    missing = [pair for group in together for pair in evidence.lacks(claim.left, claim.right, group)]
    if missing or not targets:
        return result(verdict="missing", missing=tuple(missing))
    estimates = [evidence.difference(claim.left, claim.right, (target,), confidence) for target in targets]
    details = _details(targets, estimates, confidence)
    overall = evidence.difference(claim.left, claim.right, targets, confidence) if claim.of_mean else None
    single = "items" in {estimate.basis for estimate in (*estimates, *([overall] if overall else []))}
    verdict = "one seed" if single else claim.verdict(details, overall)
    needs = _needed(overall, verdict, claim.bounds, confidence) if overall else None
    return result(verdict=verdict, details=details, overall=overall, needed=needs)


def _details(targets: Sequence[str], estimates: Sequence["Estimate"], confidence: float) -> tuple[TargetDetail, ...]:
    from benchmark.statistics import holm

    greater = holm([estimate.p_greater for estimate in estimates])
    less = holm([estimate.p_less for estimate in estimates])
    strictest = 1 - (1 - confidence) / len(targets)
    details = []
    for target, estimate, up, down in zip(targets, estimates, greater, less, strict=True):
        verdict = _verdict(estimate, up, down, (1 - confidence) / 2)
        needs = _needed(estimate, verdict, (0.0,), strictest)
        details.append(TargetDetail(target, estimate, up, down, verdict, needs))
    return tuple(details)


def _verdict(estimate: "Estimate", p_greater: float, p_less: float, level: float) -> Verdict:
    if estimate.basis == "items":
        return "one seed"
    return "held" if p_greater < level else "contradicted" if p_less < level else "undecided"


def _needed(estimate: "Estimate", verdict: Verdict, bounds: Sequence[float], confidence: float) -> "Needed | None":
    """What would decide an open difference of measured values; published ones cannot be measured again."""
    from benchmark.published.power import needed

    if estimate.basis == "published" or verdict not in ("undecided", "one seed"):
        return None
    return needed(estimate, min(abs(estimate.value - bound) for bound in bounds), confidence)
