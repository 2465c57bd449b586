"""How many seeds or images would decide: against scipy, by hand, and by drawing that many."""

import math

import numpy as np
from scipy import stats

from benchmark.published.power import MOST_SEEDS, needed
from benchmark.statistics import Estimate, Paired, Spread, paired_difference


def estimate(spread: Spread, seeds: int = 3, items: int = 300) -> Estimate:
    basis = "seeds and items" if seeds > 1 else "items"
    return Estimate(1.0, 0, 0, math.sqrt(spread.variance), 0.5, 0.5, 0.95, spread, basis, seeds, items)


def test_seeds_by_the_sample_size_of_the_t_test() -> None:
    """Only seeds vary: the first n with (t_alpha + t_beta)^2 s^2 / n <= d^2."""
    s = 2.0
    need = needed(estimate(Spread(s**2 / 3, 0.0, 0.0, 2, math.inf)), 1.5, 0.95)
    enough = [(stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)) ** 2 * s**2 / n <= 1.5**2 for n in range(2, 99)]
    assert need.seeds == 2 + enough.index(True)
    # What the seeds do does not shrink with more images.
    assert need.items is None


def test_images_of_one_seed_by_hand() -> None:
    spread = Spread(0.0, 4.0, 0.0, math.inf, math.inf)
    factor = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2
    need = needed(estimate(spread, seeds=1), 1.5, 0.95)
    assert need.items == math.ceil(300 * factor * 4.0 / 1.5**2)
    assert need.seeds is None


def test_what_no_number_decides() -> None:
    """The items' own part stays with more seeds, the seeds' own part with more items; a zero stays a zero."""
    spread = Spread(over_seeds=4.0, over_items=4.0, interaction=1.0, seed_degrees=2, item_degrees=299)
    assert needed(estimate(spread), 1.0, 0.95) == needed(estimate(spread), 0.0, 0.95)
    assert needed(estimate(spread), 1.0, 0.95).seeds is None
    barely = needed(estimate(Spread(1.0, 0.0, 0.0, 2, 299)), 0.155, 0.95)
    assert barely.seeds is not None and 0.9 * MOST_SEEDS < barely.seeds <= MOST_SEEDS


def test_a_stricter_level_needs_more() -> None:
    spread = Spread(over_seeds=1.0, over_items=0.5, interaction=0.4, seed_degrees=2, item_degrees=299)
    loose, strict = (needed(estimate(spread), 2.0, confidence).seeds for confidence in (0.95, 0.99))
    assert loose is not None and strict is not None and loose < strict


def test_as_many_seeds_as_it_says_decide_four_times_in_five() -> None:
    """Draw the planned number of seeds and images 400 times: the interval is clear of zero in about 80 %."""
    rng, level = np.random.default_rng(0), 0.08

    def answers(seeds: int, items: int) -> Paired:
        difficulty = rng.normal(size=items)
        right = [
            100.0 * (mean + difficulty + 0.1 * rng.normal(size=(seeds, 1)) + rng.normal(size=(seeds, items)) > 0)
            for mean in (level, 0.0)
        ]
        return Paired(right[0], right[1], np.zeros(items, int), "top1")

    pilot = paired_difference([answers(40, 4000)])
    seeds = needed(pilot, abs(pilot.value), 0.95).seeds
    assert seeds is not None and 5 <= seeds <= 40
    decided = [paired_difference([answers(seeds, 4000)]).low > 0 for _ in range(400)]
    assert 0.7 < np.mean(decided) < 0.92
