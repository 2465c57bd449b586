"""What a data set's file says of its official download: the parts, where they are had, and what reads them."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.errors import UserError
from benchmark.specs.datasets import OpenSet, Target

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")


@dataclass(frozen=True)
class Part:
    """One file of the official download.

    `holds` are paths that are in it, the first of which tells it from other archives. It is unpacked to `into`, a
    folder of the tree that the reader gets. `others` are further names that it is given out under. `nested` says that
    archives in it are unpacked too, each to a folder of its name. `loose` says that what it holds lies in no folder.
    """

    file: str
    holds: tuple[str, ...] = ()
    into: str = ""
    others: tuple[str, ...] = ()
    nested: bool = False
    loose: bool = False
    optional: bool = False
    address: str = ""
    """Where it was offered, empty where no address of its own is known. None was tried: see `read_in`."""
    by_hand: str = ""
    """Why a browser must download it: an account, a page of terms. Empty where the address gives it to everybody."""
    size: int = 0
    """Bytes of the file, as publicly stated; 0 where no source was found."""
    rounded_gigabytes: float = 0
    """Where sources state the size only so, in 10^9 bytes."""
    md5: str = ""
    """As publicly stated; empty where none is."""
    sha256: str = ""
    """As publicly stated; empty where none is."""
    read_in: str = ""
    """Where address, size and checksums were read."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the file may have."""
        return (self.file, *self.others)

    @property
    def gigabytes(self) -> float:
        """10^9 bytes of the file; 0 where its size is not known."""
        return self.size / 10**9 or self.rounded_gigabytes

    @property
    def obstacle(self) -> str:
        """Why it cannot be downloaded without a browser, nothing where it can."""
        if self.by_hand or self.address.startswith(("http://", "https://")):
            return self.by_hand
        return "no address of its own is known"

    @property
    def is_archive(self) -> bool:
        return self.file.endswith(ARCHIVE_SUFFIXES)


class Box(NamedTuple):
    """Pixels of the stored image, from 0; both corners belong to it."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, slots=True)
class OfficialImage:
    """One image of a split: its place `folder/name` there, and the file that holds it, or what encodes it.

    `mask` is a file or a function that encodes a PNG of 1 object, 2 background, 3 unclassified.
    """

    split: Literal["train", "test"]
    folder: str
    name: str
    content: Path | Callable[[], bytes]
    boxes: tuple[Box, ...] = ()
    mask: Path | Callable[[], bytes] | None = None
    labels: Mapping[str, str] | None = None

    @property
    def place(self) -> str:
        """The path below the data set's folder."""
        return "/".join(part for part in (self.split, self.folder, self.name) if part)


@dataclass(frozen=True)
class Official:
    """The official download of a data set and its reader.

    `read` takes the folder in which all parts lie and yields the images of the splits that the paper uses, in any
    order. `or_else` are other sets of parts that serve as well. `note` says what the split depends on. `gone` says what
    is no longer offered and what the field uses.
    """

    parts: tuple[Part, ...]
    read: Callable[[Path], Iterator[OfficialImage]]
    read_on: str
    """The day on which the sources of the parts were read."""
    note: str = ""
    gone: str = ""
    or_else: tuple[tuple[Part, ...], ...] = ()
    boxes: str = "boxes.csv"
    """The file that the boxes go to, below `annotations/`."""


def official(entry: Target | OpenSet) -> Official | None:
    """What is known of a data set's download; None where its file brings no reader.

    UserError when the field `official` names nothing of that kind.
    """
    if not entry.official:
        return None
    module, _, name = entry.official.partition(":")
    try:
        value = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{entry.name}: its field official={entry.official!r} names nothing: {error}") from error
    if not isinstance(value, Official):
        raise UserError(f"{entry.name}: {entry.official} is a {type(value).__name__}, not an Official")
    return value
