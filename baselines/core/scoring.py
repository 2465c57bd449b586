"""Cosines whose float64 value depends on the numbers alone, and how far float32 can be from them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

UNIT_32 = 2.0**-24
UNIT_64 = 2.0**-53


def tree_sum(terms: Float64) -> Float64:
    """Sum `terms` [d, p] over d, halving d again and again; overwrites `terms`.

    The order of the additions follows from d alone. BLAS and `numpy.sum` choose theirs by block shape,
    thread count and the processor's vector width; elementwise addition cannot.
    """
    width = terms.shape[0]
    while width > 1:
        half = width // 2
        terms[:half] += terms[width - half : width]
        width -= half
    total: Float64 = terms[0]
    return total


def scaled_columns(rows: NDArray[np.floating]) -> Float64:
    """`rows` [b, d] as float64 columns [d, b], each multiplied by the power of two that brings it to about 1.

    Exact, changes no cosine, and no square of the result can overflow or vanish.
    """
    columns = np.array(rows.T, dtype=np.float64, order="C")
    _, exponents = np.frexp(np.abs(columns).max(axis=0))
    scaled: Float64 = np.ldexp(columns, -exponents)
    return scaled


def norms(columns: Float64) -> Float64:
    """Euclidean norms [b] of `columns` [d, b] in the fixed order."""
    return np.sqrt(tree_sum(columns * columns))


def unit_rows(rows: NDArray[np.floating]) -> Float64:
    """`rows` [b, d], none of them zero, at length 1 in float64."""
    columns = scaled_columns(rows)
    return np.ascontiguousarray((columns / norms(columns)).T)


def exact_scores(rows: NDArray[np.floating], centroids: NDArray[np.floating]) -> Float64:
    """The reference scores [b, k]: (row . centroid) / |row| in float64 and in the fixed order.

    rows [b, d] need not be normalised. Row by row and centroid by centroid these are the scores that
    `FeatureRanking` orders by.
    """
    columns = scaled_columns(rows)
    lengths = norms(columns)
    weights = np.asarray(centroids, dtype=np.float64)
    return np.stack([tree_sum(columns * one[:, None]) / lengths for one in weights], axis=1)


def _gamma(roundings: int, unit: float) -> float:
    # Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1.
    return roundings * unit / (1 - roundings * unit)


def error_32(dim: int) -> float:
    """Bound on |float32 score - true score| / |centroid| for rows of `dim` numbers.

    The score is fl(fl(x . c) / fl(sqrt(fl(x . x)))), or fl(fl(x . (c / f)) f) divided by the same root, where the
    centroid was scaled by a floor f. Roundings, in units of 2**-24 and in any order of summation, with or without fused
    multiply-add: the dot product d; the centroid's and the row's conversion to float32 one each; scaling by f and
    back one each; the squared norm d + 2, of which the root keeps half; root and division one each;
    one for all underflow together (`FeatureRanking` keeps squared norms above 2**-40, which leaves d *
    2**-86); one for the computed |centroid| that the bound is multiplied with. |x . c| <= |x| |c| turns the
    relative bound into this one.
    """
    return _gamma((dim + 4) + math.ceil((dim + 2) / 2) + 4, UNIT_32)


def error_64(dim: int) -> float:
    """Bound on |exact_scores - true score| / |centroid|: as `error_32`, sums ceil(log2 d) additions deep."""
    depth = math.ceil(math.log2(dim)) + 1
    return _gamma(depth + math.ceil(depth / 2) + 4, UNIT_64)
