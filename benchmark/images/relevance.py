"""Which images of an open-set are related to a target: for purity and the oracle, never for training."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.images.items import Items, folder_of
from benchmark.images.sources import Source
from benchmark.specs.base import digest

HELDOUT = "-heldout"

V = TypeVar("V")


def relevance(source: Source, target: str) -> NDArray[np.bool_] | None:
    """Bool [N]: whether each image's folder is labelled as related to the target; None where no label says so.

    UserError when the images lie in a folder that the labels do not know.
    """
    labels = source.items.folder_labels
    if labels is None or target not in labels.targets:
        return None
    by_folder = {folder: target in targets for folder, targets in labels.relevant.items()}
    return np.array(_per_item(source, by_folder), dtype=bool)


def heldout_mask(source: Source) -> NDArray[np.bool_]:
    """Bool [N]: whether each image comes from a source that a target was cut from ("<name>-heldout").

    A model may know such images by their style; purity is reported with and without them. All False without labels.
    """
    labels = source.items.folder_labels
    if labels is None:
        return np.zeros(len(source), dtype=bool)
    by_folder = {folder: origin.endswith(HELDOUT) for folder, origin in labels.source.items()}
    return np.array(_per_item(source, by_folder), dtype=bool)


def origins(source: Source) -> list[str] | None:
    """The source [N] that each image comes from, None where no label says so."""
    labels = source.items.folder_labels
    return None if labels is None else _per_item(source, dict(labels.source))


def relevance_sha256(items: Items, target: str) -> str | None:
    """The identity of a target's relevance labels, without reading any image; None where there are none.

    It is that of the folders, their sources and their relevance: the names of target and open-set stay out.
    """
    labels = items.folder_labels
    if labels is None or target not in labels.targets:
        return None
    rows = sorted((folder, labels.source[folder], target in names) for folder, names in labels.relevant.items())
    return digest({"relevance": rows})


def sources_sha256(items: Items) -> str | None:
    """The identity of the labels that say which source each image comes from; None where there are none."""
    labels = items.folder_labels
    return None if labels is None else digest({"sources": sorted(labels.source.items())})


def _per_item(source: Source, by_folder: dict[str, V]) -> list[V]:
    """The value of each item's nearest folder that has one."""
    known: dict[str, V] = {}
    values = []
    for item in source.manifest.ids:
        folder = item.rpartition("/")[0]
        if folder not in known:
            known[folder] = _nearest(source, folder, by_folder)
        values.append(known[folder])
    return values


def _nearest(source: Source, folder: str, by_folder: dict[str, V]) -> V:
    parts = folder.split("/")
    for depth in range(len(parts), 0, -1):
        name = "/".join(parts[:depth])
        if name in by_folder:
            return by_folder[name]
    raise UserError(f"{source.manifest.label}: the relevance labels have no row for folder '{folder_of(folder + '/')}'")
