"""Accuracies, and how far to trust their differences. Accuracies are percentages, differences are points.

numpy at the top; the tails of Student's t come from scipy.special (a dependency of scikit-learn), imported late.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
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
class Estimate:
    """A difference in points with its two-sided confidence interval and two one-sided p-values.

    `p_greater` tests "not above zero" (small: above zero), `p_less` tests "not below zero". `degrees` are those of
    Student's t, infinite for a normal distribution. `basis` says which randomness the interval covers: of seeds and
    test items, of one of them only, or the binomial sampling error of published values. `item_variance` is the part of
    the squared standard error that comes from the test items.
    """

    value: float
    low: float
    high: float
    standard_error: float
    degrees: float
    p_greater: float
    p_less: float
    confidence: float
    item_variance: float
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


def unpaired_difference(left: float, right: float, n: int, confidence: float = 0.95) -> Estimate:
    """Difference of two published accuracies (percent), each on `n` test items, as if measured on separate items.

    Covers the sampling error of the test split only: one seed tells nothing about the spread over seeds. Where both
    models are right on the same items the interval is too wide, since a published table has no per-item results.
    """
    error = math.hypot(binomial_error(left, n), binomial_error(right, n))
    return _estimate(
        left - right, error**2, math.inf, confidence, item_variance=error**2, basis="published", seeds=1, items=n
    )


def paired_difference(
    left: NDArray[np.bool_], right: NDArray[np.bool_], labels: Labels, metric: Metric, confidence: float = 0.95
) -> Estimate:
    """Accuracy of `left` minus accuracy of `right`, in points; both [S, n]: correct or not, S paired seeds, n items.

    The interval covers other seeds and other test items. Its variance is that over items (of the seed-mean difference
    per item; within classes for mean_per_class) plus that over seeds (of the difference per seed, over S), minus their
    interaction, which both contain (two-way clustering; Cameron, Gelbach and Miller 2011), and never below the larger
    of the two. Degrees of freedom by Welch and Satterthwaite. With S = 1 it covers items only, and `basis` says so.
    ValueError if shapes do not fit, or no class (no pair, for top1) has two items.
    """
    left, right, labels = np.asarray(left, bool), np.asarray(right, bool), np.asarray(labels)
    if left.shape != right.shape or left.ndim != 2 or labels.shape != left.shape[1:] or not left.size:
        raise ValueError(f"left {left.shape}, right {right.shape} must be [S, n] and alike, labels {labels.shape} [n]")
    differences = 100.0 * (left.astype(np.float64) - right)
    weights = item_weights(labels, metric)
    per_seed = differences @ weights
    strata = labels if metric == "mean_per_class" else np.zeros(len(labels), np.int64)
    over_items, degrees = _variance_over_items(differences.mean(axis=0), strata)
    value, seeds, items = float(per_seed.mean()), *left.shape
    if seeds == 1:
        return _estimate(
            value, over_items, degrees, confidence, item_variance=over_items, basis="items", seeds=1, items=items
        )
    over_seeds = float(per_seed.var(ddof=1)) / seeds
    both = float(weights**2 @ differences.var(axis=0, ddof=1)) / seeds
    variance = max(over_items + over_seeds - both, over_items, over_seeds)
    degrees = _satterthwaite(variance, [over_items, over_seeds], [degrees, seeds - 1])
    return _estimate(
        value,
        variance,
        degrees,
        confidence,
        item_variance=min(over_items, variance),
        basis="seeds and items",
        seeds=seeds,
        items=items,
    )


def paired_means(left: Sequence[float], right: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Mean difference of two lists of values [S] at the same S seeds, by Student's t. ValueError below two seeds."""
    if len(left) != len(right) or len(left) < 2:
        raise ValueError(f"paired values must be alike and at least two, got {len(left)} and {len(right)}")
    differences = np.subtract(left, right)
    variance = float(differences.var(ddof=1)) / len(differences)
    return _estimate(
        float(differences.mean()),
        variance,
        len(differences) - 1,
        confidence,
        item_variance=0.0,
        basis="seeds",
        seeds=len(differences),
        items=0,
    )


def mean_estimate(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of estimates on different test sets, all published or all measured.

    Test items are independent; seeds are not (targets share initial weights, data order, random draws and the OS
    encoder), and by how much is not known: their parts of the errors are added as if they were one and the same, the
    most that they can be. If one of the estimates covers items only, so does the mean. ValueError for mixed
    confidences, or published and measured.
    """
    bases = {estimate.basis for estimate in estimates}
    if len({e.confidence for e in estimates}) != 1 or ("published" in bases and len(bases) > 1):
        raise ValueError("only estimates of one kind and confidence can be averaged")
    m = len(estimates)
    of_items = [e.item_variance / m**2 for e in estimates]
    of_seeds = (sum(math.sqrt(max(0.0, e.standard_error**2 - e.item_variance)) for e in estimates) / m) ** 2
    variance, seeds = sum(of_items) + of_seeds, min(e.seeds for e in estimates)
    degrees = _satterthwaite(variance, [*of_items, of_seeds], [*(e.degrees for e in estimates), max(1, seeds - 1)])
    return _estimate(
        sum(e.value for e in estimates) / m,
        variance,
        degrees,
        estimates[0].confidence,
        item_variance=sum(of_items),
        basis="items" if "items" in bases else estimates[0].basis,
        seeds=seeds,
        items=sum(e.items for e in estimates),
    )


def _variance_over_items(per_item: Floats, strata: Labels) -> tuple[float, float]:
    """Variance of the unweighted mean of the strata's means of `per_item` [n], and its degrees of freedom.

    A stratum of one item has no variance of its own and takes the pooled one.
    """
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    if counts.max() < 2:
        raise ValueError("the variance over items needs a class with two items")
    means = np.bincount(codes, per_item) / counts
    squares = np.bincount(codes, (per_item - means[codes]) ** 2)
    pooled = squares.sum() / (counts - 1).sum()
    within = np.where(counts > 1, squares / np.maximum(counts - 1, 1), pooled)
    parts = within / counts / len(counts) ** 2
    variance = float(parts.sum())
    return variance, _satterthwaite(variance, parts.tolist(), np.maximum(counts - 1, 1).tolist())


def _satterthwaite(variance: float, parts: Sequence[float], degrees: Sequence[float]) -> float:
    """Degrees of freedom of a variance that is the sum of `parts`; infinite where nothing varies."""
    spread = sum(part**2 / degree for part, degree in zip(parts, degrees, strict=True))
    return variance**2 / spread if spread > 0 else math.inf


def _estimate(
    value: float,
    variance: float,
    degrees: float,
    confidence: float,
    *,
    item_variance: float,
    basis: Basis,
    seeds: int,
    items: int,
) -> Estimate:
    # Imported here: only this needs scipy, which takes a third of a second.
    from scipy.special import stdtr, stdtrit

    error = math.sqrt(variance)
    # Without spread, zero is no evidence either way and anything else is beyond doubt.
    t = value / error if error > 0 else math.copysign(math.inf, value) if value else 0.0
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        standard_error=error,
        degrees=degrees,
        p_greater=float(stdtr(degrees, -t)),
        p_less=float(stdtr(degrees, t)),
        confidence=confidence,
        item_variance=item_variance,
        basis=basis,
        seeds=seeds,
        items=items,
    )
