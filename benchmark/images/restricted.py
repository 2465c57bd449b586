"""An open-set restricted to some of its classes: `imagenet[classes.txt]`. References to its images, not copies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.images.items import FolderLabels, Items, Joined, first_few, folder_of
from benchmark.images.manifest import Manifest
from benchmark.specs.base import digest

if TYPE_CHECKING:
    from PIL.Image import Image

_NAME = re.compile(r"(?P<base>[^\[\]/]+)\[(?P<file>.+)\]")
_WORDNET_ID = re.compile(r"n\d{8}\b")


def base_name(openset: str) -> str:
    """The open-set that is restricted; the open-set itself where none is."""
    match = _NAME.fullmatch(openset)
    return match["base"] if match else openset


def class_file(openset: str) -> Path | None:
    """The file of classes in the name of a restricted open-set, None for any other."""
    match = _NAME.fullmatch(openset)
    return Path(match["file"]) if match else None


@dataclass(frozen=True)
class Restricted(Items):
    """The items of `base` that lie in `folders`. Their ids are those of the base."""

    base: Items
    folders: frozenset[str]

    @cached_property
    def signature(self) -> str:
        return digest({"kind": "restricted", "base": self.base.signature, "folders": sorted(self.folders)})

    @cached_property
    def _rows(self) -> tuple[int, ...]:
        return tuple(row for row, item in enumerate(self.base.ids) if folder_of(item) in self.folders)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.base.ids[row] for row in self._rows)

    @property
    def place(self) -> str:
        # Not that of the base: what a stopped reading of the base has kept is not this one's to remove.
        return self.base.place and f"{self.base.place} {digest(sorted(self.folders))}"

    @property
    def stamps(self) -> Sequence[str]:
        stamps = self.base.stamps
        return [stamps[row] for row in self._rows]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(self.folders))

    def read(self, item: str) -> bytes:
        return self.base.read(item)

    def obstacle(self, item: str) -> str:
        return self.base.obstacle(item)

    def open(self, item: str) -> "Image":
        return self.base.open(item)

    @property
    def folder_labels(self) -> FolderLabels | None:
        return self.base.folder_labels

    def manifest(self, whole: Manifest) -> Manifest:
        """The manifest of these items, from that of the base: what reading them alone would give."""
        rows = [row for row, item in enumerate(whole.ids) if folder_of(item) in self.folders]
        number = {folder: position for position, folder in enumerate(self.classes)}
        return replace(
            whole,
            name=self.name,
            classes=self.classes,
            ids=tuple(whole.ids[row] for row in rows),
            labels=tuple(number[folder_of(whole.ids[row])] for row in rows),
            digests=tuple(whole.digests[row] for row in rows),
            skipped=tuple((item, reason) for item, reason in whole.skipped if folder_of(item) in self.folders),
        )


def restrict(base: Items, name: str, file: Path) -> Restricted:
    """The items of `base` in the folders that `file` names: a line for each, its name or the WordNet id that it begins
    with; what follows an id, and lines that begin with #, do not count.

    UserError for a file that cannot be read or names none, for a folder that the base lacks, and for a concatenation.
    """
    if isinstance(base, Joined):
        parts = ", ".join(part.name for part in base.parts)
        raise UserError(f"{name}: {base.name} is a concatenation: restrict one of its parts ({parts})")
    lines = _lines(name, file)
    folders = {line: _folders(line, base.classes) for line in lines}
    lacking = [line for line in lines if not folders[line]]
    if lacking:
        raise UserError(f"{file} names {len(lacking)} classes that {base.label} lacks: {first_few(lacking)}")
    return Restricted(base.role, name, base.split, base, frozenset().union(*folders.values()))


def _lines(name: str, file: Path) -> list[str]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise UserError(f"{name}: the file of classes {file} cannot be read: {reason}") from error
    lines = [line.strip() for line in text.split("\n")]
    lines = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not lines:
        raise UserError(f"{name}: {file} names no class: give one on each line")
    return lines


def _folders(line: str, known: Sequence[str]) -> frozenset[str]:
    """The folders that a line names: the one of that name, or all that begin with its WordNet id."""
    match = _WORDNET_ID.match(line)
    if line in known or match is None:
        return frozenset({line}).intersection(known)
    return frozenset(folder for folder in known if re.match(rf"{match[0]}(?![0-9])", folder))
