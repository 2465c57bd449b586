"""The items of one split before they are read: files in folders, or a concatenation of other items."""

import csv
import errno
import os
import stat
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.images.attributes import Attributes, read_attributes
from benchmark.images.manifest import Manifest, Split
from benchmark.images.names import check_names
from benchmark.specs.base import digest
from benchmark.specs.datasets import IMAGE_SUFFIXES, Role, split_label

if TYPE_CHECKING:
    from PIL.Image import Image


class MissingImages(UserError):
    """There are no images at a place. A run ends with this error; a plan goes on without the images."""


@dataclass(frozen=True)
class FolderLabels:
    """An open-set's labels by folder, for purity and the oracle only.

    `source` says where a folder's images come from, `relevant` to which of `targets` they are related.
    """

    targets: frozenset[str]
    source: Mapping[str, str]
    relevant: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Items(ABC):
    """The items of one split. Listing them reads no image. `by_path`: `name` is the path that a user gave, and labels
    are not needed."""

    role: Role
    name: str
    split: Split
    _: KW_ONLY
    by_path: bool = False

    @property
    def label(self) -> str:
        """The split in words: "targets/cub/train"."""
        return split_label(self.role, self.name, self.split, self.by_path)

    @property
    @abstractmethod
    def signature(self) -> str:
        """Changes with the place and with its listing, not with role and name; quick to compute."""

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Relative POSIX paths, sorted; the first folder is the class."""

    @property
    def place(self) -> str:
        """Where the items lie: nothing for those that no scan reads."""
        return ""

    @property
    def stamps(self) -> Sequence[str]:
        """One for each of `ids`, which changes whenever the item may have; quick to compute."""
        return [self.signature] * len(self.ids)

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The class folders that labels count in: of a test split, those of train."""

    @abstractmethod
    def read(self, item: str) -> bytes:
        """The encoded image called `item`."""

    def obstacle(self, item: str) -> str:
        """Why the item is no file, nothing where it is one. OSError where that cannot be seen."""
        return ""

    def open(self, item: str) -> "Image":
        """The image called `item` as RGB, wholly decoded. Orientation tags are ignored, as torchvision does."""
        from PIL import Image

        with Image.open(BytesIO(self.read(item))) as image:
            return image.convert("RGB")

    @property
    def known_manifest(self) -> Manifest | None:
        """The manifest, where it needs no reading."""
        return None

    @property
    def folder_labels(self) -> FolderLabels | None:
        """Relevance labels of an open-set, None where it has none."""
        return None

    @property
    def attributes(self) -> Attributes | None:
        """Further labels of a target's images, of both splits; None where there are none."""
        return None


def folder_of(item: str) -> str:
    """The first folder of an id, "" for a file that lies in none."""
    return item.partition("/")[0] if "/" in item else ""


def first_few(names: list[str], shown: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def shared_classes(names: set[str], train: Items | None, label: str) -> tuple[str, ...]:
    """The classes that labels count in; UserError when a test split has one that its train split lacks."""
    if train is None:
        return tuple(sorted(names))
    unknown = sorted(names - set(train.classes))
    if unknown:
        raise UserError(
            f"{label} has {len(unknown)} classes that {train.label} lacks: {first_few(unknown)}; "
            "give both splits the same class folders"
        )
    return train.classes


@dataclass(frozen=True)
class Folder(Items):
    """Image files below `path`: `<class>/.../<file>`, for open-sets also `<file>`. `train` is a test split's train."""

    path: Path
    train: Items | None = None

    @cached_property
    def _files(self) -> tuple[tuple[str, int, int], ...]:
        files = tuple(sorted(_walk(self.path, self.label)))
        if not files:
            raise MissingImages(f"{self.label} holds no images: {self.path} has {_other_files(self.path)}")
        check_names(self.label, (item for item, _, _ in files))
        loose = [item for item, _, _ in files if "/" not in item]
        if loose and self.role == "targets" and not self.by_path:
            raise UserError(
                f"{self.label}: {len(loose)} images lie outside of class folders ({first_few(loose, 1)}); "
                f"expected {self.path}/<class>/<image>"
            )
        return files

    @cached_property
    def signature(self) -> str:
        return digest({"kind": "folder", "place": self.place, "files": self._files})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(item for item, _, _ in self._files)

    @property
    def place(self) -> str:
        return os.path.realpath(self.path)

    @property
    def stamps(self) -> Sequence[str]:
        return [f"{size} {time}" for _, size, time in self._files]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return shared_classes({folder_of(item) for item in self.ids}, self.train, self.label)

    def read(self, item: str) -> bytes:
        return (self.path / item).read_bytes()

    def obstacle(self, item: str) -> str:
        path = self.path / item
        return _broken(path) or ("" if path.is_file() else "a pipe, a socket or a device")

    @cached_property
    def folder_labels(self) -> FolderLabels | None:
        return read_relevance(self.path.parent) if self.role == "opensets" else None

    @cached_property
    def attributes(self) -> Attributes | None:
        return read_attributes(self.path.parent) if self.role == "targets" else None


Place = tuple[int, int]
"""What a folder is on the disk, by whatever name: device and inode."""


def _walk(root: Path, label: str) -> Iterator[tuple[str, int, int]]:
    """(relative path, bytes, modification time in ns) of every image file, hidden ones left out, links followed.

    UserError for a folder that cannot be listed, a link to a folder above it, and a link to nowhere that may have
    been a folder. 0 bytes stand for an image that is such a link: reading it fails and names it.
    """
    folders: list[tuple[str, tuple[Place, ...], bool]] = [("", (_place(root.stat()),), False)]
    while folders:
        inside, above, linked = folders.pop()
        for entry in _entries(root / inside, label):
            named = entry.name.lower().endswith(IMAGE_SUFFIXES)
            if entry.name.startswith(".") or (entry.is_file(follow_symlinks=False) and not named):
                continue
            item, status = f"{inside}{entry.name}", _status(entry)
            if status is not None and stat.S_ISDIR(status.st_mode):
                # Only links make circles; and some file systems number all folders alike.
                by_link = linked or entry.is_symlink()
                if by_link and _place(status) in above:
                    raise UserError(f"{label}: {item} leads back to a folder above it: remove the link in a circle")
                folders.append((f"{item}/", (*above, _place(status)), by_link))
            elif named:
                yield (item, status.st_size, status.st_mtime_ns) if status is not None else (item, 0, 0)
            elif status is None:
                raise UserError(f"{label}: {item} is a link that cannot be followed; mend or remove it")


def _entries(folder: Path, label: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(f"{label}: the folder {folder} cannot be listed: {error.strerror}") from error


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What the entry is, links followed; None where they lead nowhere."""
    try:
        return entry.stat()
    except OSError:
        return None


def _place(status: os.stat_result) -> Place:
    return status.st_dev, status.st_ino


def _broken(path: Path) -> str:
    """Why a link leads nowhere, nothing where it leads somewhere; OSError for all other reasons not to follow it."""
    try:
        path.stat()
    except FileNotFoundError:
        return "a link to nowhere"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link in a circle"
        raise
    return ""


def _other_files(root: Path) -> str:
    """What a folder without images holds instead."""
    kinds = Counter(path.suffix or "no suffix" for path in root.rglob("*") if path.is_file())
    if not kinds:
        return "no files at all"
    return "only " + ", ".join(f"{count} files with {suffix}" for suffix, count in kinds.most_common(3))


def read_relevance(folder: Path) -> FolderLabels | None:
    """`relevance.csv` in an open-set's folder: a row per image folder, columns dir, source and a rel_<target> of 0 or 1
    for each target. None when there is no such file."""
    path = folder / "relevance.csv"
    if not path.is_file():
        return None
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in (rows[0] if rows else {}) if name.startswith("rel_")]
    if not rows or not {"dir", "source"} <= set(rows[0]) or not columns:
        raise UserError(f"{path} needs a row per folder with the columns dir, source and rel_<target>")
    wrong = [row["dir"] for row in rows for name in columns if row[name] not in ("0", "1")]
    if wrong:
        raise UserError(f"{path}: rel_ columns hold 0 or 1; the row of {wrong[0]} does not")
    return FolderLabels(
        targets=frozenset(name.removeprefix("rel_") for name in columns),
        source={row["dir"]: row["source"] for row in rows},
        relevant={row["dir"]: frozenset(c.removeprefix("rel_") for c in columns if row[c] == "1") for row in rows},
    )


@dataclass(frozen=True)
class Joined(Items):
    """Several open-sets one after the other; ids are prefixed by the part's name."""

    parts: tuple[Items, ...]

    @cached_property
    def signature(self) -> str:
        return digest({"kind": "joined", "parts": [part.signature for part in self.parts]})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"{part.name}/{item}" for part in self.parts for item in part.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    def _part(self, item: str) -> tuple[Items, str]:
        name, _, rest = item.partition("/")
        return next(part for part in self.parts if part.name == name), rest

    def read(self, item: str) -> bytes:
        part, rest = self._part(item)
        return part.read(rest)

    def open(self, item: str) -> "Image":
        part, rest = self._part(item)
        return part.open(rest)

    @cached_property
    def folder_labels(self) -> FolderLabels | None:
        """The parts' labels; None unless every part has some, and only for targets that all of them know."""
        labels = [(part.name, part.folder_labels) for part in self.parts]
        known = [(name, label) for name, label in labels if label is not None]
        if len(known) < len(labels):
            return None
        return FolderLabels(
            targets=frozenset.intersection(*(label.targets for _, label in known)),
            source={f"{name}/{key}": value for name, label in known for key, value in label.source.items()},
            relevant={f"{name}/{key}": value for name, label in known for key, value in label.relevant.items()},
        )
