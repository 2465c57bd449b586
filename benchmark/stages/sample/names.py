"""What a user names as a sampler, resolved.

A name is one of:

* a sampler of `baselines`: `simcore`;
* a class of a module that can be imported from here: `my_pkg.my_module:MySampler`;
* a class of a file: `path/to/file.py:MySampler`;
* an entry point of an installed package, group `benchmark.samplers`: `my-sampler`;
* a file of item ids: `picks.txt`.

Fields follow after a last colon, which no shell takes for itself: `simcore:k=50,tau=0.9`. Values are YAML scalars or
flow lists (`levels=[100,10]`).
"""

import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

import yaml

from baselines import SAMPLERS, Entry, Sampler
from benchmark.errors import UnknownName, UserError
from benchmark.stages.sample.id_list import read_ids

GROUP = "benchmark.samplers"
INNER = "sampler"
"""The field of a sampler of `baselines` that holds the one it wraps."""
IDLE = ("block_rows", "device")
"""Fields of samplers of `baselines` that move time and memory only."""

Kind = Literal["registry", "module", "file", "entry point", "ids"]
Fields = dict[str, Any]

_FIELD = r"[A-Za-z_]\w*="
# PyYAML reads YAML 1.1, where 1e-3 without a point is a word.
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")


@dataclass(frozen=True)
class ResolvedSampler:
    """A sampler as it was named.

    name: what tables call it: what the user wrote, without folders.
    identity: what its picks depend on, as values that JSON can hold. For a sampler of `baselines` its name, version
        and all fields; for other code the class, the SHA-256 of the file that defines it (not of what that file
        imports) and the fields given; for a file of ids their SHA-256.
    given: the fields that the user typed.
    make: a new sampler, `make(items)` for a pool whose rows have these ids; only a file of ids needs them, all others
        are made by `make()` too. Raises UserError.
    """

    kind: Kind
    name: str
    identity: Mapping[str, Any]
    given: Fields
    make: Callable[..., Sampler]


def resolve(text: str) -> ResolvedSampler:
    """The sampler that `text` names, made once to see that it can be made.

    A name of `baselines` goes before an entry point, an entry point before a file. Raises UserError, one line, for all
    that can be wrong with it, whatever outside code raises.
    """
    name, fields = _split(text)
    if name in SAMPLERS:
        return _registered(SAMPLERS[name], text, fields)
    origin, colon, attribute = name.rpartition(":")
    if colon:
        return _of_class(origin, attribute, text, fields)
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name in points:
        return _of_entry_point(points[name], text, fields)
    return _of_id_file(name, fields, sorted({*SAMPLERS, *points}))


def parse_fields(text: str) -> Fields:
    """`k=50,tau=0.9` as {"k": 50, "tau": 0.9}. A comma separates only where a name and = follow."""
    fields: Fields = {}
    for part in re.split(rf",(?={_FIELD})", text):
        name, _, value = part.partition("=")
        if name in fields:
            raise UserError(f"field '{name}' is given twice in '{text}'")
        fields[name] = _value(name, value)
    return fields


def _split(text: str) -> tuple[str, Fields]:
    name, *rest = re.split(rf":(?={_FIELD})", text, maxsplit=1)
    return name, parse_fields(rest[0]) if rest else {}


def _value(name: str, text: str) -> Any:
    if _EXPONENT.fullmatch(text):
        return float(text)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"field {name}: '{text}' is not a value") from None
    # Samplers are frozen: a list that someone else could change is no field.
    return tuple(value) if isinstance(value, list) else value


def _registered(entry: Entry, text: str, fields: Fields) -> ResolvedSampler:
    make = _maker(text, _guarded(f"sampler {entry.name}", lambda: entry.type), entry.make, fields)
    sampler: Any = make()  # one of ours: a dataclass
    identity = {"sampler": entry.name, "version": entry.version, "fields": _moving(asdict(sampler))}
    return ResolvedSampler("registry", text, identity, fields, make)


def _moving(fields: Fields) -> Fields:
    """The fields that can move a pick. Those of inner samplers are included."""
    return {
        name: _moving(value) if isinstance(value, dict) else value for name, value in fields.items() if name not in IDLE
    }


def _of_class(origin: str, attribute: str, text: str, fields: Fields) -> ResolvedSampler:
    if origin.endswith(".py"):
        path = Path(origin)
        sampler_class = _class(_from_file(path), attribute, path.name)
        return _of_type("file", sampler_class, text.replace(origin, path.name, 1), fields)
    return _of_type("module", _class(_import(origin), attribute, origin), text, fields)


def _of_entry_point(point: EntryPoint, text: str, fields: Fields) -> ResolvedSampler:
    loaded = _guarded(f"entry point {point.name} ({point.value})", point.load)
    return _of_type("entry point", _with_select(loaded, point.value), text, fields)


def _of_type(kind: Kind, sampler_class: type[Sampler], name: str, fields: Fields) -> ResolvedSampler:
    make = _maker(name, sampler_class, sampler_class, fields)
    make()
    identity = {"class": sampler_class.__qualname__, "sha256": _source_sha256(sampler_class), "fields": fields}
    return ResolvedSampler(kind, name, identity, fields, make)


def _of_id_file(name: str, fields: Fields, known: list[str]) -> ResolvedSampler:
    path = Path(name)
    if path.suffix == ".py":
        raise UserError(f"'{name}' says no class: give {name}:MySampler")
    if not path.is_file() and (path.suffix or path.parent != Path()):
        raise UserError(f"there is no file '{name}'; a class is given as pkg.module:MySampler or file.py:MySampler")
    if not path.is_file():
        raise UnknownName("sampler", name, known)
    if fields:
        raise UserError(f"{name}: a list of ids has no fields")
    ids = read_ids(path)
    return ResolvedSampler("ids", path.name, {"ids_sha256": ids.sha256, "ids": len(ids.ids)}, {}, ids.bind)


def _maker(
    name: str, sampler_class: type[Sampler], call: Callable[..., Sampler], fields: Fields
) -> Callable[..., Sampler]:
    """A function that makes the sampler. UserError where its class lacks one of the fields."""
    parameters = _guarded(name, partial(inspect.signature, sampler_class)).parameters.values()
    known = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    unknown = [field for field in fields if field not in known]
    if unknown and not any(one.kind is one.VAR_KEYWORD for one in parameters):
        there = f"its fields: {', '.join(known)}" if known else "it has none"
        raise UserError(f"{name}: {sampler_class.__name__} has no field '{unknown[0]}'; {there}")

    def make(items: Sequence[str] = ()) -> Sampler:
        sampler: Sampler = _guarded(f"{name} cannot be made", partial(call, **fields))
        return sampler

    return make


def _class(module: ModuleType, attribute: str, origin: str) -> type[Sampler]:
    if not hasattr(module, attribute):
        there = sorted(name for name, one in vars(module).items() if inspect.isclass(one) and hasattr(one, "select"))
        raise UserError(f"{origin} has no '{attribute}'; its samplers: {', '.join(there) or 'none'}")
    return _with_select(getattr(module, attribute), f"{origin}:{attribute}")


def _with_select(candidate: Any, name: str) -> type[Sampler]:
    if not inspect.isclass(candidate):
        raise UserError(f"{name} is no class but a {type(candidate).__name__}")
    if not callable(getattr(candidate, "select", None)):
        raise UserError(f"{name} is no sampler: it has no method select(target, pool, *, budget, seed)")
    return cast("type[Sampler]", candidate)


def _import(name: str) -> ModuleType:
    # `python -m` looks in the current folder by itself, the installed command does not.
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.append(str(Path.cwd()))
    module: ModuleType = _guarded(f"module {name} cannot be imported", partial(import_module, name))
    return module


def _from_file(path: Path) -> ModuleType:
    """The file run as a module of its own; what is hashed is what runs. It can import what lies beside it."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    module = ModuleType(f"benchmark_plugin_{hashlib.sha256(source).hexdigest()[:16]}")
    module.__file__ = str(path)
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))
    sys.modules[module.__name__] = module  # dataclasses look their module up
    _guarded(f"{path.name} cannot be run", lambda: exec(compile(source, str(path), "exec"), vars(module)))
    return module


def _source_sha256(sampler_class: type) -> str:
    file = getattr(sys.modules.get(sampler_class.__module__), "__file__", None)
    if file is None:
        raise UserError(
            f"{sampler_class.__name__} has no source file: its picks could not be told from another version's"
        )
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _guarded(what: str, call: Callable[[], Any]) -> Any:
    """The result of `call`, which is code of someone else. Each of its errors, also an exit, becomes one line."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise UserError(f"{what}: {type(error).__name__}: {text}".rstrip(": ")) from error
