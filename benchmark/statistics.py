"""Accuracies, and how far to trust their differences. Accuracies are percentages, differences are points.

numpy at the top; the tails of Student's t come from scipy.special (a dependency of scikit-learn), imported late.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.specs.datasets import Metric


def predictions_sha256(predicted: NDArray[np.int32]) -> str:
    """SHA-256 of predictions [n] as little-endian int32."""
    return hashlib.sha256(predicted.astype("<i4").tobytes()).hexdigest()


Basis = Literal["seeds and items", "seeds", "items", "published"]
Floats = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Spread:
    """The parts of the squared standard error of a difference, in squared points.

    `over_seeds`: variance of the difference per seed, over the number of seeds, with `seed_degrees`. `over_items`: that
    of the seeds' mean over test items, with `item_degrees`. Each contains `interaction`, the part that is drawn anew
    for every seed and item. A part that is not known (seeds, at one seed) or does not exist is 0. Degrees of freedom
    are Student's, infinite for a normal distribution.
    """

    over_seeds: float
    over_items: float
    interaction: float
    seed_degrees: float
    item_degrees: float

    @property
    def of_items(self) -> float:
        """The part of the items without the interaction, which `over_seeds` has too."""
        return max(0.0, self.over_items - self.interaction)

    @property
    def variance(self) -> float:
        """The squared standard error: over seeds plus over items minus what both contain, never below one of them."""
        return max(self.over_seeds + self.of_items, self.over_items)


@dataclass(frozen=True)
class Paired:
    """Two rows on one target: `left` and `right` [S, n] are what each of n test items of `labels` [n] adds, in points,
    at S paired seeds (of an answer 100 or 0). ValueError if the shapes do not fit."""

    left: Floats
    right: Floats
    labels: Labels
    metric: Metric

    def __post_init__(self) -> None:
        shapes = np.shape(self.left), np.shape(self.right), np.shape(self.labels)
        if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[2] != shapes[0][1:] or not np.size(self.left):
            raise ValueError("left {}, right {} must be [S, n] and alike, labels {} [n]".format(*shapes))

    @property
    def differences(self) -> Floats:
        """Left minus right in points, [S, n]."""
        return self.left - self.right


@dataclass(frozen=True)
class Estimate:
    """A difference in points with its two-sided confidence interval and two one-sided p-values.

    `p_greater` tests "not above zero" (small: above zero), `p_less` tests "not below zero". `basis` says which
    randomness the interval covers: of seeds and test items, of one of them only, or the binomial sampling error of
    published values. `items` counts the test items of all targets.
    """

    value: float
    low: float
    high: float
    standard_error: float
    p_greater: float
    p_less: float
    confidence: float
    spread: Spread
    basis: Basis
    seeds: int
    items: int


def accuracy(predicted: Labels, labels: Labels, metric: Metric) -> float:
    """Per cent of the `n` items of `predicted` [n] that equal `labels` [n].

    mean_per_class is the unweighted mean over the classes present in `labels` (the released code's AverageClassMeter).
    ValueError if the lengths differ or there are no items.
    """
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    if predicted.shape != labels.shape or labels.ndim != 1 or not labels.size:
        raise ValueError(f"predictions {predicted.shape} and labels {labels.shape} must be one-dimensional and alike")
    return float(100 * (predicted == labels) @ item_weights(labels, metric))


def item_weights(labels: Labels, metric: Metric) -> Floats:
    """The weight [n] of each item in the metric; they sum to 1."""
    if metric == "top1":
        return np.full(len(labels), 1 / len(labels))
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights: Floats = 1 / (len(counts) * counts[codes])
    return weights


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1); None for the latter of a single value. ValueError for no values."""
    if not values:
        raise ValueError("no values, no mean")
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def binomial_error(percent: float, n: int) -> float:
    """Standard error, in points, of an accuracy of `percent` on `n` independent test items.

    For mean_per_class it is exact only where classes are equally large and equally hard.
    """
    if n < 1 or not 0 <= percent <= 100:
        raise ValueError(f"{percent} % of {n} items is no accuracy")
    return math.sqrt(percent * (100 - percent) / n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def unpaired_difference(targets: Sequence[tuple[float, float, int]], confidence: float = 0.95) -> Estimate:
    """Mean over `targets` of the difference of two published accuracies: (left, right, number of test items) of each,
    in percent, as if every accuracy was measured on items of its own. ValueError without a target.

    Covers the sampling error of the test splits only: one seed tells nothing about the spread over seeds. Where both
    models are right on the same items the interval is too wide, since a published table has no per-item results.
    """
    if not targets:
        raise ValueError("no targets, no mean")
    m = len(targets)
    variance = sum(binomial_error(value, n) ** 2 for left, right, n in targets for value in (left, right)) / m**2
    mean = sum(left - right for left, right, _ in targets) / m
    spread = Spread(0.0, variance, 0.0, math.inf, math.inf)
    return _estimate(mean, spread, confidence, basis="published", seeds=1, items=sum(n for *_, n in targets))


def paired_difference(targets: Sequence[Paired], confidence: float = 0.95) -> Estimate:
    """Mean over `targets` of left minus right, in points, by the same S seeds on each: of accuracies, or of other
    measures that are means over test items.

    The interval covers other seeds and other test items of the same targets. Items are crossed with seeds, so the
    variance is that over items (within classes for mean_per_class; targets have items of their own) plus that over
    seeds (of the mean over targets per seed, so that what a seed does to all targets is in it) minus their interaction,
    which both contain (two-way clustering: Cameron, Gelbach and Miller, J. Business & Economic Statistics 2011).
    `half_width` says how an interval comes from the parts. With S = 1 it covers items only, and `basis` says so.

    In the simulation of `scripts/coverage.py` (2 to 10 seeds, 1 to 11 targets) a nominal 95 % covers 95 to 99 %: 95 to
    97 % where seeds differ much and there are three or more. It is conservative where seeds differ by chance alone:
    99 % at two seeds.

    ValueError without a target, for numbers of seeds that differ, or if no class (no pair, for top1) has two items.
    """
    if len({len(target.left) for target in targets}) != 1:
        raise ValueError(f"targets must have the same seeds and be at least one, got {len(targets)}")
    value, spread = combine([variance_parts(target.differences, target.labels, target.metric) for target in targets])
    seeds, items = len(targets[0].left), sum(len(target.labels) for target in targets)
    basis: Basis = "seeds and items" if seeds > 1 else "items"
    return _estimate(value, spread, confidence, basis=basis, seeds=seeds, items=items)


def paired_means(left: Sequence[float], right: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Mean difference of two lists of values [S] at the same S seeds, by Student's t. ValueError below two seeds."""
    if len(left) != len(right) or len(left) < 2:
        raise ValueError(f"paired values must be alike and at least two, got {len(left)} and {len(right)}")
    differences = np.subtract(left, right)
    seeds = len(differences)
    spread = Spread(float(differences.var(ddof=1)) / seeds, 0.0, 0.0, seeds - 1, math.inf)
    return _estimate(float(differences.mean()), spread, confidence, basis="seeds", seeds=seeds, items=0)


def mean_interval(outcomes: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the mean of outcomes [n] over other items like these, by Student's t. It covers items only, not
    seeds. ValueError below two items."""
    from scipy.special import stdtrit

    if len(outcomes) < 2:
        raise ValueError("an interval over items needs two items")
    error = float(outcomes.std(ddof=1)) / math.sqrt(len(outcomes))
    half = float(stdtrit(len(outcomes) - 1, (1 + confidence) / 2)) * error
    return float(outcomes.mean()) - half, float(outcomes.mean()) + half


def accuracy_interval(
    predicted: Labels, labels: Labels, metric: Metric, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's (1927) score interval of an accuracy, in percent, on the number of items that the metric's weights are
    worth. It covers other test items, not other seeds, and stays within 0 and 100 where all items are right."""
    weights = item_weights(labels, metric)
    n, share = 1 / float(weights @ weights), accuracy(predicted, labels, metric) / 100
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


# Variances -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Parts:
    """What `variance_parts` gives: `per_seed` [..., S] in points, the others [...]; see `Spread`."""

    per_seed: Floats
    over_items: Floats
    interaction: Floats
    degrees: Floats


def variance_parts(differences: Floats, labels: Labels, metric: Metric) -> Parts:
    """The difference per seed of `differences` [..., S, n] (points) on the items of `labels` [n], the squared standard
    errors over items and of the interaction (0 for one seed), and the degrees of freedom over items.

    The variance over items is that of the unweighted mean of the classes' means for mean_per_class, else of the mean.
    A class of one item has no variance of its own and takes the pooled one. ValueError if all have one item.
    """
    weights, seeds = item_weights(labels, metric), differences.shape[-2]
    strata = labels if metric == "mean_per_class" else np.zeros(len(labels), np.int64)
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    if counts.max() < 2:
        raise ValueError("the variance over items needs a class with two items")
    member = np.eye(len(counts))[codes]
    per_item = differences.mean(axis=-2)
    squares = (per_item - (per_item @ member / counts)[..., codes]) ** 2 @ member
    pooled = squares.sum(axis=-1, keepdims=True) / (counts - 1).sum()
    within = np.where(counts > 1, squares / np.maximum(counts - 1, 1), pooled)
    of_classes = within / counts / len(counts) ** 2
    interaction = np.zeros(per_item.shape[:-1])
    if seeds > 1:
        interaction = differences.var(axis=-2, ddof=1) @ weights**2 / seeds
    degrees = _satterthwaite(of_classes, np.maximum(counts - 1, 1))
    return Parts(differences @ weights, of_classes.sum(axis=-1), interaction, degrees)


def combine(targets: Sequence[Parts]) -> tuple[float, Spread]:
    """The mean over targets of the same seeds, in points, and its spread. Here `per_seed` is [S], the rest scalar."""
    m, seeds = len(targets), len(targets[0].per_seed)
    per_seed = np.mean([target.per_seed for target in targets], axis=0)
    of_items = np.array([target.over_items for target in targets]) / m**2
    spread = Spread(
        over_seeds=float(per_seed.var(ddof=1)) / seeds if seeds > 1 else 0.0,
        over_items=float(of_items.sum()),
        interaction=float(sum(target.interaction for target in targets)) / m**2,
        seed_degrees=seeds - 1 if seeds > 1 else math.inf,
        item_degrees=float(_satterthwaite(of_items, np.array([target.degrees for target in targets]))),
    )
    return float(per_seed.mean()), spread


def _satterthwaite(parts: Floats, degrees: NDArray[Any]) -> Floats:
    """Degrees of freedom of the sum of independent variances `parts` [..., k]; infinite where nothing varies."""
    spread = (parts**2 / degrees).sum(axis=-1)
    total: Floats = parts.sum(axis=-1) ** 2
    degrees_of_sum: Floats = np.divide(total, spread, out=np.full(np.shape(spread), np.inf), where=spread > 0)
    return degrees_of_sum


# Intervals -----------------------------------------------------------------------------------------------------------
def half_width(spread: Spread, tail: float) -> float:
    """Half the width, in points, of the interval that leaves out `tail` (0 to 0.5) on either side.

    The squares of the half-widths that the parts would have by themselves, each with Student's quantile for its own
    degrees of freedom, are added (Howe, J. American Statistical Association 69, 1974, 789-794). With two or three seeds
    that keeps its promise, where one quantile for the sum by Welch and Satterthwaite covers 89 to 94 % instead of 95 %.
    It is never narrower than the interval over items alone. One part alone gives Student's interval.
    """
    # Imported here: only this needs scipy, which takes a third of a second.
    from scipy.special import stdtrit

    of_seeds, of_items = (float(stdtrit(degrees, tail)) for degrees in (spread.seed_degrees, spread.item_degrees))
    both = of_seeds**2 * spread.over_seeds + of_items**2 * spread.of_items
    return math.sqrt(max(both, of_items**2 * spread.over_items))


def _p_value(value: float, spread: Spread) -> float:
    """One-sided p-value of `value` in its own direction: the tail whose interval just reaches zero."""
    from scipy.optimize import brentq

    if value == 0 or spread.variance == 0:
        # Without spread, zero is no evidence either way and anything else is beyond doubt.
        return 0.0 if value else 0.5
    smallest = -60.0
    if half_width(spread, math.exp(smallest)) < abs(value):
        return 0.0
    log_p = brentq(lambda x: half_width(spread, math.exp(x)) - abs(value), smallest, math.log(0.5), rtol=1e-12)
    return math.exp(log_p)


def _estimate(value: float, spread: Spread, confidence: float, *, basis: Basis, seeds: int, items: int) -> Estimate:
    half, p = half_width(spread, (1 - confidence) / 2), _p_value(value, spread)
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        standard_error=math.sqrt(spread.variance),
        p_greater=p if value > 0 else 1 - p,
        p_less=1 - p if value > 0 else p,
        confidence=confidence,
        spread=spread,
        basis=basis,
        seeds=seeds,
        items=items,
    )
