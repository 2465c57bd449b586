"""What a comparison says of the differences between samplers: paired intervals, and no verdict by one seed."""

import numpy as np
import pytest

from benchmark.comparison.outcome import ACCURACY, Line, Outcome, Score
from benchmark.comparison.report import render
from benchmark.statistics import Paired, paired_difference

LABELS = np.zeros(50, np.int32)


def score(sampler: str, seed: int, p: float) -> Score:
    correct = np.random.default_rng((seed, int(100 * p))).random(50) < p
    values = {ACCURACY: 100 * float(correct.mean()), "purity": 10 * p + seed}
    return Score(sampler, "5%", "cub", seed, values, correct=correct, labels=LABELS)


def outcome(*seeds: int) -> Outcome:
    chances = {"simcore": 0.5, "mine": 0.7}
    lines = tuple(Line(name, "5%", "cub", tuple(score(name, s, p) for s in seeds)) for name, p in chances.items())
    return Outcome("a test", "simcore", lines, standins=False, seeds=seeds, packages={})


@pytest.mark.parametrize("format_", ["text", "md"])
def test_one_seed_is_not_judged_and_shows_its_interval_over_images(format_):
    one = outcome(3)
    shown = " ".join(render(one, format_).split())
    assert "One seed (3): not judged." in shown
    estimate = one.lines[1].difference(one.lines[0], ACCURACY)
    assert estimate.basis == "items" and f"{estimate.value:+.1f} [{estimate.low:+.1f}, {estimate.high:+.1f}]" in shown
    assert "not judged" not in render(outcome(3, 4), format_)


def test_several_seeds_are_paired_as_in_a_table():
    two = outcome(0, 1, 2)
    left, right = (np.array([one.correct for one in line.scores]) for line in two.lines[::-1])
    assert two.lines[1].difference(two.lines[0], ACCURACY) == paired_difference([Paired(left, right, LABELS, "top1")])
