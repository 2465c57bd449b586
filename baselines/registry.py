"""The samplers by name, one file each: the `entry` of every file of this folder, read at the first look-up.

>>> from baselines import SAMPLERS
>>> SAMPLERS["simcore-k1"].make()
SimCore(k=1, ...)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baselines.core.selection import Sampler

NO_SAMPLERS = ("contract", "geometry", "metrics", "purity", "registry")
"""Files of the package that hold no sampler."""


@dataclass(frozen=True)
class Entry:
    """A sampler of this package: where its class is, and the fields that its name stands for.

    version: bumped by hand when a change of its code moves its picks; part of the identity of stored results.
    stops: whether it has a stopping rule of its own (budget None).
    place: its place in lists; samplers of one place are sorted by name.
    """

    name: str
    path: str
    reference: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    stops: bool = False
    place: int = 100

    @property
    def type(self) -> type[Sampler]:
        """The sampler's class."""
        module, _, name = self.path.partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]

    def make(self, **fields: Any) -> Sampler:
        """The sampler, with `fields` in place of its defaults."""
        return self.type(**{**self.fields, **fields})


class Samplers(Mapping[str, Entry]):
    """The entries of all files of the package `package`, by name. Its folders and the files `without` hold none.

    The first look-up imports the files. It raises ImportError for a file that cannot be imported, TypeError for one
    that has no `entry` of type `Entry`, and ValueError for a name that is taken; each names the file.
    """

    def __init__(self, package: str, without: tuple[str, ...] = ()) -> None:
        self._package, self._without = package, without

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        files: dict[str, str] = {}
        for file, entry in sorted(self._listed(), key=lambda listed: (listed[1].place, listed[1].name)):
            if entry.name in entries:
                raise ValueError(f"{file}: the name '{entry.name}' is taken by {files[entry.name]}")
            entries[entry.name], files[entry.name] = entry, file
        return entries

    def _listed(self) -> Iterator[tuple[str, Entry]]:
        for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
            if module.ispkg or module.name.startswith("_") or module.name in self._without:
                continue
            file = f"{self._package}/{module.name}.py"
            try:
                entry = getattr(importlib.import_module(f"{self._package}.{module.name}"), "entry", None)
            except Exception as error:
                raise ImportError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
            if not isinstance(entry, Entry):
                raise TypeError(f"{file} has no 'entry' of type Entry (a file without a sampler: NO_SAMPLERS)")
            yield file, entry

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


SAMPLERS: Mapping[str, Entry] = Samplers("baselines", NO_SAMPLERS)
