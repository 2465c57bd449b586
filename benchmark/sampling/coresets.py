"""The stages that make a coreset and measure it, for any sampler."""

from collections.abc import Callable
from dataclasses import dataclass

from baselines.core.selection import Budget
from benchmark.errors import UserError
from benchmark.sampling.samplers import NamedSampler
from benchmark.specs.stages import Images, Stage
from benchmark.stages.measure import KIND as MEASURE
from benchmark.stages.measure import CoresetMetricsSpec
from benchmark.stages.purity import KIND as PURITY
from benchmark.stages.purity import Purity
from benchmark.stages.sample import KIND as SAMPLE
from benchmark.stages.sample import OracleSampling, RandomSampling, SampleSpec, SimCoreSampling

WHOLE = 20_000
"""Images: of a larger pool as many are drawn to stand for it. Pairs of all images cost the square of their number."""


@dataclass(frozen=True)
class Features:
    """Features of the target's images and of the pool's, by one encoder: two `embed` stages."""

    target: Stage
    pool: Stage


@dataclass(frozen=True)
class Pool:
    """What a coreset is picked from for one target.

    `relevance` is the labels that say which images are relevant, `sources` those that say where images come from; None
    where there are none. `features` plans the features of both, which not every sampler needs.
    """

    images: Images
    relevance: Images | None
    sources: Images | None
    features: Callable[[], Features]


def coreset(
    sampler: NamedSampler, budget: Budget, seed: int, pool: Pool, label: str, simcore: SimCoreSampling
) -> Stage:
    """The stage that picks a coreset.

    Without a budget a sampler that has no stopping rule takes as many images as `simcore` stops at. A random coreset of
    a fixed size depends on no target, so that all targets share it. UserError for the oracle on a pool without labels.
    """
    inputs: list[tuple[str, Stage | Images]] = [("openset", pool.images)]
    if isinstance(sampler.sampling, OracleSampling):
        if pool.relevance is None:
            raise UserError(f"open-set '{pool.images.name}' has no relevance labels for the target of {label}")
        inputs.append(("relevance", pool.relevance))
    if sampler.sees_features:
        features = pool.features()
        inputs += [("target", features.target), ("pool", features.pool)]
    if budget is None and not sampler.stops:
        stopped = NamedSampler("simcore", simcore, stops=True)
        inputs.append(("size_of", coreset(stopped, None, seed, pool, f"simcore, size of {label}", simcore)))
    return Stage(SAMPLE, SampleSpec(sampling=sampler.sampling, budget=budget, seed=seed), tuple(inputs), label)


def random_beside(picks: Stage, pool: Pool) -> Stage:
    """A random draw of as many images as `picks` has, to compare it with; another draw where `picks` is one itself."""
    draw = picks.spec
    assert isinstance(draw, SampleSpec)
    sampling = RandomSampling()
    seed = draw.seed + (draw.sampling == sampling)
    inputs: list[tuple[str, Stage | Images]] = [("openset", pool.images)]
    if draw.budget is None:
        inputs.append(("size_of", picks))
    spec = SampleSpec(sampling=sampling, budget=draw.budget, seed=seed)
    return Stage(SAMPLE, spec, tuple(inputs), f"random, size of {picks.label}")


def whole(pool: Pool) -> Stage:
    """All images of the pool as if they were picked; of a pool of more than `WHOLE` images so many, drawn at random."""
    budget = "100%" if pool.images.count is None else min(WHOLE, pool.images.count)
    spec = SampleSpec(sampling=RandomSampling(), budget=budget, seed=0)
    return Stage(SAMPLE, spec, (("openset", pool.images),), f"the whole of {pool.images.label}")


def geometry(picks: Stage, pool: Pool) -> Stage:
    """The metrics of a coreset in the space that it was picked in."""
    features = pool.features()
    inputs: list[tuple[str, Stage | Images]] = [
        ("coreset", picks),
        ("target", features.target),
        ("pool", features.pool),
        ("openset", pool.images),
    ]
    if pool.sources is not None:
        inputs.append(("sources", pool.sources))
    return Stage(MEASURE, CoresetMetricsSpec(), tuple(inputs), f"metrics of {picks.label}")


def purity(picks: Stage, openset: Images, relevance: Images | None) -> Stage | None:
    """How much of a coreset is relevant to the target of `relevance`; None where no labels say so."""
    if relevance is None:
        return None
    inputs = (("coreset", picks), ("openset", openset), ("relevance", relevance))
    return Stage(PURITY, Purity(), inputs, f"purity of {picks.label}")
