"""One small generic registry: a folder of modules, one contribution each, found by listing the folder.

Entry points of other installed packages (`group`, such as `benchmark.targets`) join it. A contribution from outside
whose module cannot be imported is skipped with a warning that names it. A name that is taken and a field that is
missing are errors that name the file or the entry point.
"""

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from benchmark.errors import UnknownName, UserError

T = TypeVar("T")


class SkippedContribution(UserWarning):
    """A contribution of another package that cannot be imported and is therefore left out."""


class Registry(Generic[T]):
    """The contributions of type `type_` in package `package`: each module's `attribute`, keyed by its name.

    Modules whose names begin with "_" are what others are made of and contribute nothing.
    `kind` is the word used in messages. Nothing is imported before the first look-up, which raises UserError for a
    contribution that is not of type `type_`, lacks a field, or has a name that is taken.
    """

    def __init__(self, kind: str, package: str, type_: type[T], *, group: str, attribute: str = "entry") -> None:
        self.kind, self.group = kind, group
        self._package, self._type, self._attribute = package, type_, attribute

    @cached_property
    def _entries(self) -> dict[str, T]:
        entries: dict[str, T] = {}
        origins: dict[str, str] = {}
        for origin, entry in (*self._own(), *self._from_outside()):
            name = self._name_of(origin, entry)
            if name in entries:
                raise UserError(f"{origin}: the {self.kind} name '{name}' is taken by {origins[name]}")
            entries[name], origins[name] = entry, origin
        return dict(sorted(entries.items()))

    def _name_of(self, origin: str, entry: object) -> str:
        if not isinstance(entry, self._type):
            raise UserError(f"{origin}: '{self._attribute}' is a {type(entry).__name__}, not a {self._type.__name__}")
        name = getattr(entry, "name", None)
        if not isinstance(name, str) or not name:
            raise UserError(f"{origin}: field 'name' of its {self._type.__name__} is missing")
        return name

    def _own(self) -> Iterator[tuple[str, T]]:
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                origin = f"{self._package.replace('.', '/')}/{module.name}{'' if module.ispkg else '.py'}"
                try:
                    loaded = importlib.import_module(f"{self._package}.{module.name}")
                except ValidationError as error:
                    raise _wrong_fields(origin, error) from error
                yield origin, self._attribute_of(origin, loaded, self._attribute)

    def _from_outside(self) -> Iterator[tuple[str, T]]:
        for point in entry_points(group=self.group):
            origin = f"entry point {self.group}: {point.name} = {point.value}"
            try:
                loaded = importlib.import_module(point.module)
            except ValidationError as error:
                raise _wrong_fields(origin, error) from error
            except (Exception, SystemExit) as error:
                warnings.warn(_skipped(self.kind, origin, error), SkippedContribution, stacklevel=2)
            else:
                yield origin, self._attribute_of(origin, loaded, point.attr or self._attribute)

    def _attribute_of(self, origin: str, module: ModuleType, attribute: str) -> Any:
        if not hasattr(module, attribute):
            raise UserError(f"{origin}: '{attribute}' is missing in {module.__file__}")
        return getattr(module, attribute)

    def names(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def get(self, name: str) -> T:
        """The contribution called `name`; `UnknownName` with the nearest names otherwise."""
        if name not in self._entries:
            raise UnknownName(self.kind, name, self.names())
        return self._entries[name]


def _skipped(kind: str, origin: str, error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{kind} skipped: {origin} cannot be imported: {type(error).__name__}: {text}"


def _wrong_fields(origin: str, error: ValidationError) -> UserError:
    """One line for the fields of a contribution that are missing or wrong."""
    fields = [f"field '{'.'.join(map(str, one['loc']))}': {one['msg']}" for one in error.errors()]
    return UserError(f"{origin}: {error.title}: {'; '.join(fields)}")
