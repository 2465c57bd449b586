"""What was found in one split, item by item: the identity of images and of their labels, wherever they lie."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from benchmark.specs.base import digest
from benchmark.specs.datasets import Role, split_label
from benchmark.system import write_atomically

Split = Literal["train", "test"]
FORMAT = 2
FOLDER = "manifests"


@dataclass(frozen=True)
class Contents:
    """What reading shows of the files of one place, whatever they are called and used for: parallel tuples, sorted by
    id.

    `ids` are POSIX paths relative to the place. `digests` identify each item's content: the SHA-256 of its bytes, or
    of what renders it. `skipped` are (id, reason) of the unreadable files.
    """

    ids: tuple[str, ...]
    digests: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def save(self, path: Path) -> None:
        """Write the contents as JSON; a reader sees all of it or nothing."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"format": FORMAT, "sha256": digest(fields), **fields}))


@dataclass(frozen=True)
class Manifest:
    """The images of one split, all parallel tuples in the order of the items.

    `ids` are POSIX paths relative to the split's folder, sorted (a concatenation: sorted within each part). `labels`
    are positions in `classes`; for open-sets they are folder numbers that no training ever sees. `digests` and
    `skipped` are those of `Contents`. `by_path`: `name` is the path that a user gave.
    """

    role: Role
    name: str
    split: Split
    ids: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    digests: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    by_path: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def label(self) -> str:
        """The split in words: "targets/cub/train"."""
        return split_label(self.role, self.name, self.split, self.by_path)

    @cached_property
    def images_sha256(self) -> str:
        """The identity of the images: of ids and contents, in order. Role, name, paths, times and labels stay out."""
        return digest({"ids": self.ids, "digests": self.digests})

    @cached_property
    def labels_sha256(self) -> str:
        """The identity of the labels, in the order of the images. The names of classes stay out."""
        return digest({"labels": self.labels})


def load_contents(path: Path) -> Contents | None:
    """The contents saved at `path`; None when there are none, or some that are damaged or of another format."""
    try:
        value = json.loads(path.read_text())
        if value.pop("format") != FORMAT or value.pop("sha256") != digest(value):
            return None
        skipped = tuple((item, reason) for item, reason in value["skipped"])
        return Contents(tuple(value["ids"]), tuple(value["digests"]), skipped)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def check_manifests(folder: Path) -> Iterator[str]:
    """A line for every saved manifest that is damaged or of another format; the next run reads those images again."""
    for path in sorted(folder.glob("*.json")):
        if load_contents(path) is None:
            yield f"{path}: no manifest, or one of another format"


def join_manifests(name: str, parts: list[Manifest]) -> Manifest:
    """The concatenation of open-sets, in order. An item's id is prefixed by its part's name, its folder is its part."""
    return Manifest(
        role="opensets",
        name=name,
        split="train",
        ids=tuple(f"{part.name}/{item}" for part in parts for item in part.ids),
        labels=tuple(number for number, part in enumerate(parts) for _ in part.ids),
        classes=tuple(part.name for part in parts),
        digests=tuple(mark for part in parts for mark in part.digests),
        skipped=tuple((f"{part.name}/{item}", reason) for part in parts for item, reason in part.skipped),
    )
