"""Features that an evaluation can use: those with a number in every place, and with a direction where that counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import row_blocks
from benchmark.images.data import ImageTask
from benchmark.specs.recipes import Embedding
from benchmark.stages.embed import features_of

_BLOCK = 4096

Rows = NDArray[np.float32]


class UnusableFeatures(ValueError):
    """Features that an evaluation can do nothing with, in one line that names the split and the image."""


class NotFinite(ValueError):
    """Features with NaN or infinity, of the image at `position` of a split. `naming_images` says which image it is."""

    def __init__(self, name: str, position: int) -> None:
        super().__init__(f"the features of image {position} of {name} are not finite")
        self.name, self.position = name, position


def finite_features(task: ImageTask, name: str, embedding: Embedding) -> Rows:
    """Features float32 [N, d] of a split. UnusableFeatures, with the image, for rows with NaN or infinity."""
    features = features_of(task, name, embedding)
    _refuse(task, name, features, _not_finite, "not finite")
    return features


def directed_features(task: ImageTask, name: str, embedding: Embedding) -> Rows:
    """As `finite_features`, for cosines: UnusableFeatures also for rows that are all zero and so have no direction."""
    features = finite_features(task, name, embedding)
    _refuse(task, name, features, _all_zero, "all zero")
    return features


def check_finite(features: Rows, name: str, positions: NDArray[np.int64]) -> None:
    """NotFinite for features [n, d] of the images at `positions` [n] of the split `name` with NaN or infinity."""
    bad = np.flatnonzero(_not_finite(features))
    if bad.size:
        raise NotFinite(name, int(positions[bad[0]]))


@contextmanager
def naming_images(task: ImageTask, **chosen: NDArray[np.int64]) -> Iterator[None]:
    """What raises NotFinite inside raises UnusableFeatures with the name of the image. `chosen`: the positions in the
    whole split of the images that were looked at, by the name of a split of which not all were."""
    try:
        yield
    except NotFinite as error:
        rows = chosen.get(error.name)
        place = error.position if rows is None else int(rows[error.position])
        raise _unusable(task, error.name, place, "not finite") from error


def _not_finite(block: Rows) -> NDArray[np.bool_]:
    return np.asarray(~np.isfinite(block).all(axis=1), np.bool_)


def _all_zero(block: Rows) -> NDArray[np.bool_]:
    return np.asarray(~block.any(axis=1), np.bool_)


def _refuse(task: ImageTask, name: str, features: Rows, is_bad: Callable[[Rows], NDArray[np.bool_]], what: str) -> None:
    for first, block in row_blocks(features, len(features), _BLOCK):
        bad = np.flatnonzero(is_bad(block))
        if bad.size:
            raise _unusable(task, name, first + int(bad[0]), what)


def _unusable(task: ImageTask, name: str, position: int, what: str) -> UnusableFeatures:
    manifest = task.data.verified_source(task.images(name)).manifest
    return UnusableFeatures(
        f"the features of image {manifest.ids[position]} of {manifest.label} are {what}: the encoder cannot be "
        "evaluated"
    )
