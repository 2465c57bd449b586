"""Where images come from: a data root on disk, or the rendered stand-ins."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.datasets.opensets import OPENSETS
from benchmark.errors import UserError
from benchmark.images.items import Folder, Items, Joined, MissingImages
from benchmark.images.manifest import Manifest, Split
from benchmark.images.parquet import HubPointer, Rows, find_rows
from benchmark.images.restricted import base_name, class_file, restrict
from benchmark.specs.datasets import Role

if TYPE_CHECKING:
    from PIL.Image import Image

LAYOUT = "targets/<name>/{train,test}/<class>/<image> and opensets/<name>/train/<image>"


@dataclass(frozen=True)
class Source:
    """Images that have been read once and can be trusted: N items, by position in the manifest."""

    items: Items
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.manifest)

    def read(self, index: int) -> bytes:
        """The encoded image at a position."""
        return self.items.read(self.manifest.ids[index])

    def open(self, index: int) -> "Image":
        """The image at a position, as RGB."""
        return self.items.open(self.manifest.ids[index])


class ImageRoot(ABC):
    """A place that has data sets by name. `standins` says whether its images are rendered and not real."""

    standins: bool

    @abstractmethod
    def names(self, role: Role) -> list[str]:
        """The data sets there, in alphabetical order."""

    @abstractmethod
    def _single(self, role: Role, name: str, split: Split) -> Items:
        """The items of a data set that is no concatenation."""

    def items(self, role: Role, name: str, split: Split) -> Items:
        """The items of a split; MissingImages when there are none. Reads no image."""
        file = class_file(name) if role == "opensets" else None
        if file is not None:
            return restrict(self.items(role, base_name(name), split), name, file)
        parts = OPENSETS.get(name).parts if role == "opensets" and name in OPENSETS else ()
        if not parts:
            return self._single(role, name, split)
        return Joined(role, name, split, tuple(self._single(role, part, split) for part in parts))


class DataRoot(ImageRoot):
    """A folder with `targets/<name>/{train,test}/<class>/...` and `opensets/<name>/train/...`.

    In the place of a split's image files there may be Parquet files, or a `hub.toml` in the data set's folder; see
    `benchmark.images.parquet`.
    """

    standins = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self, role: Role) -> list[str]:
        return _subfolders(self.path / role)

    def _single(self, role: Role, name: str, split: Split) -> Items:
        if name not in self.names(role):
            raise MissingImages(self._missing(role, name))
        train = self._single(role, name, "train") if split == "test" else None
        folder = self.path / role / name
        plain = Folder(role, name, split, folder / split, train)
        rows = find_rows(plain, folder, train)
        if rows is None and not plain.path.is_dir():
            folders = ", ".join(_subfolders(folder)) or "no folders"
            raise MissingImages(
                f"{plain.label}: {plain.path} does not exist (found there: {folders}); expected {LAYOUT}"
            )
        return rows or plain

    def _missing(self, role: Role, name: str) -> str:
        """One line on what was looked for and what is there, from the data root down."""
        if not self.path.is_dir():
            what = "is no folder" if self.path.exists() else "does not exist"
            return f"data root {self.path} {what}; expected a folder with {LAYOUT}"
        there = [role for role in ("targets", "opensets") if self.names(role)]
        if not there:
            names = ", ".join(_subfolders(self.path)) or "nothing"
            return f"data root {self.path} holds neither targets nor open-sets (found: {names}); expected {LAYOUT}"
        known = self.names(role)
        names = (", ".join(known) or "none") + _near(name, known)
        return f"{self.path / role / name} does not exist (found in {role}/: {names}); expected {LAYOUT}"


@dataclass(frozen=True)
class NamedFolders(ImageRoot):
    """Folders, or data sets of the Hub, that a user names one by one; each is one split without labels.

    The name of each is the place as the user gave it: a folder with images in it or below it, or Parquet files; else
    `owner/name` or `owner/name@revision` on the Hub, its train split. The test split of a target is the folder `test`
    beside the one that was given; of the Hub, the data set's own.
    """

    standins = False

    def names(self, role: Role) -> list[str]:
        return []

    def items(self, role: Role, name: str, split: Split) -> Items:
        """The items at a place; MissingImages when there are none. A path that reads as a registered name is a path."""
        return self._single(role, name, split)

    def _single(self, role: Role, name: str, split: Split) -> Items:
        folder = Path(name)
        if folder.is_dir():
            folder = _test_beside(folder) if split == "test" else folder
            plain = Folder(role, name, split, folder, by_path=True)
            return find_rows(plain, folder, None) or plain
        if name.startswith((".", "/", "~")) or name.count("/") != 1:
            part = "target" if role == "targets" else "pool"
            raise MissingImages(f"{part} {name}: there is no such folder (a Hub data set is named owner/name)")
        dataset, _, revision = name.partition("@")
        pointer = HubPointer(dataset=dataset, revision=revision or "main")
        return Rows(role, name, split, folder, pointer=pointer, by_path=True)


def _test_beside(folder: Path) -> Path:
    test = folder.absolute().parent / "test"
    if not test.is_dir() or test == folder.absolute():
        raise MissingImages(f"target {folder} has no folder {test.name} beside it, where its test images would lie")
    return test


@dataclass(frozen=True)
class TargetPlace:
    """A target of a data root."""

    root: Path
    name: str


def given_split(path: Path) -> TargetPlace | None:
    """The target whose train split lies at `path`, by the layout of a data root; None where it is none with a test
    split."""
    *_, role, name, split = ("", "", *path.absolute().parts)
    if (role, split) != ("targets", "train") or not (path.absolute().parent / "test").is_dir():
        return None
    return TargetPlace(path.absolute().parents[2], name)


def _near(name: str, known: list[str]) -> str:
    # Imported here: only an error needs it.
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _subfolders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    try:
        return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"the folder {path} cannot be listed: {error.strerror}") from error
