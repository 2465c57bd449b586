"""Which training images keep their label: nested draws stratified by class, or the draw of the released code."""

import random
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Draw = Literal["stratified", "released"]


class TooFewLabels(ValueError):
    """A share that leaves nothing to learn from."""


def labelled(labels: NDArray[np.int64], percent: float, draw: Draw, seed: int) -> NDArray[np.int64]:
    """Positions of the training images with labels [n] that keep them, ascending, int64 [m].

    "stratified": ceil(percent / 100 * n_c) images of every class c, as the label lists of LCR's authors for their other
    work have it; a smaller share is a part of a larger one of the same seed, as images come in one random order of
    `seed`. "released": int(percent / 100 * n) of all images, as SimCore's released code draws them
    (`util/semisup_dataset.py`, with `seed` 0): from images in the order of their folders and names, whatever their
    classes. Some classes may get no label. At 100 % all images are taken. Raises TooFewLabels where no image is left.
    """
    if draw == "released":
        count = int(Fraction(str(percent)) / 100 * len(labels))
        chosen = np.array(random.Random(seed).sample(range(len(labels)), count), np.int64)
    else:
        order = np.random.default_rng([seed, 1]).permutation(len(labels))
        chosen = np.concatenate([_first(order[labels[order] == one], percent) for one in np.unique(labels)])
    if not len(chosen):
        raise TooFewLabels(f"{percent:g} % of {len(labels)} labels are none")
    return np.sort(chosen).astype(np.int64)


def labels_kept(images: int, percent: float) -> int:
    """How many of a class's `images` keep their label in a stratified draw: their share, rounded up."""
    share = Fraction(str(percent)) / 100
    # Rounded up, in whole numbers: 0.2 * 5 is 1 and not a little more.
    return -(-share.numerator * images // share.denominator)


def _first(members: NDArray[np.int64], percent: float) -> NDArray[np.int64]:
    return members[: labels_kept(len(members), percent)]
