"""Images that an encoder sees as alike: what difference hashes miss of crops, mirrored and coloured copies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096
"""Images whose neighbours are searched for at once."""


@dataclass(frozen=True)
class EncodedSplit:
    """Features [N, d] of the images `ids` of a split."""

    label: str
    ids: Sequence[str]
    features: NDArray[np.float32]


@dataclass(frozen=True)
class LikePair:
    """Two images whose features have this cosine, by id."""

    first: str
    second: str
    cosine: float

    @property
    def text(self) -> str:
        """What is alike, in words."""
        return f"features, cosine {self.cosine:.3f}"


@dataclass(frozen=True)
class LikeImages:
    """Images of `first` with the most similar one of `second` (the same split: of all others), most similar first.
    `leak`: a test split beside an open-set."""

    first: str
    second: str
    leak: bool
    pairs: tuple[LikePair, ...]


def like_pairs(
    few: EncodedSplit, many: EncodedSplit, least: float, known: Collection[tuple[str, str]] = ()
) -> tuple[LikePair, ...]:
    """Of every image of `few` the most similar one of `many`, where their cosine is at least `least`; most similar
    first, `known` pairs left out. Within one split an image is not compared with itself, and a pair counts once.

    Exact by float32 cosines; beside the tables it holds `BLOCK` rows. Raises FeatureError for features that are zero or
    not finite.
    """
    from baselines.core.neighbours import nearest_rows
    from baselines.core.scoring import unit_rows
    from baselines.core.selection import check_rows

    pairs: dict[tuple[str, str], float] = {}
    neighbours = min(2 if few is many else 1, len(many.ids))
    for first in range(0, len(few.ids), BLOCK):
        rows = np.asarray(few.features[first : first + BLOCK])
        check_rows(rows, few.label, first)
        positions, cosines = nearest_rows(unit_rows(rows), many.features, neighbours, many.label)
        for row, column in enumerate(_columns(positions, first, few is many)):
            if column < neighbours and cosines[row, column] >= least:
                pair = few.ids[first + row], many.ids[positions[row, column]]
                # The rounding of float32 may leave a cosine of the same image a little above 1.
                pairs[min(pair, pair[::-1]) if few is many else pair] = min(float(cosines[row, column]), 1.0)
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return tuple(LikePair(*pair, cosine) for pair, cosine in ordered if pair not in known)


def _columns(positions: NDArray[np.int64], first: int, same: bool) -> list[int]:
    """The column of each row's most similar other image: the second where the image itself comes first."""
    if not same:
        return [0] * len(positions)
    return [int(row == first + place) for place, row in enumerate(positions[:, 0].tolist())]
