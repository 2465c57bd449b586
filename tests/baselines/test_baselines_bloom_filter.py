from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.bloom_filter import BloomFilter, codes, slots_for


def murmur3(key: bytes, seed: int) -> int:
    """MurmurHash3 x86 32 bits, signed, after Appleby's description; for keys of whole words."""
    mask, h = 0xFFFFFFFF, seed
    for i in range(0, len(key), 4):
        k = int.from_bytes(key[i : i + 4], "little") * 0xCC9E2D51 & mask
        k = (k << 15 | k >> 17) & mask
        h ^= k * 0x1B873593 & mask
        h = ((h << 13 | h >> 19) & mask) * 5 + 0xE6546B64 & mask
    h ^= len(key)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ h >> shift) * factor & mask
    return h - 2**32 if h >= 2**31 else h


def test_codes_are_signs() -> None:
    rows = np.array([[1.5, -2.0, 0.0, -0.0], [-1e-30, 3.0, -4.0, 5.0]], dtype=np.float32)
    assert codes(rows) == [b"1011", b"0101"]
    assert codes(np.asfortranarray(rows)) == [b"1011", b"0101"]


def test_sizes() -> None:
    # 1000 items at 1 %: 9585.06 bits, the textbook's example; a quarter is 2396.3. Both rounded up to 64s.
    assert slots_for(1000, 0.01, "textbook") == 150 * 64 == 9600
    assert slots_for(1000, 0.01, "released") == 38 * 64 == 2432


@settings(deadline=None)  # the first call imports scikit-learn
@given(st.lists(st.text("01", min_size=8, max_size=8), max_size=20), st.text("01", min_size=8, max_size=8))
def test_members_are_those_whose_slots_are_all_set(members: list[str], name: str) -> None:
    filled = BloomFilter(128, 3)
    for member in members:
        filled.add(member.encode())
    slots = {murmur3(member.encode(), seed) % 128 for member in members for seed in range(3)}
    assert (name.encode() in filled) == all(murmur3(name.encode(), seed) % 128 in slots for seed in range(3))
    assert all(member.encode() in filled for member in members)
    assert filled.false_positive_rate() == pytest.approx((len(slots) / 128) ** 3)


@pytest.mark.parametrize(("sizing", "expected"), [("textbook", 0.01), ("released", 0.26)])
def test_non_members_pass_at_the_computed_rate(sizing: str, expected: float) -> None:
    rng = np.random.default_rng(0)
    slots = slots_for(2000, 0.01, sizing)  # type: ignore[arg-type]
    hashes = round(slots * math.log(2) / 2000)
    filled = BloomFilter(slots, hashes)
    for code in codes(rng.standard_normal((2000, 64))):
        filled.add(code)
    passed = np.mean([code in filled for code in codes(rng.standard_normal((20_000, 64)))])
    assert passed == pytest.approx(filled.false_positive_rate(), rel=0.1)
    assert passed == pytest.approx(expected, rel=0.25)
