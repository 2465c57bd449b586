from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.scoring import error_32, error_64, exact_scores, scaled_columns, tree_sum, unit_rows


def true_score(row: np.ndarray, centroid: np.ndarray) -> float:
    """(row . centroid) / |row| with one rounding per step of exact arithmetic."""
    x = [Fraction(float(v)) for v in row]
    dot = sum((a * Fraction(float(b)) for a, b in zip(x, centroid, strict=True)), Fraction(0))
    square = sum((a * a for a in x), Fraction(0))
    root = Fraction(math.isqrt(int(square * 2**400)), 2**200)
    return float(dot / root)


def plain_float32_score(row: np.ndarray, centroid: np.ndarray) -> float:
    """The score by the worst order of summation, one by one."""
    dot, square = np.float32(0), np.float32(0)
    for a, b in zip(row.astype(np.float32), centroid.astype(np.float32), strict=True):
        dot += a * b
        square += a * a
    return float(dot / np.sqrt(square))


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**31))
def test_tree_sum_adds_every_term_once(d: int, p: int, seed: int) -> None:
    terms = np.random.default_rng(seed).integers(-1000, 1000, (d, p)).astype(np.float64)
    assert tree_sum(terms.copy()).tolist() == terms.sum(axis=0).tolist()


@settings(max_examples=60)
@given(st.sampled_from([1, 2, 3, 17, 64, 300]), st.sampled_from(["f2", "f4", "f8"]), st.integers(0, 2**31))
def test_scores_are_within_their_bounds(dim: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = (rng.standard_normal(dim) + rng.integers(0, 4)).astype(dtype)
    centroid = unit_rows(rng.standard_normal((1, dim)) + rng.integers(0, 4))
    true = true_score(row, centroid[0])
    assert abs(exact_scores(row[None], centroid)[0, 0] - true) <= error_64(dim)
    assert abs(plain_float32_score(row, centroid[0]) - true) <= error_32(dim)


def test_bounds_are_of_use() -> None:
    assert 2.0**-24 < error_32(1) < error_32(128) < error_32(2048) < 2e-4
    assert 2.0**-53 < error_64(1) < error_64(2048) < 3e-15


@pytest.mark.parametrize(
    ("dtype", "power"), [("f2", 10), ("f2", -8), ("f4", 100), ("f4", -110), ("f8", 900), ("f8", -900)]
)
def test_length_of_a_row_does_not_matter(dtype: str, power: int) -> None:
    rng = np.random.default_rng(2)
    rows = rng.integers(1, 30, (6, 9)).astype(dtype)
    centroids = unit_rows(rng.standard_normal((3, 9)))
    longer = np.ldexp(rows, power).astype(dtype)
    assert exact_scores(longer, centroids).tobytes() == exact_scores(rows, centroids).tobytes()


def test_score_of_a_row_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(3)
    rows, centroids = rng.standard_normal((50, 37)), unit_rows(rng.standard_normal((5, 37)))
    together = exact_scores(rows, centroids)
    one_by_one = np.concatenate([exact_scores(row[None], centroids) for row in rows])
    assert together.tobytes() == one_by_one.tobytes()


def test_scaling_is_by_powers_of_two() -> None:
    rows = np.array([[3.0, -640.0], [5e-324, 0.0]])
    assert scaled_columns(rows).T.tolist() == [[3 / 1024, -640 / 1024], [0.5, 0.0]]
