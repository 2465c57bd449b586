"""The number of seeds, or of test images, that would decide an undecided difference."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmark.statistics import Estimate, Floats

MOST_SEEDS = 1000
MOST_ITEMS = 10_000_000


@dataclass(frozen=True)
class Needed:
    """What would decide. `seeds`: in all, on the same test images; `items`: test images in all (of all targets), with
    the same seeds. None where no number up to MOST_SEEDS or MOST_ITEMS does, or, for seeds, where one seed tells
    nothing of their spread."""

    seeds: int | None
    items: int | None


def needed(estimate: Estimate, distance: float, confidence: float, power: float = 0.8) -> Needed:
    """How many seeds or test items bring the interval at `confidence` clear of a bound that is `distance` points away
    from the value, with probability `power`, were the difference and its variances the measured ones.

    The sample size of a t-test, n >= (t_alpha + t_beta)^2 s^2 / d^2 (Snedecor and Cochran, Statistical Methods), for
    each part of the variance, and the parts added as `half_width` adds them. What is planned on a measured difference
    is as uncertain as that difference (Hoenig and Heisey, The American Statistician 55, 2001). At one seed `items`
    speaks of the interval over test items alone: the spread over seeds, which is not known, comes on top.
    """
    return Needed(_seeds(estimate, distance, confidence, power), _items(estimate, distance, confidence, power))


def _factor(degrees: ArrayLike, confidence: float, power: float) -> Floats:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(degrees, (1 + confidence) / 2) + stdtrit(degrees, power)) ** 2


def _seeds(estimate: Estimate, distance: float, confidence: float, power: float) -> int | None:
    """The smallest number of seeds: the part over seeds falls with them, the items' own part stays."""
    if estimate.seeds < 2:
        return None
    spread, numbers = estimate.spread, np.arange(2, MOST_SEEDS + 1)
    of_seeds = _factor(numbers - 1, confidence, power) * spread.over_seeds * estimate.seeds / numbers
    of_items = _factor(spread.item_degrees, confidence, power)
    over_items = spread.of_items + min(spread.interaction, spread.over_items) * estimate.seeds / numbers
    enough = np.maximum(of_seeds + of_items * spread.of_items, of_items * over_items) <= distance**2
    return int(numbers[enough.argmax()]) if enough.any() else None


def _items(estimate: Estimate, distance: float, confidence: float, power: float) -> int | None:
    """The smallest number of test items: their own part and the interaction fall with them, the seeds' own stays."""
    spread = estimate.spread
    of_seeds, of_items = (
        float(_factor(degrees, confidence, power)) for degrees in (spread.seed_degrees, spread.item_degrees)
    )
    # Of the variance over seeds the interaction's part falls too.
    falling = min(spread.interaction, spread.over_seeds)
    left = distance**2 - of_seeds * (spread.over_seeds - falling)
    if left <= 0:
        return None
    share = max(of_seeds * falling + of_items * spread.of_items, of_items * spread.over_items) / left
    items = math.ceil(share * estimate.items)
    return items if items <= MOST_ITEMS else None
