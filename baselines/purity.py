"""How much of a selection is relevant to the target, beside what chance gives and what is possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picks = NDArray[np.integer]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Purity:
    """Purity of a selection and the two numbers it has to be read beside.

    purity: share of the picks that is relevant.
    base_rate: share of the pool that is relevant, the expected purity of random picks.
    ceiling: the best purity that as many picks can reach.
    picked, pool: number of picks and of pool items counted.
    """

    purity: float
    base_rate: float
    ceiling: float
    picked: int
    pool: int


def purity(indices: Picks, relevant: Mask) -> float:
    """Share of the picks `indices` [m] that is marked in `relevant` [N].

    Raises ValueError when nothing was picked and for a mask that is not boolean.
    """
    if indices.size == 0:
        raise ValueError("purity of no picks is undefined")
    return float(np.mean(_checked(relevant, "relevant")[indices]))


def base_rate(relevant: Mask) -> float:
    """Share of the pool that is marked in `relevant` [N]. Raises ValueError for an empty pool."""
    if relevant.size == 0:
        raise ValueError("base rate of an empty pool is undefined")
    return float(np.mean(_checked(relevant, "relevant")))


def ceiling(n_picks: int, relevant: Mask) -> float:
    """Best purity that `n_picks` picks can have: min(1, relevant items / n_picks). ValueError for none."""
    if n_picks < 1:
        raise ValueError(f"ceiling of {n_picks} picks is undefined")
    return min(1.0, int(_checked(relevant, "relevant").sum()) / n_picks)


def purity_report(indices: Picks, relevant: Mask, allowed: Mask | None = None) -> Purity:
    """Purity, base rate and ceiling, over the items marked in `allowed` [N] only (default: all).

    Items that are not allowed leave both the picks and the pool, so that a selection made with a source in
    the pool can be judged without that source. Raises ValueError when no pick is left.
    """
    if allowed is not None:
        if allowed.shape != relevant.shape:
            raise ValueError(f"allowed has shape {allowed.shape}, relevant {relevant.shape}")
        indices = indices[_checked(allowed, "allowed")[indices]]
    rest = relevant if allowed is None else relevant[allowed]
    if indices.size == 0:
        raise ValueError("no pick is left among the allowed items: purity is undefined")
    return Purity(
        purity=purity(indices, relevant),
        base_rate=base_rate(rest),
        ceiling=ceiling(indices.size, rest),
        picked=indices.size,
        pool=rest.size,
    )


def _checked(mask: Mask, name: str) -> Mask:
    # An integer mask would index instead of select, and scores would average: plausible wrong numbers.
    if mask.dtype != np.bool_ or mask.ndim != 1:
        raise ValueError(f"{name} must be boolean [N], got {mask.dtype} {mask.shape}")
    return mask
