"""The statistics against hand-worked cases, formulas written out, scipy.stats, and simulated coverage."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.statistics import (
    Estimate,
    Paired,
    Spread,
    accuracy,
    binomial_error,
    half_width,
    holm,
    item_weights,
    mean_std,
    paired_difference,
    paired_means,
    unpaired_difference,
)

# Accuracy ------------------------------------------------------------------------------------------------------------


def test_accuracy_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 2, 2])
    predicted = np.array([0, 0, 0, 1, 2, 0])
    assert accuracy(predicted, labels, "top1") == pytest.approx(100 * 4 / 6)
    # Class 1 has no test item and does not count: (3/4 + 1/2) / 2.
    assert accuracy(predicted, labels, "mean_per_class") == pytest.approx(62.5)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_accuracy_is_the_mean_of_class_recalls(pairs: list[tuple[int, int]]) -> None:
    recalls = [
        np.mean([predicted == label for predicted, label in pairs if label == c]) for c in {label for _, label in pairs}
    ]
    predicted, labels = map(np.array, zip(*pairs, strict=True))
    assert accuracy(predicted, labels, "mean_per_class") == pytest.approx(100 * float(np.mean(recalls)))
    assert item_weights(labels, "mean_per_class").sum() == pytest.approx(1)


@pytest.mark.parametrize(("predicted", "labels"), [([1, 2], [1]), ([], []), ([[1]], [[1]])])
def test_accuracy_refuses_what_does_not_fit(predicted: list, labels: list) -> None:
    with pytest.raises(ValueError, match="one-dimensional and alike"):
        accuracy(np.array(predicted), np.array(labels), "top1")


def test_mean_and_sample_standard_deviation() -> None:
    assert mean_std([2.0, 4.0, 9.0]) == (5.0, pytest.approx(math.sqrt(13)))
    assert mean_std([3.5]) == (3.5, None)
    with pytest.raises(ValueError, match="no values"):
        mean_std([])


# Published values ----------------------------------------------------------------------------------------------------


def test_binomial_error_is_the_spread_of_a_binomial() -> None:
    assert binomial_error(46.56, 3333) == pytest.approx(100 * stats.binom(3333, 0.4656).std() / 3333)
    for percent, n in ((101.0, 5), (-1.0, 5), (50.0, 0)):
        with pytest.raises(ValueError, match="no accuracy"):
            binomial_error(percent, n)


def test_unpaired_difference_is_the_two_proportion_z_test() -> None:
    estimate = unpaired_difference([(48.45, 48.24, 3333)])
    error = math.sqrt(48.45 * 51.55 / 3333 + 48.24 * 51.76 / 3333)
    assert estimate.value == pytest.approx(0.21)
    assert estimate.standard_error == pytest.approx(error)
    assert estimate.high - estimate.value == pytest.approx(1.959964 * error, rel=1e-6)
    assert estimate.p_greater == pytest.approx(1 - NormalDist().cdf(0.21 / error))
    assert estimate.basis == "published" and estimate.low < 0 < estimate.high


def test_the_mean_of_published_differences_by_hand() -> None:
    one, other = unpaired_difference([(60.0, 50.0, 400)]), unpaired_difference([(70.0, 66.0, 900)])
    mean = unpaired_difference([(60.0, 50.0, 400), (70.0, 66.0, 900)])
    assert mean.value == pytest.approx(7.0)
    assert mean.standard_error == pytest.approx(math.hypot(one.standard_error, other.standard_error) / 2)
    assert math.isinf(mean.spread.item_degrees) and mean.items == 1300
    with pytest.raises(ValueError, match="no targets"):
        unpaired_difference([])


# Holm ----------------------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    # 0.005 * 4; 0.01 * 3; 0.03 * 2; max(0.04 * 1, 0.06).
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_rule_rejects(p_values: list[float], level: float) -> None:
    ordered, rejected = sorted(range(len(p_values)), key=lambda i: p_values[i]), set()
    for rank, index in enumerate(ordered):
        if p_values[index] * (len(p_values) - rank) > level:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(p_values)) if p <= level} == rejected


# Paired differences --------------------------------------------------------------------------------------------------


def draw(rng: np.random.Generator, *shape: int, p: float) -> np.ndarray:
    return 100.0 * (rng.random(shape) < p)


def on_one_target(left: np.ndarray, right: np.ndarray, labels: np.ndarray, metric: str) -> Estimate:
    return paired_difference([Paired(left, right, labels, metric)])  # type: ignore[arg-type]


def test_one_seed_is_the_paired_t_test_over_items() -> None:
    rng = np.random.default_rng(0)
    left, right = draw(rng, 1, 80, p=0.7), draw(rng, 1, 80, p=0.5)
    estimate = on_one_target(left, right, np.arange(80) % 4, "top1")
    one, other = left[0], right[0]
    reference = stats.ttest_rel(one, other)
    low, high = reference.confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    assert estimate.spread.item_degrees == pytest.approx(79)
    assert estimate.p_greater == pytest.approx(stats.ttest_rel(one, other, alternative="greater").pvalue)
    assert estimate.p_less == pytest.approx(stats.ttest_rel(one, other, alternative="less").pvalue)
    assert (estimate.basis, estimate.seeds, estimate.items) == ("items", 1, 80)


def test_identical_items_leave_the_t_test_over_seeds() -> None:
    """All items alike: only seeds vary, and the interval is the one-sample t interval over them."""
    left = np.array([[100.0] * 6, [100.0] * 6, [0.0] * 6, [100.0] * 6])
    right = np.array([[0.0] * 6, [100.0] * 6, [0.0] * 6, [0.0] * 6])
    estimate = on_one_target(left, right, np.zeros(6, int), "top1")
    reference = stats.ttest_1samp([100.0, 0.0, 0.0, 100.0], 0.0)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert (estimate.basis, estimate.spread.seed_degrees) == ("seeds and items", 3)


def test_the_stratified_variance_written_out() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [30, 10, 5])
    left, right = draw(rng, 1, 45, p=0.6), draw(rng, 1, 45, p=0.4)
    estimate = on_one_target(left, right, labels, "mean_per_class")
    difference = left[0] - right[0]
    parts = [difference[labels == c].var(ddof=1) / (labels == c).sum() / 9 for c in range(3)]
    assert estimate.value == pytest.approx(np.mean([difference[labels == c].mean() for c in range(3)]))
    assert estimate.standard_error == pytest.approx(math.sqrt(sum(parts)))
    degrees = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, (30, 10, 5), strict=True))
    assert estimate.spread.item_degrees == pytest.approx(degrees)


@pytest.mark.parametrize(("world", "seed_spread", "term"), [(3, 0.0, "items"), (3, 0.3, "sum"), (3, 2.0, "seeds")])
def test_the_two_way_variance_written_out(world: int, seed_spread: float, term: str) -> None:
    """Three worlds: the interaction is subtracted, but never below the variance over items or over seeds alone.

    The interval adds the squares of the parts' own half-widths (Howe 1974), never below that of the items alone.
    """
    left, right = simulate(np.random.default_rng(world), 3, 60, seed_spread, (0.3, 0.0))
    estimate = on_one_target(left, right, np.zeros(60, int), "top1")
    d = left - right
    items, seeds = d.mean(0).var(ddof=1) / 60, d.mean(1).var(ddof=1) / 3
    both = sum(d[:, i].var(ddof=1) for i in range(60)) / (3 * 60**2)
    expected = {"items": items, "sum": items + seeds - both, "seeds": seeds}
    assert max(expected, key=lambda name: expected[name]) == term
    assert estimate.standard_error**2 == pytest.approx(expected[term])
    of_seeds, of_items = stats.t.ppf(0.975, 2) ** 2 * seeds, stats.t.ppf(0.975, 59) ** 2
    squared = max(of_seeds + of_items * max(items - both, 0), of_items * items)
    assert estimate.high - estimate.value == pytest.approx(math.sqrt(squared))


def test_a_class_of_one_item_takes_the_pooled_variance() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    left, right = np.array([[100.0, 100.0, 0.0, 100.0, 100.0]]), np.zeros((1, 5))
    estimate = on_one_target(left, right, labels, "mean_per_class")
    within = 100**2 * np.var([1, 1, 0, 1], ddof=1)
    assert estimate.value == pytest.approx((75 + 100) / 2)
    assert estimate.standard_error == pytest.approx(math.sqrt((within / 4 + within / 1) / 4))
    with pytest.raises(ValueError, match="class with two items"):
        on_one_target(left, right, np.arange(5), "mean_per_class")


def test_without_spread_there_is_no_doubt_and_equality_is_no_evidence() -> None:
    right, labels = np.zeros((2, 9)), np.zeros(9, int)
    same = on_one_target(right, right, labels, "top1")
    assert (same.value, same.low, same.high, same.p_greater, same.p_less) == (0, 0, 0, 0.5, 0.5)
    better = on_one_target(right + 100, right, labels, "top1")
    assert (better.low, better.high, better.p_greater, better.p_less) == (100, 100, 0, 1)


@pytest.mark.parametrize(("left", "right", "labels"), [((2, 5), (1, 5), 5), ((1, 5), (1, 5), 4), ((0, 5), (0, 5), 5)])
def test_shapes_that_do_not_fit_are_refused(left: tuple, right: tuple, labels: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        on_one_target(np.zeros(left), np.zeros(right), np.zeros(labels, int), "top1")


@given(st.integers(0, 2**32 - 1))
def test_swapping_sides_mirrors_the_estimate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right, labels = draw(rng, 3, 20, p=0.6), draw(rng, 3, 20, p=0.4), np.arange(20) % 5
    one, other = (on_one_target(*pair, labels, "mean_per_class") for pair in ((left, right), (right, left)))
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p_greater == pytest.approx(other.p_less)


def simulate(rng: np.random.Generator, seeds: int, n: int, seed_spread: float, means: tuple[float, float]) -> list:
    """Two rows of 100 or 0 points: a shared difficulty per item, a level per row and seed, a quirk per row and item."""
    difficulty = rng.normal(size=n)
    return [
        100.0
        * (
            mean
            + difficulty
            + 0.5 * rng.normal(size=n)
            + seed_spread * rng.normal(size=(seeds, 1))
            + rng.normal(size=(seeds, n))
            > 0
        )
        for mean in means
    ]


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 0.999))
def test_a_p_value_is_the_tail_whose_interval_just_reaches_zero(seed: int, confidence: float) -> None:
    left, right = simulate(np.random.default_rng(seed), 3, 40, 0.3, (0.3, 0.0))
    estimate = paired_difference([Paired(left, right, np.zeros(40, int), "top1")], confidence)
    p = min(estimate.p_greater, estimate.p_less)
    assert estimate.p_greater + estimate.p_less == pytest.approx(1)
    assert half_width(estimate.spread, p) == pytest.approx(abs(estimate.value), rel=1e-6, abs=1e-6)
    assert (p < (1 - confidence) / 2) == (estimate.low > 0 or estimate.high < 0)


def test_a_difference_far_beyond_doubt_has_a_p_value_of_zero() -> None:
    estimate = unpaired_difference([(99.0, 1.0, 1_000_000)])
    assert (estimate.p_greater, estimate.p_less) == (0, 1)


def test_paired_means_are_the_t_test_over_seeds() -> None:
    left, right = [3.0, 5.0, 4.5], [2.0, 5.5, 1.0]
    estimate, reference = paired_means(left, right), stats.ttest_rel(left, right)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert 2 * min(estimate.p_greater, estimate.p_less) == pytest.approx(reference.pvalue)
    assert (estimate.basis, estimate.seeds, estimate.items) == ("seeds", 3, 0)
    with pytest.raises(ValueError, match="at least two"):
        paired_means([1.0], [2.0])


# Means over targets --------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(["top1", "mean_per_class"]))
def test_a_mean_has_the_mean_of_the_values_and_the_sum_of_the_items_parts(seed: int, seeds: int, metric: str) -> None:
    rng, labels = np.random.default_rng(seed), np.arange(30) % 3
    targets = [Paired(*simulate(rng, seeds, 30, 0.2, (0.3, 0.0)), labels, metric) for _ in range(3)]  # type: ignore[arg-type]
    single, mean = [paired_difference([target]) for target in targets], paired_difference(targets)
    assert mean.value == pytest.approx(np.mean([one.value for one in single]), abs=1e-9)
    assert mean.spread.over_items == pytest.approx(sum(one.spread.over_items for one in single) / 9)
    assert mean.spread.interaction == pytest.approx(sum(one.spread.interaction for one in single) / 9)
    assert (mean.items, mean.seeds) == (90, seeds)


def test_what_a_seed_does_to_all_targets_is_not_averaged_away() -> None:
    rng, labels = np.random.default_rng(7), np.zeros(40, int)
    left, right = draw(rng, 4, 40, p=0.6), draw(rng, 4, 40, p=0.5)
    # A seed that is bad for all items alike.
    left[0] = 0
    one = Paired(left, right, labels, "top1")
    alike, single = paired_difference([one] * 5), paired_difference([one])
    assert alike.spread.over_seeds == pytest.approx(single.spread.over_seeds)
    assert alike.spread.over_items == pytest.approx(single.spread.over_items / 5)
    # What the seeds do to the targets in different order evens out.
    turned = [Paired(np.roll(left, i, axis=0), np.roll(right, i, axis=0), labels, "top1") for i in range(4)]
    assert paired_difference(turned).spread.over_seeds == pytest.approx(0, abs=1e-9)


def test_targets_of_a_mean_have_the_same_number_of_seeds() -> None:
    labels = np.zeros(5, int)
    targets = [Paired(np.full((s, 5), 100.0), np.zeros((s, 5)), labels, "top1") for s in (1, 2)]
    for wrong in (targets, []):
        with pytest.raises(ValueError, match="same seeds"):
            paired_difference(wrong)


def test_the_interval_over_seeds_and_items_is_at_least_that_of_either() -> None:
    spread = Spread(over_seeds=4.0, over_items=9.0, interaction=8.0, seed_degrees=2, item_degrees=100)
    either = (
        Spread(4.0, 0.0, 0.0, 2, 100),
        Spread(0.0, 9.0, 0.0, math.inf, 100),
    )
    assert half_width(spread, 0.025) > max(half_width(one, 0.025) for one in either)
    assert half_width(either[0], 0.025) == pytest.approx(2 * stats.t.ppf(0.975, 2))
    assert half_width(Spread(0.0, 9.0, 8.0, 2, 100), 0.025) == pytest.approx(3 * stats.t.ppf(0.975, 100))
