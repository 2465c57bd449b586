"""How many picks each group gives when a budget is spread evenly, or by weight, over groups of different sizes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SLIP = 1e-9  # of the level times a weight, so that a whole number is not lost to rounding


def even_shares(
    sizes: NDArray[np.int64],
    total: int,
    rng: np.random.Generator,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.int64]:
    """Picks int64 [k] per group that add up to `total`, at most `sizes.sum()`.

    Group i gives min(sizes[i], L weights[i]) with one level L for all ("water-filling"), rounded down; what is left
    goes by one each to the groups with room and the largest remainder, equal remainders in an order drawn from `rng`.
    Without weights, or with equal ones, no group gives more than one pick fewer than a larger share that it had room
    for. A group of weight 0 gives nothing.

    Raises ValueError when the groups with a weight hold less than `total`.
    """
    wide = np.ones(sizes.size) if weights is None else np.asarray(weights, dtype=np.float64)
    held = int(sizes[wide > 0].sum())
    if total > held:
        raise ValueError(f"{total} picks cannot come from groups that hold {held}")
    if total == 0:
        return np.zeros_like(sizes)
    ideal = _level(sizes, total, wide) * wide
    shares = np.minimum(sizes, np.floor(ideal + _SLIP).astype(np.int64))
    remainder = np.where((shares < sizes) & (wide > 0), ideal - shares, -np.inf)
    lottery = rng.permutation(sizes.size)
    order = np.lexsort((lottery, -np.round(remainder, 6)))
    shares[order[: total - int(shares.sum())]] += 1
    return shares


def _level(sizes: NDArray[np.int64], total: int, weights: NDArray[np.float64]) -> float:
    """The level L at which sum(min(sizes, L weights)) is `total`."""
    some = np.flatnonzero((weights > 0) & (sizes > 0))
    full = sizes[some] / weights[some]
    order = np.argsort(full, kind="stable")
    filled = np.concatenate([[0], np.cumsum(sizes[some][order])])[:-1]
    width = np.cumsum(weights[some][order][::-1])[::-1]
    # With the groups before i full and the others not, the level would be levels[i]; it is, if group i holds it.
    levels = (total - filled) / width
    return float(levels[np.flatnonzero(levels <= full[order] * (1 + _SLIP))[0]])
