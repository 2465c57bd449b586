"""The data of a run, by name: what a plan must know of it, and what a stage reads of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.opensets import OPENSETS
from benchmark.datasets.targets import TARGETS, registered_target
from benchmark.errors import UnknownName, UserError
from benchmark.execution.task import Task
from benchmark.images.attributes import ATTRIBUTES, Attributes
from benchmark.images.items import Items, folder_of
from benchmark.images.leaks import KnownLeaks, without
from benchmark.images.manifest import Manifest, Split
from benchmark.images.relevance import heldout_mask, origins, relevance, relevance_sha256, sources_sha256
from benchmark.images.restricted import base_name, class_file
from benchmark.images.scan import count_differences, find_manifest, open_source
from benchmark.images.sources import LAYOUT, DataRoot, ImageRoot, NamedFolders, Source
from benchmark.images.square_cache import FOLDER, square_pixels
from benchmark.progress import Progress, silent
from benchmark.specs.datasets import Metric, OpenSet, Role, Target
from benchmark.specs.stages import Images

SplitName = tuple[Role, str, Split]
RELEVANCE, SOURCES = "relevance:", "sources"
"""What the split is called of an input that is labels of an open-set's folders. The target's name follows the first."""


def open_images(data_root: Path | NamedFolders | None, standins: bool) -> ImageRoot:
    """The stand-ins, the folders given, or the data root. UserError when a data root is needed and none is named."""
    if isinstance(data_root, NamedFolders):
        return data_root
    if standins:
        # Imported here: a run on real images has no use for what draws.
        from benchmark.images.standins.root import StandIns

        return StandIns()
    if data_root is None:
        raise UserError(
            f"real images need a data root: give --data-root or set BENCHMARK_DATA to a folder with {LAYOUT}"
        )
    return DataRoot(data_root)


class Data:
    """Images by role, name and split. `root` is a data root, folders given one by one, or None for a plan without data;
    `cache` is the store's root. With `without_leaks`, names of targets, open-sets lack the test images of these
    targets; they must have been searched for them.

    What was looked up once is remembered; `read` forgets what it may have changed.
    """

    def __init__(
        self,
        root: Path | NamedFolders | None,
        standins: bool,
        cache: Path,
        without_leaks: tuple[str, ...] = (),
    ) -> None:
        self.root, self.standins, self.cache = root, standins, cache
        # What is drawn was never photographed: no stand-in leaks.
        self.without_leaks = () if standins else without_leaks
        self._manifests: dict[SplitName, Manifest | None] = {}
        self._relevance: dict[tuple[str, str], Images | None] = {}
        self._attributes: dict[str, Images | None] = {}
        self._class_sizes: dict[tuple[str, Split], tuple[int, ...] | None] = {}
        self._sources: dict[Images, Source] = {}
        self._items: dict[SplitName, Items] = {}
        self._inputs: dict[tuple[Role, str, str], Images] = {}
        self._known_leaks: KnownLeaks | None = None

    @cached_property
    def _images(self) -> ImageRoot | None:
        return None if self.root is None and not self.standins else open_images(self.root, self.standins)

    @property
    def _by_path(self) -> bool:
        """Whether names are the paths that a user gave."""
        return isinstance(self.root, NamedFolders)

    def __reduce__(self) -> tuple[type["Data"], tuple[Path | NamedFolders | None, bool, Path, tuple[str, ...]]]:
        # What was looked up here is not sent to workers: each looks for itself.
        return Data, (self.root, self.standins, self.cache, self.without_leaks)

    # For plans -------------------------------------------------------------------------------------------------------

    def names(self, role: Role) -> list[str]:
        """The data sets that are there."""
        return [] if self._images is None else self._images.names(role)

    def has(self, role: Role, name: str) -> bool:
        return (base_name(name) if role == "opensets" else name) in self.names(role)

    def on_disk(self, role: Role, name: str) -> bool:
        """Whether the data root has such a folder, be it read or not."""
        return isinstance(self.root, Path) and (self.root / role / name).is_dir()

    def images(self, role: Role, name: str, split: str) -> Images:
        """A split as an input of stages; without a final identity while its images are absent or not read."""
        if (role, name, split) not in self._inputs:
            self._inputs[role, name, split] = self._input(role, name, split)
        return self._inputs[role, name, split]

    def _input(self, role: Role, name: str, split: str) -> Images:
        manifest = self.manifest(role, name, split)
        if manifest is None:
            return Images(role, name, split, None, self._listed_count(role, name, split), by_path=self._by_path)
        if role == "opensets" and self._unsearched(self.without_leaks, name):
            return Images(role, name, split, None, len(manifest))
        identity = manifest.images_sha256, len(manifest), manifest.labels_sha256
        return Images(role, name, split, *identity, by_path=self._by_path)

    def _listed_count(self, role: Role, name: str, split: str) -> int | None:
        """Images that were not read yet: as many as there are files, or as the paper's data set has."""
        try:
            return len(self.find(role, name, "train" if split == "train" else "test").ids)
        except UserError:
            return None if self._by_path else _registered_count(role, name, split)

    def find(self, role: Role, name: str, split: Split = "train") -> Items:
        """The items of a split, listed and not read; UserError says what was looked for and what is there."""
        if (role, name, split) not in self._items:
            self._items[role, name, split] = open_images(self.root, self.standins).items(role, name, split)
        return self._items[role, name, split]

    def manifest(self, role: Role, name: str, split: str) -> Manifest | None:
        """The manifest of a split that was read before. Reads no image."""
        split_name: SplitName = (role, name, "train" if split == "train" else "test")
        if split_name not in self._manifests:
            read_before = None if self._images is None else find_manifest(self._images, *split_name, self.cache)
            self._manifests[split_name] = read_before and self._without_leaks(read_before)
        return self._manifests[split_name]

    def _without_leaks(self, manifest: Manifest) -> Manifest:
        if manifest.role == "targets" or not self.without_leaks:
            return manifest
        return without(manifest, self._leaks.of_any(self.without_leaks, manifest.name))

    @property
    def _leaks(self) -> KnownLeaks:
        if self._known_leaks is None:
            self._known_leaks = KnownLeaks(open_images(self.root, self.standins), self.cache)
        return self._known_leaks

    def _unsearched(self, targets: Iterable[str], openset: str) -> list[str]:
        """The targets whose test images the open-set was not searched for."""
        leaks = self._leaks
        return [target for target in targets if leaks.leaked(target, openset) is None]

    def relevance(self, openset: str, target: str) -> Images | None:
        """The identity of the labels that say which images are relevant to the target, None where there are none."""
        if (openset, target) not in self._relevance:
            self._relevance[openset, target] = self._find_relevance(openset, target)
        return self._relevance[openset, target]

    def _find_relevance(self, openset: str, target: str) -> Images | None:
        try:
            identity = relevance_sha256(self.find("opensets", openset), target)
        except UserError:
            return None
        return None if identity is None else Images("opensets", openset, f"{RELEVANCE}{target}", identity)

    def sources(self, openset: str) -> Images | None:
        """The identity of the labels that say which source each image comes from, None where there are none."""
        try:
            identity = sources_sha256(self.find("opensets", openset))
        except UserError:
            return None
        return None if identity is None else Images("opensets", openset, SOURCES, identity, by_path=self._by_path)

    def attributes(self, target: str) -> Images | None:
        """The identity of a target's further labels, None where it has none; unresolved while its images are absent.
        UserError for a file of labels that cannot be used."""
        if target not in self._attributes:
            self._attributes[target] = self._find_attributes(target)
        return self._attributes[target]

    def _find_attributes(self, target: str) -> Images | None:
        if not self.has("targets", target):
            return Images("targets", target, ATTRIBUTES, None)
        splits: tuple[Split, ...] = ("train", "test")
        parts = {split: self.find("targets", target, split) for split in splits}
        known = parts["train"].attributes
        if known is None:
            return None
        for split, items in parts.items():
            known.of(split, items.ids)
        return Images("targets", target, ATTRIBUTES, known.sha256)

    def class_sizes(self, target: str, split: Split) -> tuple[int, ...] | None:
        """How many images each class of a target's split has, by its listing; None while the images are absent."""
        if (target, split) not in self._class_sizes:
            self._class_sizes[target, split] = self._counted(target, split)
        return self._class_sizes[target, split]

    def _counted(self, target: str, split: Split) -> tuple[int, ...] | None:
        try:
            return tuple(Counter(map(folder_of, self.find("targets", target, split).ids)).values())
        except UserError:
            return None

    def metric(self, target: str) -> Metric:
        """The paper's metric for its targets, top-1 for all others."""
        known = registered_target(target)
        return known.metric if known else "top1"

    # For runs --------------------------------------------------------------------------------------------------------

    def read(self, splits: Iterable[SplitName], progress: Progress = silent) -> None:
        """Find all splits, then read through those that have not been read; the first error ends it."""
        splits = list(splits)
        images = open_images(self.root, self.standins)
        for role, name, split in splits:
            # Absent images and wrong folders are told before anything is read.
            images.items(role, name, split).classes  # noqa: B018
            if role == "opensets" and (missing := self._unsearched(self.without_leaks, name)):
                raise UserError(f"{_not_searched(name, missing)}; without leaks needs that first")
        for role, name, split in splits:
            open_source(images, role, name, split, self.cache, progress)
        for known in (self._manifests, self._items, self._inputs, self._relevance, self._attributes, self._class_sizes):
            known.clear()
        self._known_leaks = None

    def count_differences(self, splits: Iterable[SplitName]) -> list[str]:
        """How the images found differ in number from the registered data sets of the same names."""
        lines = []
        for role, name, split in splits:
            manifest, known = self.manifest(role, name, split), registered(role, name)
            if manifest is not None and known is not None and not self.standins:
                lines += count_differences([manifest], known)
        return lines

    def leak_notes(self, targets: Sequence[str], opensets: Sequence[str], demanded: bool) -> list[str]:
        """A line for each open-set: whether it was searched for test images of the targets, and what became of those.
        `demanded`: the protocol asks for a search of registered data. Nothing for stand-ins and without a data root."""
        if self.standins or self._images is None:
            return []
        read = [name for name in opensets if self.without_leaks or self.manifest("opensets", name, "train")]
        return [line for name in read for line in self._leak_lines(targets, name, demanded)]

    def _leak_lines(self, targets: Sequence[str], openset: str, demanded: bool) -> Iterator[str]:
        leaks = self._leaks
        leaked = {target: leaks.leaked(target, openset) for target in targets}
        unsearched = [target for target, images in leaked.items() if images is None]
        if unsearched:
            known = demanded and registered("opensets", openset) and any(map(registered_target, unsearched))
            yield _not_searched(openset, unsearched) + ("; protocol clean asks for it on registered data" * bool(known))
        searched = [target for target, images in leaked.items() if images is not None]
        leaked_counts = [f"{len(images):,} of {target}" for target, images in leaked.items() if images]
        if leaked_counts:
            done = "left out" if self.without_leaks else "kept (--without-leaks drops them)"
            total = len(leaks.of_any(targets, openset))
            yield f"opensets/{openset}: test images found in it: {total:,} ({', '.join(leaked_counts)}), {done}"
        elif searched:
            yield f"opensets/{openset}: no test image of {', '.join(searched)} was found in it"

    def skipped(self, splits: Iterable[SplitName]) -> list[str]:
        """The unreadable files that were left out of open-sets, a line for each split that has some."""
        manifests = [manifest for role, name, split in splits if (manifest := self.manifest(role, name, split))]
        return [
            f"{manifest.label}: {len(manifest.skipped)} unreadable files left out, first {manifest.skipped[0][0]}"
            for manifest in manifests
            if manifest.skipped
        ]

    def verified_source(self, images: Images, progress: Progress = silent) -> Source:
        """The images that an input names. UserError when the data root holds others by now (looked at once)."""
        if images not in self._sources:
            self._sources[images] = self._open_verified(images, progress)
        return self._sources[images]

    def _open_verified(self, images: Images, progress: Progress) -> Source:
        role, name = images.role, images.name
        split: Split = "test" if images.split == "test" else "train"
        source = open_source(open_images(self.root, self.standins), role, name, split, self.cache, progress)
        source = Source(source.items, self._without_leaks(source.manifest))
        if _identity(source, images) != (images.sha256, images.labels_sha256 if images.reads_labels else None):
            raise UserError(f"{images.label} has changed since the run began; start it again")
        return source

    def squares(self, images: Images, side: int, progress: Progress = silent) -> NDArray[np.uint8]:
        """All images of an input as squares, uint8 [N, side, side, 3], decoded once and memory-mapped."""
        return square_pixels(self.verified_source(images, progress), side, self.cache / FOLDER, progress)

    def relevant(self, images: Images) -> NDArray[np.bool_]:
        """Which open-set images are relevant, bool [N], for an input made by `relevance`."""
        target = images.split.removeprefix(RELEVANCE)
        mask = relevance(self.verified_source(images), target)
        assert mask is not None
        return mask

    def attributes_of(self, images: Images) -> Attributes:
        """The further labels of a target, for an input made by `attributes`."""
        known = self.verified_source(images).items.attributes
        assert known is not None
        return known

    def heldout(self, images: Images) -> NDArray[np.bool_]:
        """Which open-set images come from a source that a target was cut from, bool [N]."""
        return heldout_mask(self.verified_source(images))

    def origins(self, images: Images) -> list[str] | None:
        """The source that each open-set image comes from, for an input made by `sources`."""
        return origins(self.verified_source(images))


ImageTask = Task[Data]
"""A stage that reads images."""


def _identity(source: Source, images: Images) -> tuple[str | None, str | None]:
    """What the source adds to keys as the input `images`: the identity of images and, where they are read, of labels.
    Of relevance labels, sources and attributes, theirs."""
    if images.split.startswith(RELEVANCE):
        return relevance_sha256(source.items, images.split.removeprefix(RELEVANCE)), None
    if images.split == SOURCES:
        return sources_sha256(source.items), None
    if images.split == ATTRIBUTES:
        known = source.items.attributes
        return None if known is None else known.sha256, None
    manifest = source.manifest
    return manifest.images_sha256, manifest.labels_sha256 if images.reads_labels else None


def registered(role: Role, name: str) -> Target | OpenSet | None:
    """The registered data set of that name, None for a folder of somebody's own."""
    if role == "targets":
        return registered_target(name)
    return OPENSETS.get(name) if name in OPENSETS else None


def _registered_count(role: Role, name: str, split: str) -> int | None:
    match registered(role, name):
        case OpenSet(images=images):
            return images
        case Target() as target:
            return target.train if split == "train" else target.test
    return None


def _not_searched(openset: str, targets: Sequence[str]) -> str:
    names = " ".join([*targets, base_name(openset)])
    return f"opensets/{openset}: not searched for test images of {', '.join(targets)} (benchmark data check {names})"


def check_datasets(data: Data, targets: Iterable[str], opensets: Iterable[str]) -> None:
    """UnknownName for a target or open-set that is neither registered nor there."""
    for target in targets:
        if not (data.has("targets", target) or (registered("targets", target) and not data.standins)):
            _refuse(data, "targets", target, TARGETS.names())
    for openset in opensets:
        if class_file(openset) is not None:
            # Its file of classes is read here, so that a wrong one is an error before anything runs.
            data.find("opensets", openset)
        elif openset not in OPENSETS and not data.has("opensets", openset):
            _refuse(data, "opensets", openset, OPENSETS.names())


def _refuse(data: Data, role: Role, name: str, known: list[str]) -> None:
    there = data.names(role)
    if data.standins and (registered(role, name) or data.on_disk(role, name)):
        # Only what is drawn is to be had: neither the rest of the registered data sets nor anybody's folder.
        raise UserError(
            f"{role}/{name} has no stand-in, and a profile of stand-ins reads no data root: give --profile mini and "
            "--data-root"
        )
    if not there:
        # No data root, or a wrong one: its own error says what was looked for and what is there.
        data.find(role, name)
    raise UnknownName("target" if role == "targets" else "open-set", name, sorted({*known, *there}))
