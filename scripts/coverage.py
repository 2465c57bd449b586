"""How often the interval of a mean difference over targets holds the truth, by simulation.

`python -m scripts.coverage --save results/bench/coverage.json` prints and keeps one line per world: targets, seeds,
what differs between seeds, coverage of the nominal 95 %, and the median half-width in points (about two minutes on one
core; `--worlds 400` for a quick look).
tests/scripts/test_interval_coverage.py holds the same worlds to their limits.

A row's answer to an item is right where a sum of normal variables is above zero: the row's level, the item's
difficulty (shared by the two rows), the row's quirk with the item, what the seed does to the row on all targets
(`shared`) and on this one (`own`), and noise of its own for every seed and item. The truth is known in closed form.
The sizes of the seeds' effects are those of the committed results: 5 points is the largest standard deviation over
seeds of a difference of two rows in results/mini (with the interaction taken off), and about half of all have 0.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np

from benchmark.specs.datasets import Metric
from benchmark.statistics import Parts, combine, half_width, variance_parts
from scripts.bench_record import Plain, add_options, save

LEVELS = (0.3, 0.0)
QUIRK = 0.5
BATCH = 100
EFFECTS = {  # standard deviations of (shared, own) on the scale of a standard normal difficulty
    "nothing": (0.0, 0.0),
    "all targets alike, 2 points": (0.05, 0.0),
    "all targets alike, 5 points": (0.13, 0.0),
    "each target by itself, 5 points": (0.0, 0.13),
    "both, 2 points each": (0.05, 0.05),
}


@dataclass(frozen=True)
class World:
    """What is drawn: `seeds` on each of `targets` with `items` test items, and what differs between seeds."""

    targets: int
    seeds: int
    effect: str
    items: int = 300
    metric: Metric = "top1"

    @property
    def labels(self) -> np.ndarray:
        """[items]: ten classes, the larger ones three times as large as the smaller ones."""
        return np.repeat(np.arange(10), np.where(np.arange(10) % 2, 3, 1) * self.items // 20)

    @property
    def truth(self) -> float:
        """The expected difference in points."""
        shared, own = EFFECTS[self.effect]
        sigma = math.sqrt(1 + QUIRK**2 + shared**2 + own**2 + 1)
        right = [NormalDist().cdf(level / sigma) for level in LEVELS]
        return 100 * (right[0] - right[1])


@dataclass(frozen=True)
class Coverage:
    """The share of draws whose interval holds the truth, and the median half-width in points."""

    covered: float
    half_width: float


def worlds(targets: tuple[int, ...] = (1, 3, 11), seeds: tuple[int, ...] = (2, 3, 5, 10)) -> list[World]:
    """Every number of targets, of seeds and every effect; and larger test sets and the mean over classes beside."""
    grid = [World(t, s, effect) for t in targets for s in seeds for effect in EFFECTS]
    large = [World(1, s, "all targets alike, 2 points", items=2000) for s in seeds]
    return grid + large + [World(3, s, "both, 2 points each", metric="mean_per_class") for s in seeds]


def simulate(world: World, many: int, seed: int = 0) -> Coverage:
    """The coverage over `many` draws of `world`."""
    rng, truth, halves, held = np.random.default_rng(seed), world.truth, [], 0
    for _ in range(0, many, BATCH):
        for value, half in _intervals(_draw(rng, world)):
            halves.append(half)
            held += abs(value - truth) <= half
    return Coverage(held / len(halves), float(np.median(halves)))


def _draw(rng: np.random.Generator, world: World) -> list[Parts]:
    """BATCH draws of the world, reduced to the parts of their variances, for each target."""
    labels, (shared, own) = world.labels, EFFECTS[world.effect]
    shape = (BATCH, world.seeds, len(labels))

    def normal(*size: int) -> np.ndarray:
        return rng.standard_normal(size, dtype=np.float32)

    of_all = [shared * normal(BATCH, world.seeds, 1) for _ in LEVELS]
    parts = []
    for _ in range(world.targets):
        difficulty = normal(BATCH, 1, len(labels))
        right = [
            level + difficulty + QUIRK * normal(BATCH, 1, len(labels)) + every + own * normal(BATCH, world.seeds, 1)
            > normal(*shape)
            for level, every in zip(LEVELS, of_all, strict=True)
        ]
        parts.append(variance_parts(100 * (right[0].astype(np.float32) - right[1]), labels, world.metric))
    return parts


def _intervals(targets: list[Parts]) -> Iterator[tuple[float, float]]:
    """Value and half-width of every draw, in points."""
    for i in range(BATCH):
        one = [Parts(t.per_seed[i], t.over_items[i], t.interaction[i], t.degrees[i]) for t in targets]
        value, spread = combine(one)
        yield value, half_width(spread, 0.025)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=4000, help="draws of each line")
    add_options(parser)
    options = parser.parse_args()
    cases: list[dict[str, Plain]] = []
    print("| targets | seeds | test images | metric | seeds differ in | coverage % | half-width |")
    print("|---:|---:|---:|---|---|---:|---:|")
    for world in [*worlds(seeds=(1,)), *worlds()]:
        result = simulate(world, options.worlds)
        shared, own = EFFECTS[world.effect]
        measured = {"coverage_percent": 100 * result.covered, "half_width": result.half_width}
        cases.append({**asdict(world), "shared": shared, "own": own, **measured})
        cells = (world.targets, world.seeds, world.items, world.metric, world.effect)
        print(f"| {' | '.join(map(str, cells))} | {100 * result.covered:.1f} | {result.half_width:.1f} |", flush=True)
    if options.save:
        save(options.save, cases, options.load, draws=options.worlds)


if __name__ == "__main__":
    main()
