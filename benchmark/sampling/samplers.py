"""Samplers by the name that a user gives: the paper's, sixteen of `baselines`, anybody's class or list of picks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from baselines import SAMPLERS
from baselines.core.selection import Budget
from benchmark.errors import UserError
from benchmark.specs.base import canonical_json, digest
from benchmark.stages.sample import OracleSampling, PluginSampling, RandomSampling, Sampling, SimCoreSampling
from benchmark.stages.sample.names import INNER, ResolvedSampler, resolve

STOP = "stop"
ORACLE = "oracle"
OF_TABLES = ("simcore", "simcore-k1")
"""Samplers whose picks are those of the tables' rows, k and patience included."""


@dataclass(frozen=True)
class NamedSampler:
    """A sampler under its name. `stops` says whether it has a stopping rule; `local` where its files are. `listed`: it
    is a file of ids."""

    name: str
    sampling: Sampling
    stops: bool
    local: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False

    @property
    def sees_features(self) -> bool:
        """Whether it looks at features of the target and the pool."""
        return not (self.listed or isinstance(self.sampling, RandomSampling | OracleSampling))


def find_sampler(text: str, simcore: SimCoreSampling) -> NamedSampler:
    """The sampler that `text` names, as `benchmark.stages.sample.names` reads it. `simcore` is SimCore as the tables of
    this profile and protocol run it. Raises UserError for a name or a class that cannot be used."""
    if text == ORACLE:
        return NamedSampler(text, OracleSampling(), stops=False)
    plugin = resolve(text)
    registered = plugin.identity.get("sampler")
    if registered == "random":
        return NamedSampler(plugin.name, RandomSampling(), stops=False)
    if registered in OF_TABLES:
        return NamedSampler(plugin.name, _of_tables(registered, plugin, simcore), stops=True)
    identity = canonical_json(plugin.identity)
    # A filter around SimCore wraps the one that it is compared with, not one of other k and patience.
    inner = simcore if plugin.kind == "registry" and INNER in plugin.identity["fields"] else None
    sampling = PluginSampling(identity=identity, inner=inner)
    listed = plugin.kind == "ids"
    return NamedSampler(plugin.name, sampling, _stops(plugin), {digest(identity): text}, listed)


def _of_tables(registered: str, plugin: ResolvedSampler, simcore: SimCoreSampling) -> SimCoreSampling:
    """SimCore as the tables run it, but for the fields that the user typed, were they the class's own defaults."""
    fields = {"k": 1} if registered == "simcore-k1" else {}
    typed = {name: value for name, value in plugin.given.items() if name in SimCoreSampling.model_fields}
    return SimCoreSampling.model_validate({**simcore.model_dump(), **fields, **typed})


def _stops(plugin: ResolvedSampler) -> bool:
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
