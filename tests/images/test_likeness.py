"""Which images features call alike: cases worked out by hand."""

import numpy as np
import pytest

from baselines.core.selection import FeatureError
from benchmark.images.likeness import BLOCK, EncodedSplit, LikePair, like_pairs


def encoded(label: str, **degrees: float) -> EncodedSplit:
    """Images by name, each a direction in the plane with a length of its own."""
    angles = np.radians(list(degrees.values()))
    lengths = np.arange(1, len(angles) + 1)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1) * lengths[:, None]
    return EncodedSplit(label, list(degrees), rows.astype(np.float32))


def cosine(degrees: float) -> float:
    return pytest.approx(np.cos(np.radians(degrees)), abs=1e-6)


def test_every_image_gets_its_most_similar_one_from_the_other_split() -> None:
    test, pool = encoded("test", a=0, b=90, c=200), encoded("pool", x=5, y=1, z=87)
    assert like_pairs(test, pool, 0.95) == (LikePair("a", "y", cosine(1)), LikePair("b", "z", cosine(3)))
    assert like_pairs(test, pool, 0.999) == (LikePair("a", "y", cosine(1)),)
    assert like_pairs(test, pool, 0.95, {("a", "y")}) == (LikePair("b", "z", cosine(3)),)


def test_within_a_split_an_image_is_not_its_own_copy() -> None:
    split = encoded("train", a=0, b=40, c=42, d=42)
    assert like_pairs(split, split, 0.95) == (LikePair("c", "d", cosine(0)), LikePair("b", "c", cosine(2)))
    single = encoded("train", a=0)
    assert like_pairs(single, single, 0.95) == ()


def test_blocks_do_not_change_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    few, many = ({f"{number}": angle for number, angle in enumerate(rng.uniform(0, 360, n))} for n in (40, 30))
    test, pool = encoded("test", **few), encoded("pool", **many)
    whole = [like_pairs(test, other, 0.9) for other in (pool, test)]
    assert BLOCK > 40 and all(len(pairs) > 10 for pairs in whole)
    monkeypatch.setattr("benchmark.images.likeness.BLOCK", 7)
    assert [like_pairs(test, other, 0.9) for other in (pool, test)] == whole


def test_features_without_a_direction_are_refused() -> None:
    split = encoded("test", a=0, b=1)
    split.features[1] = 0
    with pytest.raises(FeatureError, match="test row 1 is all zero"):
        like_pairs(split, encoded("pool", x=0), 0.9)
