"""The part of `data check` that compares images by the features of a named encoder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from baselines.core.selection import FeatureError
from benchmark.errors import UserError
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.execution.store import Store
from benchmark.images.data import Data, SplitName
from benchmark.images.likeness import EncodedSplit, LikeImages, like_pairs
from benchmark.planning.encoders import Encoder, Surroundings, find_encoder
from benchmark.specs.artefacts import FEATURES
from benchmark.specs.cells import ordered
from benchmark.specs.datasets import split_label
from benchmark.stages.embed import embed_stage

if TYPE_CHECKING:
    from benchmark.images.inspection import DataFindings


@dataclass(frozen=True)
class Likeness:
    """By which encoder images are compared, from which cosine on they are shown, and where its features are taken."""

    encoder: Encoder
    least: float
    machine: Machine


def find_likeness(encoder: str, least: float, store: Path, machine: Machine) -> Likeness:
    """What was given, resolved. UserError, before anything is looked at, for a name, a cosine or a device that cannot
    be used."""
    if not 0 < least <= 1:
        raise UserError(f"a cosine of {least:g} shows everything or nothing: give --cosine above 0 and at most 1")
    named = find_encoder(encoder, Surroundings(store))
    check_stages(ordered([named.stage]))
    check_machine(machine)
    return Likeness(named, least, machine)


def with_likeness(
    findings: "DataFindings", targets: Sequence[str], opensets: Sequence[str], likeness: Likeness, data: Data
) -> "DataFindings":
    """The findings with the images of these targets and open-sets that the encoder sees as alike, without those pairs
    that are there already. A split that a run cannot read is a fault.

    The features are stages of the store: a second call, and a run that samples by this encoder, take no others.
    """
    faults, encoded = _encoded(_splits(targets, opensets), likeness, data)
    name, likenesses = likeness.encoder.label, []
    for few, many, leak in _to_compare(targets, opensets):
        if few in encoded and many in encoded:
            known = set(_known(findings, few, many))
            try:
                pairs = like_pairs(encoded[few], encoded[many], likeness.least, known)
            except FeatureError as error:
                faults.append(f"{name}: {error}")
                continue
            likenesses.append(LikeImages(few, many, leak, pairs))
    new = [fault for fault in dict.fromkeys(faults) if fault not in findings.faults]
    return replace(
        findings,
        faults=(*findings.faults, *new),
        encoder=name,
        least_cosine=likeness.least,
        likenesses=tuple(likenesses),
    )


def _splits(targets: Sequence[str], opensets: Sequence[str]) -> list[SplitName]:
    of_targets: list[SplitName] = [("targets", name, split) for name in targets for split in ("train", "test")]  # type: ignore[misc]
    return [*of_targets, *(("opensets", name, "train") for name in opensets)]


def _to_compare(targets: Sequence[str], opensets: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Labels of the splits to compare, and whether what they share is a leak. No open-set with itself: of a million
    images that is a million million products."""
    for target in targets:
        train, test = (split_label("targets", target, split) for split in ("train", "test"))
        yield from ((train, train, False), (test, test, False), (test, train, False))
        yield from ((test, split_label("opensets", openset, "train"), True) for openset in opensets)


def _encoded(splits: Sequence[SplitName], likeness: Likeness, data: Data) -> tuple[list[str], dict[str, EncodedSplit]]:
    """Faults, and the features of every split by its label."""
    encoder, encoded = likeness.encoder, {}
    faults, readable = _read(splits, data)
    stages = {split: embed_stage(encoder.stage, data.images(*split), encoder.embedding) for split in readable}
    execute(Work(ordered(list(stages.values())), data.cache, data, encoder.local), likeness.machine)
    store = Store(data.cache)
    for split, stage in stages.items():
        manifest = data.manifest(*split)
        if store.has(stage) and manifest is not None:
            features = np.load(store.file(stage, FEATURES), mmap_mode="r")
            encoded[manifest.label] = EncodedSplit(manifest.label, manifest.ids, features)
        else:
            reasons = [crash.reason for one in ordered([stage]) if (crash := store.crash(one.key))]
            faults.append(f"{split_label(*split)}: no features by {encoder.label}: {', '.join(reasons) or 'stopped'}")
    return faults, encoded


def _read(splits: Sequence[SplitName], data: Data) -> tuple[list[str], list[SplitName]]:
    """Why some splits cannot be read as a run reads them, and those that can."""
    faults, readable = [], []
    with shown() as progress:
        for split in splits:
            try:
                data.read([split], progress)
                readable.append(split)
            except UserError as error:
                faults.append(str(error))
    return faults, readable


def _known(findings: "DataFindings", few: str, many: str) -> Iterator[tuple[str, str]]:
    """The pairs of two splits, or of one, that were found without the encoder."""
    within = [split.pairs for split in findings.splits if few == many == split.label]
    between = [one.pairs for one in findings.comparisons if (one.first, one.second) == (few, many)]
    for pair in (pair for pairs in (*within, *between) for pair in pairs):
        yield pair.first, pair.second
        if few == many:
            yield pair.second, pair.first
