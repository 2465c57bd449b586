"""From the downloads of one data set to its folder in a data root, which appears when it is whole."""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmark.datasets.archives.formats import image_files
from benchmark.datasets.archives.official import Official, OfficialImage
from benchmark.datasets.archives.place import check_images, place_images, write_annotations
from benchmark.datasets.archives.tree import PartFiles, check_content, find_parts, gather
from benchmark.errors import UserError
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest
from benchmark.specs.datasets import OpenSet, Target
from benchmark.system import is_at, lock, write_atomically

RECORD = "prepared.json"
"""The file in a data set's folder that says what it was made of."""
ASIDE = ".preparing"
"""The folder of a data root in which data sets are made."""

CheckNames = Callable[[str, Iterable[str]], None]
"""Called with a split's label and its items' ids; UserError for a name that no item may have."""


@dataclass(frozen=True)
class Prepared:
    """A data set that lies in a data root: its folder, images by split, how they came there, what was left out."""

    folder: Path
    counts: dict[str, int]
    linked: int = 0
    copied: int = 0
    left_out: tuple[str, ...] = ()
    new: bool = True


def role_of(entry: Target | OpenSet) -> str:
    return "targets" if isinstance(entry, Target) else "opensets"


def prepare(
    entry: Target | OpenSet,
    download: Official,
    source: Path,
    root: Path,
    check_names: CheckNames,
    *,
    link: bool = True,
    verify: bool = True,
    progress: Progress = silent,
) -> Prepared:
    """Make `root/<role>/<name>` from the downloads in `source`.

    One that the same downloads have made is left as it is. A killed call is gone on with; another error leaves nothing.
    Without `verify`, counts and checksums that differ from those stated are taken. Raises UserError.
    """
    folder = root / role_of(entry) / entry.name
    if folder.exists() or folder.is_symlink():
        return _existing(entry, download, source, folder)
    files = find_parts(entry.name, download, source)
    made_of = _fingerprint(files)
    work = root / ASIDE / f"{role_of(entry)}-{entry.name}"
    with _reserved(entry.name, work, made_of), _disk_errors(entry.name, root):
        if folder.exists():
            # Another process has made it since.
            return _existing(entry, download, source, folder)
        for part, paths in files.items() if verify else ():
            for path in paths:
                check_content(part, path, progress)
        tree = gather(entry.name, files, work, progress)
        listed = _listed(entry, download, tree, progress)
        images, left_out = check_images(entry, listed, tree, progress)
        _check_ids(entry, images, check_names)
        if verify:
            _check_counts(entry, listed)
        placed = work / "placed"
        linked, copied = place_images(images, placed, link, progress)
        write_annotations(images, placed, download.boxes)
        counts = _counts(images)
        write_atomically(placed / RECORD, json.dumps(_record(made_of, counts, left_out, download), indent=2) + "\n")
        _publish(placed, folder)
    return Prepared(folder, counts, linked, copied, tuple(left_out))


def _fingerprint(files: PartFiles) -> dict[str, object]:
    """What the downloads are, cheap to see: names, sizes and times."""
    return {
        path.name: [(status := path.stat()).st_size, status.st_mtime_ns] if path.is_file() else "unpacked"
        for paths in files.values()
        for path in paths
    }


def _listed(entry: Target | OpenSet, download: Official, tree: Path, progress: Progress) -> list[OfficialImage]:
    """What the reader yields, sorted. UserError for official files that it cannot make sense of."""
    images = []
    try:
        for image in download.read(tree):
            images.append(image)
            progress(f"reading the lists of {entry.name}", len(images), max(len(images), _total(entry)))
    except UserError:
        raise
    except Exception as error:
        # Libraries that read files of somebody else's making raise nearly any type.
        text = " ".join(str(error).replace(f"{tree}/", "").split())[:200]
        raise UserError(f"{entry.name}: its files cannot be read: {type(error).__name__}: {text}") from error
    return sorted(images, key=lambda image: image.place)


def _total(entry: Target | OpenSet) -> int:
    return entry.train + entry.test if isinstance(entry, Target) else entry.images


def _check_ids(entry: Target | OpenSet, images: Iterable[OfficialImage], check_names: CheckNames) -> None:
    check_names(f"{role_of(entry)}/{entry.name}", (image.place.partition("/")[2] for image in images))


def _counts(images: Iterable[OfficialImage]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for image in images:
        counts[image.split] = counts.get(image.split, 0) + 1
    return dict(sorted(counts.items(), reverse=True))


def _check_counts(entry: Target | OpenSet, images: list[OfficialImage]) -> None:
    """UserError unless classes and images are as many as registered; files that are no images count with them."""
    counts = _counts(images)
    if isinstance(entry, Target):
        stated = {"classes": entry.classes, "train": entry.train, "test": entry.test}
        seen = {"classes": len({image.folder for image in images}), **{s: counts.get(s, 0) for s in ("train", "test")}}
    else:
        stated, seen = {"images": entry.images}, {"images": counts.get("train", 0)}
    wrong = [f"{seen[what]:,} {what} for {count:,}" for what, count in stated.items() if seen[what] != count]
    if wrong:
        raise UserError(
            f"{entry.name}: the downloads have {', '.join(wrong)} as registered: they are not whole, or another "
            "version; --unverified prepares them as they are"
        )


def _record(
    made_of: dict[str, object], counts: dict[str, int], left_out: list[str], download: Official
) -> dict[str, object]:
    return {"made_of": made_of, "images": counts, "left_out": left_out, "note": download.note}


def _publish(placed: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # One call for all: to wait for a million files one by one takes hours.
    os.sync()
    placed.rename(folder)


def _existing(entry: Target | OpenSet, download: Official, source: Path, folder: Path) -> Prepared:
    """The data set that is there already, if it is whole and made of these downloads, or of some that are gone."""
    try:
        record = json.loads((folder / RECORD).read_text())
        counts = {str(split): int(count) for split, count in record["images"].items()}
        made_of, left_out = digest(record["made_of"]), tuple(record["left_out"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        text = f"{folder} exists and this command has not made it; remove it, or name another --data-root"
        raise UserError(text) from None
    if _are_there(entry, download, source, other_than=made_of):
        raise UserError(f"{folder} was made of other downloads; remove it, or name another --data-root")
    for split, count in counts.items():
        there = sum(1 for _ in image_files(folder / split))
        if there != count:
            raise UserError(f"{folder / split} has {there:,} images and was made with {count:,}; remove {folder}")
    return Prepared(folder, counts, left_out=left_out, new=False)


def _are_there(entry: Target | OpenSet, download: Official, source: Path, other_than: str) -> bool:
    """Whether `source` holds whole downloads, and others than those of that digest."""
    try:
        files = find_parts(entry.name, download, source)
    except UserError:
        return False
    return digest(_fingerprint(files)) != other_than


@contextlib.contextmanager
def _reserved(name: str, work: Path, made_of: dict[str, object]) -> Iterator[None]:
    """`work` for this process only, with what a killed call has left there of the same downloads.

    It is gone after success and after an error, and stays after a signal.
    """
    path, root = work.with_name(f"{work.name}.lock"), work.parent.parent
    with _disk_errors(name, root):
        file = _locked(path)
    if file is None:
        raise UserError(f"{name} is being prepared in {root} by another process")
    with file:
        try:
            with _disk_errors(name, root):
                _begin(work, made_of)
            yield
        except Exception:
            _end(work, path)
            raise
        _end(work, path)


def _locked(path: Path) -> IO[str] | None:
    """The file at `path`, open and locked; None where another process has it. Who is done removes file and folder, so
    that both may be gone between two steps here."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            file = path.open("w")
            held = lock(file)
            if held is not False and is_at(file, path):
                return file
            file.close()
            if held is False:
                return None


def _end(work: Path, lock_file: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    lock_file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        # Others may be at work there.
        work.parent.rmdir()


def _begin(work: Path, made_of: dict[str, object]) -> None:
    """Keep what was made of the same downloads, and begin again with all else. Links of the tree are cheap."""
    mark = work / "made_of"
    if work.is_dir() and not (mark.is_file() and mark.read_text() == digest(made_of)):
        shutil.rmtree(work)
    shutil.rmtree(work / "tree", ignore_errors=True)
    work.mkdir(exist_ok=True)
    write_atomically(mark, digest(made_of))


@contextlib.contextmanager
def _disk_errors(name: str, root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(f"{name}: the disk of {root} is full; make room or name another --data-root") from error
        what = f"{error.filename or root}: {error.strerror or error}"
        raise UserError(f"{name}: {root} cannot be written ({what}); name another --data-root") from error
