"""Reading every image of a split once: hashed, decoded, counted. What reading showed is kept in the store.

It is kept by the place that was read, so that a folder that is known under two names is read once. It is kept on the
way too, so that a scan that was stopped or killed reads only the rest.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from benchmark.errors import UserError
from benchmark.images.decoding import decoded
from benchmark.images.items import Items, Joined, MissingImages, folder_of
from benchmark.images.journal import Journal, Seen
from benchmark.images.manifest import FOLDER, Contents, Manifest, Split, join_manifests, load_contents
from benchmark.images.restricted import Restricted
from benchmark.images.sources import ImageRoot, Source
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest
from benchmark.specs.datasets import OpenSet, Role, Target
from benchmark.system import cores

VERSION = 2
SKIPPABLE = 0.01
"""The share of an open-set's files that may be unreadable."""
BLOCK = 256

A = TypeVar("A")
B = TypeVar("B")


def find_manifest(images: ImageRoot, role: Role, name: str, split: Split, store: Path) -> Manifest | None:
    """The manifest of a split that was read before; None when the images are absent, changed or not read yet.

    Lists files, reads none of them. `store` is the store's root.
    """
    try:
        return _find(images.items(role, name, split), store)
    except MissingImages:
        return None


def open_source(
    images: ImageRoot, role: Role, name: str, split: Split, store: Path, progress: Progress = silent
) -> Source:
    """The images of a split, read through once if that has not been done yet.

    UserError for absent images, a class in test that train lacks, an unreadable file in a target, and more than
    `SKIPPABLE` unreadable files in an open-set.
    """
    items = images.items(role, name, split)
    return Source(items, _scanned(items, store, progress))


def _find(items: Items, store: Path) -> Manifest | None:
    if isinstance(items, Joined):
        manifests = [_find(part, store) for part in items.parts]
        known = [manifest for manifest in manifests if manifest is not None]
        return join_manifests(items.name, known) if len(known) == len(manifests) else None
    if isinstance(items, Restricted) and (whole := _find(items.base, store)):
        return items.manifest(whole)
    if items.known_manifest is not None:
        return items.known_manifest
    # A test split with classes that train lacks is an error whether it was read or not.
    items.classes  # noqa: B018
    contents = load_contents(_path(items, store))
    return None if contents is None or _has_too_many_unreadable(items, contents) else _manifest(items, contents)


def _path(items: Items, store: Path) -> Path:
    return store / FOLDER / f"{digest([VERSION, items.signature])}.json"


def _scanned(items: Items, store: Path, progress: Progress) -> Manifest:
    if isinstance(items, Joined):
        return join_manifests(items.name, [_scanned(part, store, progress) for part in items.parts])
    manifest = _find(items, store)
    if manifest is not None:
        return manifest
    path = _path(items, store)
    with contextlib.closing(Journal(path.parent, digest([VERSION, items.place]))) as journal:
        contents = load_contents(path) or scan(items, journal, progress)
        _check_unreadable(items, contents)
        contents.save(path)
        journal.remove()
    return _manifest(items, contents)


def scan(items: Items, journal: Journal, progress: Progress = silent) -> Contents:
    """Read, hash and decode every item that `journal` does not know."""
    seen = list(_read_on(items, journal, progress))
    good = [one for one in seen if not one.problem]
    return Contents(
        ids=tuple(one.item for one in good),
        digests=tuple(one.digest for one in good),
        skipped=tuple((one.item, one.problem) for one in seen if one.problem),
    )


def _manifest(items: Items, contents: Contents) -> Manifest:
    """What was read, under the name and with the labels that the items have."""
    number = {name: position for position, name in enumerate(items.classes)}
    return Manifest(
        role=items.role,
        name=items.name,
        split=items.split,
        ids=contents.ids,
        labels=tuple(number[folder_of(item)] for item in contents.ids),
        classes=items.classes,
        digests=contents.digests,
        skipped=contents.skipped,
        by_path=items.by_path,
    )


def _read_on(items: Items, journal: Journal, progress: Progress) -> Iterator[Seen]:
    """What is to be seen of every item, in order; what is new goes to the journal."""
    what, total = f"reading {items.label}", len(items.ids)
    pairs = list(zip(items.ids, items.stamps, strict=True))
    looks = threaded(lambda pair: journal.find(*pair) or _look(items, pair[0]), pairs)
    for done, ((item, stamp), seen) in enumerate(zip(pairs, looks, strict=True), start=1):
        if journal.find(item, stamp) is None:
            journal.add(seen, stamp)
        progress(what, done, total)
        yield seen


def _look(items: Items, item: str) -> Seen:
    try:
        data, image = decoded(items, item)
    except OSError as error:
        raise UserError(f"{items.label}: {item} cannot be read: {error.strerror}") from error
    if isinstance(image, str):
        return Seen(item, problem=image)
    return Seen(item, digest=hashlib.sha256(data).hexdigest())


def _has_too_many_unreadable(items: Items, contents: Contents) -> bool:
    total = len(contents.ids) + len(contents.skipped)
    return len(contents.skipped) > (SKIPPABLE * total if items.role == "opensets" else 0)


def _check_unreadable(items: Items, contents: Contents) -> None:
    if _has_too_many_unreadable(items, contents):
        bad, total = len(contents.skipped), len(contents.ids) + len(contents.skipped)
        item, problem = contents.skipped[0]
        limit = f", more than the {SKIPPABLE:.0%} that an open-set may have" if items.role == "opensets" else ""
        raise UserError(
            f"{items.label}: {bad:,} of {total:,} files are no readable images{limit}; "
            f"the first is {item} ({problem}); replace or remove them"
        )


def threaded(work: Callable[[A], B], values: Sequence[A]) -> Iterator[B]:
    """`work` of each value in order, on all CPU cores of this process, with at most `BLOCK` results waiting."""
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(values), BLOCK):
            yield from pool.map(work, values[start : start + BLOCK])


def count_differences(manifests: Iterable[Manifest], spec: Target | OpenSet) -> list[str]:
    """What differs from the registered counts, a line each: "cub: 5,994 train images, the paper used 5,990"."""
    lines = []
    for manifest in manifests:
        expected = spec.images if isinstance(spec, OpenSet) else getattr(spec, manifest.split)
        if len(manifest) != expected:
            lines.append(f"{spec.name}: {len(manifest):,} {manifest.split} images, the paper used {expected:,}")
        classes = len(manifest.classes)
        if isinstance(spec, Target) and manifest.split == "train" and classes != spec.classes:
            lines.append(f"{spec.name}: {classes:,} classes, the paper used {spec.classes:,}")
    return lines
