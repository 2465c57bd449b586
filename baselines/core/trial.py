"""What a sampler is tried on by its contract: small features, tables that watch how they are read, and its answers."""

from __future__ import annotations

import pickle
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import Budget, Features, NotASelection, Sampler, Selection, as_selection

Rows = NDArray[np.floating]

N_TARGET, N_POOL, DIM = 40, 600, 16
BUDGET = 37
BUDGETS: tuple[Budget, ...] = (1, BUDGET, "5%", "33.3%", N_POOL, "100%")


class Broken(Exception):
    """The contract is broken; the message says what was seen. `instead` is the line of code to write instead, where
    the clause's own line does not fit."""

    def __init__(self, message: str, instead: str = "") -> None:
        super().__init__(message)
        self.instead = instead


class SlicesOnly:
    """A table like a sharded store: it has a length and gives rows for a slice, and notes slices that go too far and
    what was asked for that is no slice."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.beyond: slice | None = None
        self.other: str | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice, /) -> Rows:
        if not isinstance(rows, slice):
            self.other = type(rows).__name__
            raise TypeError(f"a table gives rows for a slice, table[first:stop], and was asked for [{rows!r}]")
        if max(rows.start or 0, rows.stop or 0) > len(self):
            self.beyond = rows
        return self._rows[rows]


@dataclass(frozen=True)
class Trial:
    """A sampler, made anew by `make` whenever asked, the features it is tried on, which are made anew too, and the
    budgets that can be met."""

    make: Callable[[], Sampler]
    budgets: tuple[Budget, ...] = BUDGETS

    @property
    def target(self) -> Rows:
        """float32 rows [40, 16], not of length 1."""
        return features(N_TARGET, seed=1)

    @property
    def pool(self) -> Rows:
        """float32 rows [600, 16], not of length 1."""
        return features(N_POOL, seed=2)

    def select(
        self, budget: Budget = BUDGET, *, target: Features | None = None, pool: Features | None = None
    ) -> Selection:
        """The answer of a new instance, for the trial's features where no others are given."""
        target, pool = self.target if target is None else target, self.pool if pool is None else pool
        return as_selection(self.make().select(target, pool, budget=budget, seed=0), budget)

    def select_from_state(
        self, state: int, *, target: Features | None = None, pool: Features | None = None
    ) -> Selection:
        """`select` after the global random generators were set to `state`."""
        random.seed(state)
        np.random.seed(state)
        return self.select(target=target, pool=pool)

    @cached_property
    def repeatable(self) -> bool:
        """Whether two calls from one global random state agree: only then can a difference be put down to something."""
        return same(self.select_from_state(0), self.select_from_state(0))

    @cached_property
    def answers(self) -> dict[Budget, Selection | BaseException]:
        """What came back for every budget that can be met."""
        return {budget: attempt(partial(self.select, budget)) for budget in self.budgets}

    @property
    def picks(self) -> dict[Budget, NDArray[Any]]:
        """The picks for every budget that was answered."""
        return {
            budget: np.asarray(answer.indices)
            for budget, answer in self.answers.items()
            if not isinstance(answer, BaseException)
        }


def features(rows: int, *, seed: int) -> Rows:
    """Rows [rows, 16] in five clusters, of lengths from 0.5 to 2."""
    rng = np.random.Generator(np.random.PCG64(seed))
    centres = np.random.Generator(np.random.PCG64(0)).normal(size=(5, DIM))
    points = centres[rng.integers(0, 5, size=rows)] + 0.5 * rng.normal(size=(rows, DIM))
    lengths = rng.uniform(0.5, 2, size=(rows, 1))
    scaled: Rows = (lengths * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def attempt(call: Callable[[], Selection]) -> Selection | BaseException:
    """What `call` returns, or the exception that it raises; one that ends the program is told like any other."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        return error


def error_line(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"raised {type(error).__name__}" + (f": {text[:200]}" if text else "")


def seen(answer: Selection | BaseException) -> str:
    """What came back, in a few words."""
    return error_line(answer) if isinstance(answer, BaseException) else f"a selection of {np.size(answer.indices)}"


def refused(answer: Selection | BaseException) -> bool:
    """Whether the answer is a refusal that can be shown to a user: a ValueError with a message of one line."""
    one_line = len(str(answer).strip().splitlines()) == 1
    return isinstance(answer, ValueError) and not isinstance(answer, NotASelection) and one_line


def same(one: Selection, other: Selection) -> bool:
    """Whether two answers have the same picks in the same order with the same scores."""
    return np.array_equal(one.indices, other.indices) and np.array_equal(one.scores, other.scores, equal_nan=True)


@contextmanager
def read_only_file(rows: Rows) -> Iterator[Rows]:
    """`rows` as a memory-mapped file that cannot be written to."""
    with tempfile.TemporaryFile() as file:
        file.write(rows.tobytes())
        file.flush()
        yield np.memmap(file, dtype=rows.dtype, mode="r", shape=rows.shape)


def random_state() -> bytes:
    """The state of Python's and numpy's global generators."""
    return pickle.dumps((random.getstate(), np.random.get_state()))


@contextmanager
def own_random_state() -> Iterator[None]:
    """Give both global generators their state back afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def processor_seconds(call: Callable[[], object]) -> float:
    """Processor time of a call: what else the machine is doing hardly counts."""
    start = time.process_time()
    call()
    return time.process_time() - start


def peak_bytes(call: Callable[[], object]) -> int:
    """Most memory that a call held at once, as Python and numpy account for it (not what a C++ library takes)."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
