"""Which training images keep their label: nested draws for several shares, stratified by class or uniform."""

from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Draw = Literal["stratified", "uniform"]


class TooFewLabels(ValueError):
    """A share that leaves a class, or everything, without labels."""


def labelled(labels: NDArray[np.int64], percent: float, draw: Draw, seed: int) -> NDArray[np.int64]:
    """Positions of the training images with labels [n] that keep them, ascending, int64 [m].

    "stratified": ceil(percent / 100 * n_c) images of every class c, as the label lists of LCR's authors for their other
    work have it. "uniform": int(percent / 100 * n) of all images, whatever their classes, as SimCore's released code
    draws. A smaller share is a part of a larger one of the same seed: images come in one random order of `seed`. At
    100 % all images are taken. Raises TooFewLabels where "uniform" leaves a class without a label.
    """
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    share = Fraction(str(percent)) / 100
    if draw == "uniform":
        chosen = order[: int(share * len(labels))]
        _check_classes(labels, chosen, percent)
    else:
        chosen = np.concatenate([_first(order[labels[order] == one], share) for one in np.unique(labels)])
    return np.sort(chosen).astype(np.int64)


def _first(members: NDArray[np.int64], share: Fraction) -> NDArray[np.int64]:
    # Rounded up, in whole numbers: 0.2 * 5 is 1 and not a little more.
    return members[: -(-share.numerator * len(members) // share.denominator)]


def _check_classes(labels: NDArray[np.int64], chosen: NDArray[np.int64], percent: float) -> None:
    lost = np.setdiff1d(labels, labels[chosen])
    if lost.size:
        raise TooFewLabels(
            f"{percent:g} % of the {len(labels)} labels, drawn uniformly, leave {lost.size} classes without any, the "
            f"first of them class {lost[0]}: a larger share or a draw stratified by class has labels of all"
        )
