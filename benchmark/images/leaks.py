"""Which images of an open-set are also in a target's test split, as `data check` has written it down in the store."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.images.duplicates import NEAR, Pair
from benchmark.images.looks import VERSION
from benchmark.images.manifest import Manifest
from benchmark.specs.base import digest
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
    path = _path(store, test, pool)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"sha256": digest(content), **content}))


def find_leaks(store: Path, test: Manifest, pool: Manifest) -> LeakRecord | None:
    """What is known of the two, None where they were not compared as they are now."""
    return _load(_path(store, test, pool))


def all_leaks(store: Path, pool: Manifest) -> list[LeakRecord]:
    """What is known of an open-set as it is now, for every test split that it was compared with."""
    records = [_load(path) for path in sorted(_folder(store, pool).glob("*.json"))]
    return [record for record in records if record is not None]


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


def _folder(store: Path, pool: Manifest) -> Path:
    # Another hash or another bound finds other pairs: what was found by an older one is looked for again.
    return store / FOLDER / digest([VERSION, NEAR, _identity(pool)])


def _path(store: Path, test: Manifest, pool: Manifest) -> Path:
    return _folder(store, pool) / f"{digest([test.name, _identity(test)])}.json"


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
