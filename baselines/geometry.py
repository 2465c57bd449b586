"""How features lie in space, without any label: effective rank, alignment, uniformity.

Features are anything sliceable into float16, float32 or float64 rows. Memory is that of a few blocks of `BLOCK_ROWS`
rows and of one d x d matrix, whatever the number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.core.scoring import unit_rows
from baselines.core.selection import Features, check_rows, check_shape, row_blocks

__all__ = ["EffectiveRank", "Uniformity", "alignments", "effective_rank", "rank_of_spectrum", "uniformity"]

Floats = NDArray[np.float64]

BLOCK_ROWS = 2048
"""Rows read at once. Fixed, because the last digits of a matrix product may depend on it."""
EPSILON = 1e-7
"""What RankMe adds to every share, for features of float32."""
GROUPS = 10
"""Parts of the rows that the jackknife leaves out in turn."""


@dataclass(frozen=True)
class EffectiveRank:
    """`value` is between 1 and min(n, d), but for RankMe's epsilon. `error` is its standard error over other rows like
    these, by a jackknife over `GROUPS` parts; None where a part would be left without two rows. `spectrum` are the
    singular values that it is of, float64 [at most d], the largest first."""

    value: float
    error: float | None
    spectrum: Floats


@dataclass(frozen=True)
class Uniformity:
    """`value` is 0 where all rows lie in one place, and lower the more evenly they fill the sphere. `potentials` [n]
    are the means of exp(-t |x - y|^2) over the other rows. `error` is the standard error over other rows like these;
    None for two rows, where it cannot be known."""

    value: float
    potentials: Floats
    error: float | None


def effective_rank(features: Features) -> EffectiveRank:
    """RankMe (Garrido et al., ICML 2023): exp of the entropy of p, p_k = s_k / sum(s) + epsilon, of the singular values
    s of the features [n, d] as they are, neither centred nor normalised.

    From the eigenvalues of X^T X in float64; those that float64 cannot tell from zero count as zero. n d^2 operations,
    and `GROUPS` + 1 times d^3. Raises FeatureError for rows that are not finite or all zero.
    """
    parts = _grams(features)
    whole, rows = parts.gram.sum(axis=0), parts.rows.sum()
    spectrum = _spectrum(whole, rows)
    value = rank_of_spectrum(spectrum)
    if rows - parts.rows.max() < 2 or parts.rows.min() == 0:
        return EffectiveRank(value, None, spectrum)
    left = [
        rank_of_spectrum(_spectrum(whole - part, rows - left_out))
        for part, left_out in zip(parts.gram, parts.rows, strict=True)
    ]
    return EffectiveRank(value, float(np.sqrt((GROUPS - 1) * np.var(left))), spectrum)


def rank_of_spectrum(singular: Floats) -> float:
    """The effective rank of features with these singular values [k]."""
    shares = singular / singular.sum() + EPSILON
    return float(np.exp(-(shares * np.log(shares)).sum()))


def alignments(first: Features, second: Features) -> Floats:
    """|x - y|^2 [n] of the unit rows of two views of the same images, both [n, d]: 0 where they agree, at most 4.

    Their mean is the alignment of Wang and Isola (ICML 2020) at alpha = 2: lower is better aligned. Raises ValueError
    for tables of different shapes, FeatureError for rows that are not finite or all zero.
    """
    n, dim = check_shape(first, "first views")
    if check_shape(second, "second views", dim=dim)[0] != n:
        raise ValueError(f"{n} first views and {len(second)} second views are no pairs")
    squares = np.empty(n)
    for start in range(0, n, BLOCK_ROWS):
        one, other = (_unit(table, start, name) for table, name in ((first, "first views"), (second, "second views")))
        squares[start : start + len(one)] = ((one - other) ** 2).sum(axis=1)
    return squares


def uniformity(features: Features, t: float = 2.0) -> Uniformity:
    """log of the mean over all pairs of different rows of exp(-t |x - y|^2), on unit rows of `features` [n, d] (Wang
    and Isola, ICML 2020): lower is more uniform.

    n^2 d operations. The standard error is that of a U-statistic's first projection. Raises ValueError for a single
    row, FeatureError for rows that are not finite or all zero.
    """
    n, _ = check_shape(features, "features")
    if n < 2:
        raise ValueError("uniformity needs two rows")
    sums = np.zeros(n)
    for first in range(0, n, BLOCK_ROWS):
        block = _unit(features, first, "features")
        for second in range(0, n, BLOCK_ROWS):
            kernel = np.exp(2 * t * (np.minimum(block @ _unit(features, second, "features").T, 1) - 1))
            if first == second:
                np.fill_diagonal(kernel, 0)
            sums[first : first + len(block)] += kernel.sum(axis=1)
    potentials = sums / (n - 1)
    mean = potentials.mean()
    error = 2 * potentials.std(ddof=1) / np.sqrt(n) / mean if n > 2 else None
    return Uniformity(float(np.log(mean)), potentials, None if error is None else float(error))


def _unit(table: Features, first: int, name: str) -> Floats:
    block = np.asarray(table[first : min(first + BLOCK_ROWS, len(table))])
    check_rows(block, name, first)
    return unit_rows(block)


@dataclass(frozen=True)
class _Grams:
    """X^T X [GROUPS, d, d] of every part of the rows, and how many rows each has."""

    gram: Floats
    rows: NDArray[np.int64]


def _grams(features: Features) -> _Grams:
    """Row i is of part i modulo `GROUPS`: the parts have the same mix where rows are sorted by class."""
    n, dim = check_shape(features, "features")
    gram, counts = np.zeros((GROUPS, dim, dim)), np.zeros(GROUPS, np.int64)
    for first, block in row_blocks(features, n, BLOCK_ROWS):
        check_rows(block, "features", first)
        part = (first + np.arange(len(block))) % GROUPS
        for group in range(GROUPS):
            rows = block[part == group].astype(np.float64)
            gram[group] += rows.T @ rows
            counts[group] += len(rows)
    return _Grams(gram, counts)


def _spectrum(gram: Floats, rows: int) -> Floats:
    values = np.linalg.eigvalsh(gram)[::-1][: min(int(rows), len(gram))]
    values = np.where(values > values[0] * len(gram) * np.finfo(np.float64).eps, values, 0)
    singular: Floats = np.sqrt(values)
    return singular
