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
from benchmark.record import Damage
from benchmark.specs import Spec
from benchmark.stages import KINDS
from benchmark.store import Store, StoredStage
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
    if KEY.fullmatch(name):
        return _stage_text(Store(store), name)
    raise UnknownName("name", name, [*specs, *SAMPLERS, *METHODS.names(), *table_names()])


def _recipe_text(entry: MethodEntry, profile: Profile) -> str:
    return recipe_text(entry) if profile.paper else small_text(entry, profile.setup(entry.name).recipe, profile.name)


def _sampler_text(entry: Entry) -> str:
    """What the sampler's class says of itself, and the fields that its name stands for."""
    made: Any = entry.make()
    named = ", ".join(f"{field.name}={getattr(made, field.name)!r}" for field in fields(made))
    return f"{entry.name}: {entry.reference}\n\n{inspect.getdoc(entry.type)}\n\nfields: {named or 'none'}"


def _stage_text(store: Store, begin: str) -> str:
    """What the store has of the stage whose key begins with `begin`, finished or not, as JSON."""
    entries = store.find(begin)
    if not entries:
        raise UserError(f"store {store.root} has no stage whose key begins with {begin}; --store names another")
    if len(entries) > 1:
        raise UserError(f"{len(entries)} stages of {store.root} have keys that begin with {begin}: give more digits")
    return json.dumps(_known(store, entries[0]), indent=2)


def _known(store: Store, entry: StoredStage) -> dict[str, Any]:
    """The record of a finished stage; of another one its state, and what the store says of it."""
    own: dict[str, Any] = {"key": entry.key, "state": entry.state, "path": str(entry.path), **entry.note}
    if entry.is_result:
        try:
            result = store.result(entry.path.parent.name, entry.key)
        except Damage as damage:
            return own | {"damage": damage.finding}
        return own if result is None else result.record.to_json()
    crash = store.crash(entry.key)
    if crash is not None:
        own |= {"kind": crash.kind, "label": crash.label, "traceback": crash.traceback}
    return own


def store_text(root: Path) -> str:
    """What a store holds."""
    store = _store(root)
    lines = [f"store {root}"]
    for kind in KINDS:
        folders = [result.folder for result in store.finished(kind)]
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
        lines.append(f"  {kind:<9} {len(folders):>5} finished {size / 1e6:>10,.1f} MB")
    lines += [f"  DAMAGED {line}" for line in store.check(contents=False)]
    for entry in store.damaged():
        lines.append(f"  put aside, in {entry.path}: {entry.note.get('damage', entry.key)}")
    for entry in store.checkpoints():
        label = entry.note.get("label", "")
        lines.append(f"  checkpoint of an unfinished stage: {entry.key[:12]} {label}".rstrip())
    lines += [f"  FAILED {crash.key[:12]} {crash.label}: {crash.reason}" for crash in store.failures()]
    return "\n".join(lines)


def check_text(root: Path) -> tuple[str, bool]:
    """What of a store is not what was written, after reading all of it; and whether all is."""
    # Imported here: the other overviews of names and stages do without numpy.
    from benchmark.images import manifest, pixels

    store = _store(root)
    problems = [*store.check(contents=True), *pixels.check_squares(root / pixels.FOLDER)]
    problems += manifest.check_manifests(root / manifest.FOLDER)
    verdict = f"{len(problems)} not as they were written" if problems else "all is as it was written"
    return "\n".join([f"store {root}: {verdict}", *(f"  DAMAGED {line}" for line in problems)]), not problems


def _store(root: Path) -> Store:
    if not root.is_dir():
        raise UserError(f"there is no store {root}; --store names another")
    return Store(root)
