"""What `list`, `show` and `status` print."""

import inspect
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from baselines import SAMPLERS, Entry
from benchmark.commands._data_root import counts, data_of
from benchmark.commands._stages import KEY, encoder_of, find_stage
from benchmark.commands.show.recipe import recipe_text, small_text
from benchmark.commands.show.table import table_text
from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS
from benchmark.errors import UnknownName, UserError
from benchmark.execution.record import Damage, Record
from benchmark.execution.store import Store, StoredStage
from benchmark.methods import METHODS
from benchmark.planning.profiles import PROFILES, Profile, find_profile
from benchmark.published.tables import load_table, table_names
from benchmark.specs.base import Spec
from benchmark.specs.datasets import Role
from benchmark.specs.methods import MethodEntry
from benchmark.specs.protocols import PROTOCOLS
from benchmark.specs.variants import VARIANTS
from benchmark.training.backbone_names import NETWORKS

RECIPE = "recipe "


def describe(name: str, store: Path, profile: str = "paper", data_root: Path | None = None) -> str:
    """All that is known of a name: a method's recipe ("byol" or "recipe byol") in `profile`, a published table or a
    sampler as text, the rest as JSON; a stage goes by its label or the first eight or more digits of its key."""
    if name == RECIPE.strip():
        raise UserError(f"recipe of which method? {', '.join(METHODS.names())}")
    if name.startswith(RECIPE) or name in METHODS:
        return _recipe_text(METHODS.get(name.removeprefix(RECIPE)), find_profile(profile))
    specs: dict[str, Spec] = {**PROFILES, **PROTOCOLS, **VARIANTS, **NETWORKS}
    specs |= {openset.name: openset for openset in OPENSETS} | {target.name: target for target in TARGETS}
    if name in specs:
        return json.dumps(json.loads(specs[name].model_dump_json()) | _there(name, store, data_root), indent=2)
    if name in SAMPLERS:
        return _sampler_text(SAMPLERS[name])
    if name.removeprefix("table") in (known.removeprefix("table") for known in table_names()):
        return table_text(load_table(name))
    if (entry := find_stage(Store(store), name)) is not None:
        return json.dumps(_known(Store(store), entry), indent=2)
    if there := _there(name, store, data_root):
        return json.dumps({"name": name, **there}, indent=2)
    if KEY.fullmatch(name):
        raise UserError(f"store {store} has no stage whose key begins with {name}; --store names another")
    raise UnknownName("name", name, [*specs, *SAMPLERS, *METHODS.names(), *table_names()])


def _recipe_text(entry: MethodEntry, profile: Profile) -> str:
    return recipe_text(entry) if profile.paper else small_text(entry, profile.setup(entry.name).recipe, profile.name)


def _sampler_text(entry: Entry) -> str:
    """What the sampler's class says of itself, and the fields that its name stands for."""
    made: Any = entry.make()
    named = ", ".join(f"{field.name}={getattr(made, field.name)!r}" for field in fields(made))
    return f"{entry.name}: {entry.reference}\n\n{inspect.getdoc(entry.type)}\n\nfields: {named or 'none'}"


def _known(store: Store, entry: StoredStage) -> dict[str, Any]:
    """The record of a finished stage; of another one its state, and what the store says of it."""
    own: dict[str, Any] = {"key": entry.key, "state": entry.state, "path": str(entry.path), **entry.note}
    if entry.is_result:
        try:
            result = store.result(entry.path.parent.name, entry.key)
        except Damage as damage:
            return own | {"damage": damage.finding}
        return own if result is None else result.record.to_json() | _encoder(store, result.record)
    crash = store.crash(entry.key)
    if crash is not None:
        own |= {"kind": crash.kind, "label": crash.label, "traceback": crash.traceback}
    return own


def _there(name: str, store: Path, data_root: Path | None) -> dict[str, Any]:
    """What the data root has of that name: `targets` and `opensets`, each with its counts."""
    data = data_of(data_root, store)
    roles: tuple[Role, ...] = ("targets", "opensets")
    there = {role: counts(data, role, name) for role in roles if data.has(role, name)}
    return {"data_root": {"path": str(data_root), **there}} if there else {}


def _encoder(store: Store, record: Record) -> dict[str, Any]:
    """Key and label of the training that an evaluation or a coreset rests on, as `encoder`."""
    encoder = None if record.kind == "pretrain" else encoder_of(store, record)
    return {} if encoder is None else {"encoder": {"key": encoder.record.key, "label": encoder.record.label}}
