"""What `list`, `show` and `status` print."""

import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from baselines import SAMPLERS, Entry
from benchmark.errors import UnknownName, UserError
from benchmark.methods import METHODS
from benchmark.networks import NETWORKS
from benchmark.opensets import OPENSETS
from benchmark.profiles import PROFILES, Profile, find_profile
from benchmark.protocols import PROTOCOLS
from benchmark.published import load_table, table_names
from benchmark.recipe_text import recipe_text, small_text
from benchmark.recipes import MethodEntry
from benchmark.specs import Spec
from benchmark.stages import KINDS
from benchmark.store import Store
from benchmark.table_text import table_text
from benchmark.targets import OTHER_TARGETS, TARGETS
from benchmark.variants import VARIANTS


def _targets() -> Iterable[str]:
    for target in (*TARGETS, *OTHER_TARGETS):
        counts = f"{target.classes:>4} classes {target.train:>7,} train {target.test:>6,} test"
        yield f"{target.name:<11} {target.title:<9} {counts}  {target.metric}"


def _opensets() -> Iterable[str]:
    for openset in OPENSETS:
        parts = f"  = {' + '.join(openset.parts)}" if openset.parts else ""
        yield f"{openset.name:<11} {openset.title:<22} {openset.images:>10,} images{parts}"


def _tables() -> Iterable[str]:
    for name in table_names():
        table = load_table(name)
        columns = f"{len(table.columns):>2} column{'' if len(table.columns) == 1 else 's'}"
        yield f"{table.id:<16} {len(table.rows):>2} rows x {columns:<10}  {table.title}"


def _variants() -> Iterable[str]:
    return (f"{variant.name:<23} {variant.title}" for variant in VARIANTS.values())


def _profiles() -> Iterable[str]:
    return (f"{p.name:<6} protocol {p.protocol:<8} {p.summary}" for p in PROFILES.values())


def _protocols() -> Iterable[str]:
    return (f"{protocol.name:<8} {protocol.summary}" for protocol in PROTOCOLS.values())


def _methods() -> Iterable[str]:
    for method in METHODS:
        yield f"{method.name:<13} {method.title:<28} engines: {', '.join(method.engines):<20} {method.reference}"


def _backbones() -> Iterable[str]:
    for network in NETWORKS.values():
        backbone = network.backbone.model_dump()
        size = f"{network.features:>5} features {network.parameters / 1e6:>6.1f} M parameters  {network.reading:<12}"
        yield f"{backbone['name']:<22} {backbone['library']:<12} {size} {network.note}".rstrip()
    yield "any other name of timm"


def _samplers() -> Iterable[str]:
    for entry in SAMPLERS.values():
        rule = "stopping rule" if entry.stops else ""
        yield f"{entry.name:<18} {rule:<14} {entry.reference}"


RECIPE = "recipe "
KEY = re.compile("[0-9a-f]{8,}")

LISTS: dict[str, Callable[[], Iterable[str]]] = {
    "targets": _targets,
    "opensets": _opensets,
    "tables": _tables,
    "variants": _variants,
    "profiles": _profiles,
    "protocols": _protocols,
    "samplers": _samplers,
    "methods": _methods,
    "backbones": _backbones,
}


def listing(what: str | None) -> str:
    """One list, or all of them."""
    if what is None:
        return "\n\n".join(f"{name}\n" + "\n".join(f"  {line}" for line in make()) for name, make in LISTS.items())
    if what not in LISTS:
        raise UnknownName("list", what, list(LISTS))
    return "\n".join(LISTS[what]())


def describe(name: str, store: Path, profile: str = "paper") -> str:
    """All that is known of a name: a method's recipe ("byol" or "recipe byol") in `profile`, a published table or a
    sampler as text, the rest as JSON; a stage goes by the first eight or more digits of its key."""
    if name == RECIPE.strip():
        raise UserError(f"recipe of which method? {', '.join(METHODS.names())}")
    if name.startswith(RECIPE) or name in METHODS:
        return _recipe_text(METHODS.get(name.removeprefix(RECIPE)), find_profile(profile))
    specs: dict[str, Spec] = {**PROFILES, **PROTOCOLS, **VARIANTS, **NETWORKS}
    specs |= {openset.name: openset for openset in OPENSETS} | {
        target.name: target for target in (*TARGETS, *OTHER_TARGETS)
    }
    if name in specs:
        return specs[name].model_dump_json(indent=2)
    if name in SAMPLERS:
        return _sampler_text(SAMPLERS[name])
    if name.removeprefix("table") in (known.removeprefix("table") for known in table_names()):
        return table_text(load_table(name))
    records = [path for kind in KINDS for path in (store / kind).glob(f"{name}*/record.json")] if len(name) >= 8 else []
    if len(records) == 1:
        return json.dumps(json.loads(records[0].read_text()), indent=2)
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


def store_text(root: Path) -> str:
    """What a store holds."""
    if not root.is_dir():
        raise UserError(f"there is no store {root}; --store names another")
    store = Store(root)
    lines = [f"store {root}"]
    for kind in KINDS:
        folders = store.finished(kind)
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        lines.append(f"  {kind:<9} {len(folders):>5} finished {size / 1e6:>10,.1f} MB")
    unfinished = [path.name for path in (root / "scratch").glob("*")]
    lines += [f"  checkpoint of an unfinished stage: {key[:12]}" for key in unfinished]
    lines += [f"  FAILED {f['label']}: {f['traceback'].strip().splitlines()[-1]}" for f in store.failures()]
    return "\n".join(lines)
