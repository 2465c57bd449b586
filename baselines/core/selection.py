"""What every sampler shares: the selection it returns, the budget it is given, the checks on its input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Integral
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

StoppedBy = Literal["budget", "threshold", "exhausted"]
Budget = int | str | None

FEATURE_DTYPES = tuple(np.dtype(name) for name in ("float16", "float32", "float64"))
CHECK_ROWS = 8192
"""Rows looked at together when a whole feature table is checked."""

# Digits are bounded so that a share stays a number that a person wrote, and its exact fraction stays small.
_SHARE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,18})?)%")
_BUDGET_FORMS = 'give an int (images), a share such as "5%", or None (stopping rule)'


class BudgetError(ValueError):
    """A budget that cannot be met; the message is one line with the value and the way out."""


class FeatureError(ValueError):
    """Features that cannot be sampled from; the message names the table and, where there is one, the row."""


class Features(Protocol):
    """Rows of features, read in slices within their length: an array, a memmap or a sharded store."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def __getitem__(self, rows: slice, /) -> Any:
        """Rows as something `numpy.asarray` turns into a 2-d float16, float32 or float64 array."""
        ...


class NotASelection(ValueError):
    """What a sampler returned is no selection; the message says in one line what it is."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The picks of a sampler.

    indices: int64 [m], positions in the pool in pick order, all different. Integers of another type, and a list of
        them, become that.
    scores: float32 [m], the score with which each was picked (its meaning is the sampler's). Numbers of another type,
        and a list of them, become that.
    stopped_by: what ended the picking.
    info: how it went, values that JSON can hold.

    Raises NotASelection for values that are no positions or no scores.
    """

    indices: NDArray[np.int64]
    scores: NDArray[np.float32]
    stopped_by: StoppedBy
    info: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        indices = _cast(self.indices, "iu", np.int64)
        scores = _cast(self.scores, "iuf", np.float32)
        if indices is None or indices.ndim != 1:
            raise NotASelection(f"indices must be integers [m], got {_kind(self.indices)}")
        if scores is None or scores.shape != indices.shape:
            raise NotASelection(f"scores must be numbers {indices.shape}, got {_kind(self.scores)}")
        if np.unique(indices).size != indices.size:
            raise NotASelection("indices must be unique: the same image was picked twice")
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        return self.indices.size


def _cast(values: object, kinds: str, dtype: type[np.generic]) -> NDArray[Any] | None:
    """`values` as an array of `dtype`; None where they are not of the `kinds` of numbers. A list may be empty."""
    try:
        array = np.asarray(values)
    except ValueError:
        # Lists of several lengths.
        return None
    return array.astype(dtype, copy=False) if array.dtype.kind in kinds or array.size == 0 else None


def _kind(values: object) -> str:
    shape = getattr(values, "shape", None)
    return f"{type(values).__name__}" if shape is None else f"{getattr(values, 'dtype', '')} {shape}"


def as_selection(answer: object, budget: Budget) -> Selection:
    """What a sampler returned for `budget` as a selection: a `Selection` as it is; an array or a list of positions in
    pick order as one whose scores are 0, stopped by its budget, or without a budget by a threshold.

    Raises NotASelection for anything else.
    """
    if isinstance(answer, Selection):
        return answer
    if not isinstance(answer, np.ndarray | list | tuple):
        returned = f"select returned a {type(answer).__name__}"
        raise NotASelection(f"{returned}, not a baselines.Selection and not an array of positions")
    return Selection(
        answer,  # type: ignore[arg-type]
        np.zeros(len(answer) if np.ndim(answer) else 0, np.float32),
        "threshold" if budget is None else "budget",
    )


class Sampler(Protocol):
    """Anything that picks images of the pool, given features of the target and of the pool."""

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick from `pool` [N, d] for `target` [n, d]; see `parse_budget` for the forms of `budget`.

        The suite and `check` also take an array or a list of positions for an answer (`as_selection`).
        """
        ...


def parse_budget(budget: Budget, n_pool: int) -> int | None:
    """Number of images that `budget` means for a pool of `n_pool` images.

    An int is a number of images. A string such as "5%" is a share of the pool, rounded down as `int(p * N)`
    does but in exact decimal arithmetic. None asks for the sampler's stopping rule and stays None.

    Raises BudgetError for anything else: bool, float, other strings, less than 1 image, more than the pool.
    """
    if budget is None:
        return None
    if isinstance(budget, str):
        images = _share_of(budget, n_pool)
    elif isinstance(budget, Integral) and not isinstance(budget, bool):
        images = int(budget)
    else:
        raise BudgetError(f"budget {budget!r} is neither int, share nor None: {_BUDGET_FORMS}")
    if images < 1:
        raise BudgetError(f"budget {budget!r} is {images} images of {n_pool}: give a budget of at least 1 image")
    if images > n_pool:
        raise BudgetError(f"budget {budget!r} is {images} images but the pool has {n_pool}: give at most {n_pool}")
    return images


def _share_of(text: str, n_pool: int) -> int:
    match = _SHARE.fullmatch(text)
    if match is None:
        raise BudgetError(f"budget {text!r} is not a share of the pool: {_BUDGET_FORMS}")
    return int(Fraction(match.group(1)) * n_pool / 100)


def check_shape(features: Features, name: str, *, dim: int | None = None) -> tuple[int, int]:
    """Rows and columns of `features`, read from its first row only.

    Raises FeatureError when it is empty, is not 2-d, has not `dim` columns or is not float16/float32/float64.
    """
    shape = getattr(features, "shape", None)
    if shape is not None and len(shape) != 2:
        raise FeatureError(f"{name} must be 2-d [rows, d], got shape {tuple(shape)}")
    if len(features) == 0:
        raise FeatureError(f"{name} is empty: it has no rows")
    first = np.asarray(features[0:1])
    if first.ndim != 2 or first.shape[1] == 0:
        raise FeatureError(f"{name} must be 2-d [rows, d] with d >= 1, its first row has shape {first.shape[1:]}")
    if first.dtype.newbyteorder("=") not in FEATURE_DTYPES:
        raise FeatureError(f"{name} must be float16, float32 or float64, got {first.dtype}")
    if dim is not None and first.shape[1] != dim:
        raise FeatureError(f"{name} has {first.shape[1]} columns, expected {dim}: use one encoder for both")
    return len(features), first.shape[1]


def check_rows(block: NDArray[Any], name: str, first_row: int = 0) -> None:
    """Raise FeatureError naming the first row of `block` [b, d] that has NaN or infinity, or that is all
    zero.

    `first_row` is the position of the block's first row in the whole table.
    """
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if bad.size:
        raise FeatureError(f"{name} row {first_row + bad[0]} has NaN or infinity: no cosine can be computed")
    zero = np.flatnonzero(~block.any(axis=1))
    if zero.size:
        raise FeatureError(f"{name} row {first_row + zero[0]} is all zero: it has no direction to compare")


def check_features(features: Features, name: str, *, dim: int | None = None) -> tuple[int, int]:
    """Rows and columns of `features` after looking at every row, block by block.

    Raises FeatureError as `check_shape` and `check_rows` do.
    """
    n_rows, n_columns = check_shape(features, name, dim=dim)
    for first, block in row_blocks(features, n_rows, CHECK_ROWS):
        check_rows(block, name, first)
    return n_rows, n_columns


def row_blocks(table: Features, n_rows: int, size: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield (position of the first row, rows as an array [<= size, d]) from the first row to the last."""
    for first in range(0, n_rows, size):
        yield first, np.asarray(table[first : min(first + size, n_rows)])
