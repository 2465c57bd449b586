"""A Bloom filter over codes of bits: a set without false negatives, and with a known rate of false positives."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Sizing = Literal["released", "textbook"]


def slots_for(items: float, error_rate: float, sizing: Sizing) -> int:
    """Slots of a filter for `items` codes, rounded up to a multiple of 64.

    "textbook": -items ln(error_rate) / (ln 2)^2, at which a stranger is taken for a member with `error_rate` (Bloom
    1970). "released": a quarter of that, as BloomCoreset's code squares 2 ln 2 instead of ln 2.
    """
    width = math.log(2) if sizing == "textbook" else 2 * math.log(2)
    return 64 * math.ceil(math.ceil(-items * math.log(error_rate) / width**2) / 64)


def codes(rows: NDArray[Any]) -> list[bytes]:
    """The signs of `rows` [b, d], one text of d characters each: "0" for a negative number, "1" for any other."""
    return [row.tobytes() for row in np.where(rows < 0, ord("0"), ord("1")).astype(np.uint8)]


class BloomFilter:
    """A filter of `slots` slots, of which every code sets `hashes`: MurmurHash3 (32 bits, x86) of the code with the
    seeds 0, 1, …, modulo the number of slots."""

    def __init__(self, slots: int, hashes: int) -> None:
        # Late: scikit-learn, which has the hash, costs more than a second to import.
        from sklearn.utils import murmurhash3_32

        self._hash = murmurhash3_32
        self._hashes = hashes
        self._set = bytearray(slots)

    def add(self, code: bytes) -> None:
        """Make `code` a member."""
        for seed in range(self._hashes):
            self._set[self._hash(code, seed) % len(self._set)] = 1

    def __contains__(self, code: bytes) -> bool:
        return all(self._set[self._hash(code, seed) % len(self._set)] for seed in range(self._hashes))

    def false_positive_rate(self) -> float:
        """The probability that a code which is not a member passes as one."""
        return float((sum(self._set) / len(self._set)) ** self._hashes)
