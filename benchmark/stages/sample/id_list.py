"""A file of item ids as a sampler, so that picks of another program, or picks by hand, stand beside the others."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines import Budget, BudgetError, Features, Selection, parse_budget
from benchmark.errors import UserError

POOL = "# pool: "
"""How a comment begins that names the pool of a list."""


@dataclass(frozen=True)
class IdList:
    """Ids of pool items in pick order, each once. `name` is for messages."""

    name: str
    ids: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of the ids, one per line: as `picks_sha256` of a `sample` stage. Comments are not in it."""
        return hashlib.sha256("".join(f"{one}\n" for one in self.ids).encode()).hexdigest()

    def bind(self, items: Sequence[str]) -> "ListedPicks":
        """The sampler that picks these ids from a pool whose rows are `items`. UserError for an id not among them."""
        position_of = {item: position for position, item in enumerate(items)}
        absent = [one for one in self.ids if one not in position_of]
        if absent:
            raise UserError(
                f"{self.name}: {len(absent)} of its {len(self.ids)} ids are not in the pool, the first is '{absent[0]}'"
            )
        return ListedPicks(self.name, np.array([position_of[one] for one in self.ids], dtype=np.int64), len(items))


@dataclass(frozen=True, eq=False)
class ListedPicks:
    """A sampler whose picks are given: `positions` int64 [m], in pick order, of a pool of `n_pool` rows."""

    name: str
    positions: NDArray[np.int64]
    n_pool: int

    def select(self, target: Features | None, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """The first `budget` of the list; with None all of it, which ends "exhausted". No features are read.

        All scores are 0. Raises BudgetError for a budget beyond the list, ValueError for a pool of another length.
        """
        if len(pool) != self.n_pool:
            raise ValueError(f"{self.name} was read for a pool of {self.n_pool} rows, this one has {len(pool)}")
        size, listed = parse_budget(budget, self.n_pool), self.positions.size
        if size is not None and size > listed:
            raise BudgetError(f"budget {budget!r} is {size} images but {self.name} has {listed}: give at most {listed}")
        picks = self.positions[:size].copy()
        return Selection(picks, np.zeros(picks.size, np.float32), "exhausted" if size is None else "budget")


def list_text(ids: Iterable[str], comment: str, pool: str = "") -> str:
    """The text of a list of picks, to be written as UTF-8: a comment of one line, another one on where the `pool` is,
    if that is known, then an id in each."""
    place = f"{POOL}{pool}\n" if pool else ""
    return f"# {comment}\n{place}" + "".join(f"{item}\n" for item in ids)


def pool_of(path: Path) -> str | None:
    """The pool that a list of picks says it is from; None where it says nothing. UserError for no readable file."""
    return next((line.removeprefix(POOL) for line in _lines(path) if line.startswith(POOL)), None)


def read_ids(path: Path) -> IdList:
    """The ids in a text file, one per line; empty lines and lines that begin with # are comments.

    Raises UserError for a file that cannot be read, has no ids or has one twice.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line in seen:
            raise UserError(f"{path} line {number}: id '{line}' is in line {seen[line]} already")
        seen[line] = number
    if not seen:
        raise UserError(f"{path} holds no ids: one per line, # begins a comment")
    return IdList(path.name, tuple(seen))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a list of ids: {error}") from None
