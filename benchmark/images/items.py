"""The items of one split, before anyone has read them: files in folders, or a concatenation of other items."""

import csv
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.images.manifest import Manifest, Split
from benchmark.specs.base import digest
from benchmark.specs.datasets import Role

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class MissingImages(UserError):
    """No images where they were looked for: an error to run on, an open question to plan with."""


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
    """The items of one split. Listing them reads no image."""

    role: Role
    name: str
    split: Split

    @property
    def label(self) -> str:
        """The split in words: "targets/cub/train"."""
        return f"{self.role}/{self.name}/{self.split}"

    @property
    @abstractmethod
    def signature(self) -> str:
        """Changes whenever the listing does; quick to compute."""

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Relative POSIX paths, sorted; the first folder is the class."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The class folders that labels count in: of a test split, those of train."""

    @abstractmethod
    def read(self, item: str) -> bytes:
        """The encoded image called `item`."""

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


def folder_of(item: str) -> str:
    """The first folder of an id, "" for a file that lies in none."""
    return item.partition("/")[0] if "/" in item else ""


def first_few(names: list[str], shown: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def shared_classes(found: set[str], train: Items | None, label: str) -> tuple[str, ...]:
    """The classes that labels count in; UserError when a test split has one that its train split lacks."""
    if train is None:
        return tuple(sorted(found))
    unknown = sorted(found - set(train.classes))
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
        files = tuple(sorted(_walk(self.path)))
        if not files:
            raise MissingImages(f"{self.label} holds no images: {self.path} has {_other_files(self.path)}")
        loose = [item for item, _, _ in files if "/" not in item]
        if loose and self.role == "targets":
            raise UserError(
                f"{self.label}: {len(loose)} images lie outside of class folders ({first_few(loose, 1)}); "
                f"expected {self.path}/<class>/<image>"
            )
        return files

    @cached_property
    def signature(self) -> str:
        classes = self.classes if self.role == "targets" else ()
        return digest({"kind": "folder", "label": self.label, "classes": classes, "files": self._files})

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(item for item, _, _ in self._files)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        return shared_classes({folder_of(item) for item in self.ids}, self.train, self.label)

    def read(self, item: str) -> bytes:
        return (self.path / item).read_bytes()

    @cached_property
    def folder_labels(self) -> FolderLabels | None:
        return read_relevance(self.path.parent) if self.role == "opensets" else None


def _walk(root: Path) -> Iterator[tuple[str, int, int]]:
    """(relative path, bytes, modification time in ns) of every image file, hidden ones left out, links followed."""
    folders = [""]
    while folders:
        inside = folders.pop()
        with os.scandir(root / inside) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(f"{inside}{entry.name}/")
                elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                    yield (f"{inside}{entry.name}", *_size_and_time(entry))


def _size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        status = entry.stat()
    except OSError:
        # A link to nowhere: reading it will fail and name it.
        return 0, 0
    return status.st_size, status.st_mtime_ns


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
