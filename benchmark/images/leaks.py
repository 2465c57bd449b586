"""Which images of an open-set are also in a target's test split, as `data check` has written it down in the store."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.datasets.opensets import OPENSETS
from benchmark.errors import UserError
from benchmark.images.duplicates import NEAR, Pair
from benchmark.images.items import folder_of
from benchmark.images.looks import VERSION
from benchmark.images.manifest import Manifest, Split
from benchmark.images.restricted import base_name, class_file
from benchmark.images.scan import find_manifest
from benchmark.images.sources import ImageRoot
from benchmark.specs.base import digest
from benchmark.specs.datasets import Role
from benchmark.system import write_atomically

FOLDER = "leaks"


@dataclass(frozen=True)
class LeakRecord:
    """The comparison of a target's test split with an open-set. `pairs` are (test image, open-set image)."""

    target: str
    openset: str
    pairs: tuple[Pair, ...]

    @property
    def leaked(self) -> frozenset[str]:
        """The images of the open-set that are in the test split."""
        return frozenset(pair.second for pair in self.pairs)


def save_leaks(store: Path, test: Manifest, pool: Manifest, pairs: Sequence[Pair]) -> None:
    """Write down a comparison, for these contents of both."""
    content = {"target": test.name, "openset": pool.name, "pairs": [vars(pair) for pair in pairs]}
    write_note(_path(store, test, pool), json.dumps({"sha256": digest(content), **content}))


def write_note(path: Path, text: str) -> None:
    """Write a file of the store. UserError when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another --store") from error


def find_leaks(store: Path, test: Manifest, pool: Manifest) -> LeakRecord | None:
    """What is known of the two, None where they were not compared as they are now."""
    return _load(_path(store, test, pool))


def without(manifest: Manifest, ids: Collection[str]) -> Manifest:
    """The manifest without the items `ids`. One that has none of them is returned as it is."""
    rows = [row for row, item in enumerate(manifest.ids) if item not in ids]
    if len(rows) == len(manifest):
        return manifest
    return rows_of(manifest, rows)


def rows_of(manifest: Manifest, rows: Sequence[int]) -> Manifest:
    """The items at the positions `rows`."""
    return replace(
        manifest,
        ids=tuple(manifest.ids[row] for row in rows),
        labels=tuple(manifest.labels[row] for row in rows),
        digests=tuple(manifest.digests[row] for row in rows),
    )


class KnownLeaks:
    """What the store knows of the data sets of `images`: which test images of targets are in which open-sets. Reads no
    image. A concatenation of open-sets is known where all its parts are."""

    def __init__(self, images: ImageRoot, store: Path) -> None:
        self._images, self._store = images, store
        self._manifests: dict[tuple[Role, str], Manifest | None] = {}

    def leaked(self, target: str, openset: str) -> frozenset[str] | None:
        """The images of the open-set that are test images of the target; None where the two were not compared."""
        test, inside, leaked = self._manifest("targets", target, "test"), self._inside(openset), set()
        for prefix, pool in self._pools(openset):
            record = None if test is None or pool is None else find_leaks(self._store, test, pool)
            if record is None:
                return None
            leaked |= {prefix + item for item in record.leaked if inside(item)}
        return frozenset(leaked)

    def of_any(self, targets: Iterable[str], openset: str) -> frozenset[str]:
        """The images of the open-set that are test images of one of the targets. Others that it was compared with do
        not count: what is left of it depends on the names of a run alone."""
        return frozenset().union(*(self.leaked(target, openset) or () for target in targets))

    def _inside(self, openset: str) -> Callable[[str], bool]:
        """Whether an image of the open-set that a restricted one is made of is in this."""
        if class_file(openset) is None:
            return lambda item: True
        folders = self._images.items("opensets", openset, "train").classes
        return lambda item: folder_of(item) in folders

    def _pools(self, openset: str) -> Iterator[tuple[str, Manifest | None]]:
        """The open-set, or its parts with what their ids are prefixed by."""
        parts = OPENSETS.get(openset).parts if openset in OPENSETS else ()
        for part in parts or (base_name(openset),):
            yield f"{part}/" if parts else "", self._manifest("opensets", part, "train")

    def _manifest(self, role: Role, name: str, split: Split) -> Manifest | None:
        if (role, name) not in self._manifests:
            self._manifests[role, name] = find_manifest(self._images, role, name, split, self._store)
        return self._manifests[role, name]


def _path(store: Path, test: Manifest, pool: Manifest) -> Path:
    # Another hash or another bound finds other pairs: what was found by an older one is looked for again.
    folder = store / FOLDER / digest([VERSION, NEAR, _identity(pool)])
    return folder / f"{digest([test.name, _identity(test)])}.json"


def _identity(manifest: Manifest) -> str:
    """Of the images by name; labels do not count."""
    return digest([manifest.ids, manifest.digests])


def _load(path: Path) -> LeakRecord | None:
    """A record; None where there is none, and for one that is damaged."""
    try:
        content = json.loads(path.read_text())
        if content.pop("sha256") != digest(content):
            return None
        return LeakRecord(content["target"], content["openset"], tuple(Pair(**pair) for pair in content["pairs"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
