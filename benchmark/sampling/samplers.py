"""Samplers as a user names them, turned into stages: a draw from the pool, and the measures of what was drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from baselines import SAMPLERS
from baselines.core.selection import Budget
from benchmark.errors import UserError
from benchmark.planning.planner import Planner
from benchmark.specs.base import canonical_json, digest
from benchmark.specs.stages import Images, Stage
from benchmark.stages.measure import KIND as MEASURE
from benchmark.stages.measure import Measures
from benchmark.stages.sample import KIND as SAMPLE
from benchmark.stages.sample import (
    Draw,
    PluginSampling,
    RandomSampling,
    Sampling,
    SimCoreSampling,
)
from benchmark.stages.sample.names import Plugin, resolve

STOP = "stop"
SHARED = ("simcore", "simcore-k1")
"""Samplers whose draws are those of the tables' rows, k and patience included."""

INNER = "sampler"
"""The field of a sampler of `baselines` that holds the one it wraps."""


@dataclass(frozen=True)
class Features:
    """What samplers look at: features of the target and of the pool, and the pool's images."""

    target: Stage
    pool: Stage
    openset: Images


@dataclass(frozen=True)
class Entrant:
    """A sampler under its name. `stops` says whether it has a stopping rule; `local` where its files are."""

    name: str
    sampling: Sampling
    stops: bool
    local: Mapping[str, str] = field(default_factory=dict)

    def draw(self, budget: Budget, seed: int, features: Features, label: str, size_of: Stage | None = None) -> Stage:
        """One coreset. With `size_of` it is as large as that stage's, whatever `budget` says."""
        inputs: list[tuple[str, Stage | Images]] = [("openset", features.openset)]
        if not isinstance(self.sampling, RandomSampling):
            inputs = [("target", features.target), ("pool", features.pool), *inputs]
        if size_of is not None:
            inputs.append(("size_of", size_of))
        return Stage(SAMPLE, Draw(sampling=self.sampling, budget=budget, seed=seed), tuple(inputs), label)


def measure(coreset: Stage, features: Features) -> Stage:
    """The metrics of a coreset in the space that it was picked in."""
    inputs = (
        ("coreset", coreset),
        ("target", features.target),
        ("pool", features.pool),
        ("openset", features.openset),
    )
    return Stage(MEASURE, Measures(), inputs, f"metrics of {coreset.label}")


def find_entrant(text: str, planner: Planner) -> Entrant:
    """The sampler that `text` names, as `benchmark.stages.sample.names` reads it."""
    plugin = resolve(text)
    registered = plugin.identity.get("sampler")
    if registered == "random":
        return Entrant(plugin.name, RandomSampling(), stops=False)
    if registered in SHARED:
        return Entrant(plugin.name, _shared(registered, plugin, planner), stops=True)
    identity = canonical_json(plugin.identity)
    # A filter around SimCore wraps the one that it is compared with, not one of other k and patience.
    inner = planner.simcore() if plugin.kind == "registry" and INNER in plugin.identity["fields"] else None
    sampling = PluginSampling(identity=identity, inner=inner)
    return Entrant(plugin.name, sampling, _stops(plugin), {digest(identity): text})


def _shared(registered: str, plugin: Plugin, planner: Planner) -> SimCoreSampling:
    """SimCore as the tables run it, but for the fields that the user typed, were they the class's own defaults."""
    sampling = planner.simcore(k=1 if registered == "simcore-k1" else None)
    known = {name: value for name, value in plugin.given.items() if name in SimCoreSampling.model_fields}
    return SimCoreSampling.model_validate({**sampling.model_dump(), **known})


def _stops(plugin: Plugin) -> bool:
    """Whether the sampler can do without a budget: those of `baselines` say so, others by an attribute `stops`."""
    if plugin.kind == "registry":
        return SAMPLERS[plugin.identity["sampler"]].stops
    return plugin.kind == "ids" or bool(getattr(plugin.make(), "stops", False))


def read_budget(text: str) -> Budget:
    """A budget as typed: "5%", a number of images, or "stop" for the stopping rule. UserError for anything else."""
    if text == STOP:
        return None
    if text.isdecimal():
        return int(text)
    if text.endswith("%"):
        return text
    raise UserError(f"budget '{text}' is none: give images (500), a share of the pool (5%) or {STOP} (stopping rule)")
