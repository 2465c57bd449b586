"""Products that no order of additions can move: rows and columns on a grid of multiples of powers of two."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.exact import exact_cosines, grid_columns, grid_rows
from baselines.core.scoring import unit_rows


def fractions(numbers: np.ndarray) -> np.ndarray:
    return np.vectorize(Fraction, otypes=[object])(numbers)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_cosines_are_those_of_rational_arithmetic(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    rows, others = rng.normal(size=(4, dim)), rng.normal(size=(5, dim))
    rows[0], rows[1] = others[0], 3 * others[1]
    x, y = grid_rows(rows), grid_rows(others)
    expected = 1 - ((fractions(x)[:, None] - fractions(y)[None]) ** 2).sum(axis=2) / 2
    cosines = exact_cosines(x, y)
    high = expected >= -1  # a number below -1 may need one more digit
    assert (fractions(cosines)[high] == expected[high]).all()
    assert cosines[0, 0] == 1
    np.testing.assert_allclose(cosines, unit_rows(rows) @ unit_rows(others).T, atol=2**-25 * dim**0.5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(-200, 200))
def test_products_with_columns_of_any_length_are_those_of_rational_arithmetic(seed: int, dim: int, power: int) -> None:
    rng = np.random.default_rng(seed)
    rows, matrix = rng.normal(size=(4, dim)), rng.normal(size=(dim, 3)) * np.array([1.0, 0.0, 2.0**power])
    x, columns = grid_rows(rows), grid_columns(matrix)
    assert (fractions(x @ columns) == fractions(x) @ fractions(columns)).all()
    error = 2**-25 * dim**0.5 * np.linalg.norm(matrix, axis=0)
    assert (np.abs(x @ columns - unit_rows(rows) @ matrix) <= error).all()
