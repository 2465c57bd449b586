"""Dot products that are exact in float64, so that no block size, thread count or processor can move a pick.

Unit rows are rounded to multiples of 2**-26. The product of two such numbers is a multiple of 2**-52, and by Cauchy and
Schwarz every partial sum of a dot product stays below 2: 53 bits hold it exactly, in any order of summation and with
or without fused multiply-add. A cosine moves by at most 2**-26 sqrt(d), 7e-7 for d = 2048, about float32's resolution;
bit-identical rows always tie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import Float64, unit_rows
from baselines.core.selection import Budget, Features, check_features, check_shape
from baselines.core.top import images_of

_STEPS = 2.0**26
_STRIP_NUMBERS = 2**16  # worked on at once after a product: they stay in the cache


def grid(numbers: NDArray[np.floating]) -> Float64:
    """`numbers`, none above 1 in size, at the nearest multiples of 2**-26."""
    rounded: Float64 = np.rint(np.asarray(numbers, dtype=np.float64) * _STEPS) / _STEPS
    return rounded


def grid_rows(rows: NDArray[np.floating]) -> Float64:
    """`rows` [b, d], none of them zero, at length 1 and on the grid, float64."""
    return grid(unit_rows(rows))


def grid_columns(matrix: NDArray[np.floating]) -> Float64:
    """`matrix` [d, m] with every column at the nearest multiples of 2**-26 times the power of two above its length.

    The product of a grid row and such a column is exact too: a power of two moves no digit. It is off the product of
    the unit row and the column itself by at most 2**-25 sqrt(d) times the length of the column.
    """
    wide = np.asarray(matrix, dtype=np.float64)
    _, exponents = np.frexp(np.linalg.norm(wide, axis=0))
    rounded: Float64 = np.ldexp(grid(np.ldexp(wide, -exponents)), exponents)
    return rounded


def exact_cosines(rows: NDArray[np.floating], others: NDArray[np.floating]) -> Float64:
    """1 - |x - y|^2 / 2 [b, m] for all pairs of grid rows x of `rows` [b, d] and y of `others` [m, d], in float64.

    This is the cosine to within 2**-25 sqrt(d), since rounding moved a row by at most 2**-27 sqrt(d). It is a multiple
    of 2**-53 between -1 and 1, so float64 holds it exactly: equal distances are equal numbers, and 1 means equal rows.
    (Opposite rows may be a little longer than 1; then the last digit of a number below -1 is rounded.)
    """
    missing, missing_of_others = ((1 - np.einsum("ij,ij->i", one, one)) / 2 for one in (rows, others))
    cosines = np.asarray(rows @ others.T, dtype=np.float64)
    step = max(1, _STRIP_NUMBERS // len(others))
    for first in range(0, len(rows), step):
        strip = slice(first, first + step)
        cosines[strip] += missing[strip, None] + missing_of_others
    return cosines


def checked(target: Features, pool: Features, budget: Budget, sampler: str) -> tuple[NDArray[np.floating], int]:
    """The rows of `target` [n, d] in memory, and the number of images that `budget` means for `pool` [N, d].

    Raises BudgetError as `images_of` does, FeatureError for shapes that do not fit and for bad rows of the target. Rows
    of the pool are checked when they are read.
    """
    n_target, dim = check_shape(target, "target")
    n_pool, _ = check_shape(pool, "pool", dim=dim)
    images = images_of(budget, n_pool, sampler)
    check_features(target, "target")
    return np.asarray(target[0:n_target]), images
