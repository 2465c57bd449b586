"""What `data check` finds in a data root: in every split, between splits, and test images in open-sets."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.images.data import registered
from benchmark.images.duplicates import NEAR, PLAIN, Pair, pairs_between, pairs_within
from benchmark.images.items import first_few, folder_of
from benchmark.images.leaks import save_leaks, write_note
from benchmark.images.likeness import LikeImages
from benchmark.images.looks import VERSION, Looks, look_at_split, problem
from benchmark.images.manifest import Manifest, Split
from benchmark.images.pack import pack_problems
from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot
from benchmark.progress import Progress, silent
from benchmark.specs.base import digest
from benchmark.specs.datasets import OpenSet, Role
from benchmark.system import same_on_some_disk

FOLDER = "checks"
TINY = 32
"""Pixels of the shorter side below which an image is tiny."""


@dataclass(frozen=True)
class SplitFindings:
    """What is to be known of one split. `smallest` and `largest` are (class, images); `plain` counts the images that no
    near-duplicate is looked for of. `notes` are lines on counts and names."""

    label: str
    files: int
    readable: int
    classes: int
    smallest: tuple[str, int]
    largest: tuple[str, int]
    unreadable: tuple[tuple[str, str], ...]
    tiny: tuple[tuple[str, int, int], ...]
    grey: tuple[str, ...]
    plain: int
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """The images of `first` that are in `second` too. `leak`: a test split beside an open-set."""

    first: str
    second: str
    leak: bool
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class DataFindings:
    """The report. `faults` are splits that cannot be read at all, each with its reason. `likenesses` are what the
    features of `encoder` show from a cosine of `least_cosine` on; empty where no encoder was named."""

    splits: tuple[SplitFindings, ...]
    comparisons: tuple[Comparison, ...]
    faults: tuple[str, ...]
    encoder: str = ""
    least_cosine: float | None = None
    likenesses: tuple[LikeImages, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The report as values of JSON."""
        return {"near_bits": NEAR, "tiny_below": TINY, "plain_below": PLAIN, **asdict(self)}


class Inspection:
    """Looks at data sets of a data root. All that was done is kept below `store`, for a second call or after a kill."""

    def __init__(self, images: DataRoot, store: Path, progress: Progress = silent, jobs: int | None = None) -> None:
        self._images, self._store, self._progress, self._jobs = images, store, progress, jobs
        self._looks: dict[tuple[Role, str, Split], Looks] = {}
        self._faults: list[str] = []

    def inspect(self, targets: Sequence[str], opensets: Sequence[str]) -> DataFindings:
        """What is found in these, and in the open-sets of the test splits of these targets."""
        self._faults += pack_problems(self._images.path)
        for target in targets:
            self._look("targets", target, "train")
            self._look("targets", target, "test")
        for openset in opensets:
            self._look("opensets", openset, "train")
        splits = [self._split(*key, looks) for key, looks in self._looks.items()]
        comparisons = [*self._between_splits(targets), *self._leaks(targets, opensets)]
        return DataFindings(tuple(splits), tuple(comparisons), tuple(self._faults))

    def _look(self, role: Role, name: str, split: Split) -> None:
        try:
            items = self._images.items(role, name, split)
            self._looks[role, name, split] = look_at_split(items, self._store, self._progress, self._jobs)
        except UserError as error:
            self._faults.append(str(error))

    def _split(self, role: Role, name: str, split: Split, looks: Looks) -> SplitFindings:
        rows, ids = looks.rows, looks.ids
        readable = looks.readable
        counts = Counter(folder_of(ids[row]) for row in readable)
        ranked = sorted(counts.items(), key=lambda pair: (pair[1], pair[0])) or [("", 0)]
        short = [min(size) for size in zip(rows["width"].tolist(), rows["height"].tolist(), strict=True)]
        notes = [*_count_notes(role, name, split, len(readable), len(counts)), *_name_notes(looks)]
        return SplitFindings(
            label=looks.label,
            files=len(ids),
            readable=len(readable),
            classes=len(counts),
            smallest=ranked[0],
            largest=ranked[-1],
            unreadable=tuple(_unreadable(looks)),
            tiny=tuple(
                (ids[row], int(rows["width"][row]), int(rows["height"][row]))
                for row in readable.tolist()
                if short[row] < TINY
            ),
            grey=tuple(ids[row] for row in readable.tolist() if rows["grey"][row]),
            plain=int((rows["edges"][readable] < PLAIN).sum()),
            pairs=self._kept("within", looks, looks, lambda: pairs_within(looks, self._progress)),
            notes=(*notes, *(self._class_notes(name) if split == "test" else ())),
        )

    def _class_notes(self, target: str) -> Iterator[str]:
        """Classes that one of a target's splits lacks."""
        if ("targets", target, "train") not in self._looks:
            return
        train, test = (
            {folder_of(item) for item in self._looks["targets", target, split].ids} for split in ("train", "test")
        )
        for has, lacks, names in (("test", "train", test - train), ("train", "test", train - test)):
            if names:
                yield f"{has} has classes that {lacks} lacks: {first_few(sorted(names))}"

    def _between_splits(self, targets: Sequence[str]) -> Iterator[Comparison]:
        for target in targets:
            test, train = (self._looks.get(("targets", target, split)) for split in ("test", "train"))
            if test is not None and train is not None:
                yield Comparison(test.label, train.label, False, self._compared(test, train))

    def _leaks(self, targets: Sequence[str], opensets: Sequence[str]) -> Iterator[Comparison]:
        for target in targets:
            for openset in opensets:
                test = self._looks.get(("targets", target, "test"))
                pool = self._looks.get(("opensets", openset, "train"))
                if test is not None and pool is not None:
                    pairs = self._compared(test, pool)
                    self._write_down(test, pool, pairs)
                    yield Comparison(test.label, pool.label, True, pairs)

    def _compared(self, few: Looks, many: Looks) -> tuple[Pair, ...]:
        return self._kept("between", few, many, lambda: pairs_between(few, many, self._progress))

    def _write_down(self, test: Looks, pool: Looks, pairs: Sequence[Pair]) -> None:
        """For `--without-leaks`: by the contents of both, which are read as a run reads them."""
        try:
            test_manifest, pool_manifest = (self._manifest(looks) for looks in (test, pool))
        except UserError as error:
            self._faults.append(f"{error}; until then a run with --without-leaks refuses {test.label}")
            return
        save_leaks(self._store, test_manifest, pool_manifest, pairs)

    def _manifest(self, looks: Looks) -> Manifest:
        role, name, split = looks.items.role, looks.items.name, looks.items.split
        return open_source(self._images, role, name, split, self._store, self._progress).manifest

    def _kept(self, what: str, few: Looks, many: Looks, make: Callable[[], Sequence[Pair]]) -> tuple[Pair, ...]:
        """The pairs that an earlier call found in the same files, else those that `make` finds."""
        path = self._store / FOLDER / f"{digest([VERSION, NEAR, PLAIN, what, few.name, many.name])}.json"
        try:
            content = json.loads(path.read_text())
            if content["sha256"] == digest(content["pairs"]):
                return tuple(Pair(**pair) for pair in content["pairs"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            # Not there, or damaged: found again.
            pass
        pairs = tuple(make())
        values = [asdict(pair) for pair in pairs]
        write_note(path, json.dumps({"sha256": digest(values), "pairs": values}))
        return pairs


def _unreadable(looks: Looks) -> Iterator[tuple[str, str]]:
    for row in (looks.rows["readable"] == 0).nonzero()[0].tolist():
        yield looks.ids[row], problem(looks.items, looks.ids[row])


def _count_notes(role: Role, name: str, split: Split, images: int, classes: int) -> Iterator[str]:
    """How the counts differ from those of the registered data set of that name."""
    known = registered(role, name)
    if known is None:
        return
    expected = known.images if isinstance(known, OpenSet) else known.train if split == "train" else known.test
    if images != expected:
        yield f"{images:,} readable images, the paper used {expected:,}"
    if not isinstance(known, OpenSet) and classes != known.classes:
        yield f"{classes:,} classes, the paper used {known.classes:,}"


def _name_notes(looks: Looks) -> Iterator[str]:
    """Names that one file system keeps apart and another does not."""
    folded: dict[str, set[str]] = defaultdict(set)
    for item in looks.ids:
        folder = folder_of(item)
        folded[same_on_some_disk(folder) + "/"].add(folder)
        folded[f"{folder}/{same_on_some_disk(item.removeprefix(folder))}"].add(item)
    same = sorted(" and ".join(sorted(names)) for names in folded.values() if len(names) > 1)
    if same:
        yield (
            "names that differ only in case or in how accents are encoded, which some file systems do not keep apart: "
            f"{first_few(same)}"
        )
