"""One small generic registry: a folder of modules, one contribution each, found by listing the folder.

Entry points of other installed packages (`group`, such as `benchmark.targets`) join it. A name that is taken raises; a
contribution from outside that cannot be imported is skipped with a warning that names it.
"""

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from benchmark.errors import UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """The contributions of type `type_` in package `package`: each module's `attribute`, keyed by its name.

    Modules whose names begin with "_" are what others are made of and contribute nothing.
    `kind` is the word used in messages. Nothing is imported before the first look-up.
    """

    def __init__(self, kind: str, package: str, type_: type[T], *, group: str = "", attribute: str = "entry") -> None:
        self.kind, self._package, self._type = kind, package, type_
        self._group, self._attribute = group or package, attribute

    @cached_property
    def _entries(self) -> dict[str, T]:
        entries: dict[str, T] = {}
        for origin, entry in (*self._own(), *self._from_outside()):
            name = getattr(entry, "name", None)
            if not isinstance(entry, self._type) or not isinstance(name, str):
                raise TypeError(f"{origin}: its entry is no {self._type.__name__} with a name")
            if name in entries:
                raise ValueError(f"{origin}: a {self.kind} named '{name}' exists already")
            entries[name] = entry
        return dict(sorted(entries.items()))

    def _own(self) -> Iterator[tuple[str, T]]:
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                name = f"{self._package}.{module.name}"
                yield name, getattr(importlib.import_module(name), self._attribute)

    def _from_outside(self) -> Iterator[tuple[str, T]]:
        for point in entry_points(group=self._group):
            try:
                yield point.value, point.load()
            except Exception as error:
                warnings.warn(f"{self.kind} plug-in {point.value} skipped: {error}", stacklevel=2)

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
