"""The clauses of a sampler's contract: what each asks, how it is checked, and what to write where it is broken.

A check says what it saw, or raises `Broken` with it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np

from baselines.core.selection import (
    FEATURE_DTYPES,
    BudgetError,
    NotASelection,
    Selection,
    StoppedBy,
    as_selection,
    parse_budget,
)
from baselines.core.trial import (
    BUDGET,
    N_POOL,
    Broken,
    SlicesOnly,
    Trial,
    attempt,
    error_line,
    features,
    peak_bytes,
    processor_seconds,
    random_state,
    read_only_file,
    refused,
    same,
    seen,
)

BAD_BUDGETS: tuple[Any, ...] = (0, -3, N_POOL + 1, True, 5.0, 0.05, "0%", "101%", "5", "five")

SMALL, LARGE = 2000, 8000
WORST_GROWTH = (LARGE / SMALL) ** 1.6
"""Time and memory may grow by this from SMALL to LARGE: N log N is far below, N^2 (16 times) clearly above."""
SECONDS, BYTES = 0.1, 50_000_000
"""A sampler that needs less than this for LARGE rows is not judged by its growth."""


SIGNATURE = "def select(self, target, pool, *, budget, seed=0): ..."
NO_ARGUMENTS = "def __init__(self, k=100): ..."
SELECTION = 'return Selection(picks.astype(np.int64), scores.astype(np.float32), "budget")'
SIZE = "size = parse_budget(budget, len(pool))"
BEST = 'picks = np.argsort(-scores, kind="stable")[:size]'
GENERATOR = "rng = np.random.default_rng(seed)"
FINITE = 'if not np.isfinite(rows).all(): raise ValueError("features have NaN or infinity")'


@dataclass(frozen=True)
class Clause:
    """One clause: `check` looks, `asks` is what the contract asks, `instead` the line of code that keeps it."""

    check: Callable[[Trial], str]
    asks: str
    instead: str


def _answers(trial: Trial) -> str:
    try:
        trial.make()
    except (Exception, SystemExit) as error:
        raise Broken(f"making one without arguments {error_line(error)}", NO_ARGUMENTS) from error
    answer = attempt(trial.select)
    if isinstance(answer, NotASelection):
        raise Broken(str(answer))
    if isinstance(answer, BaseException):
        called_otherwise = isinstance(answer, TypeError) and "argument" in str(answer)
        raise Broken(error_line(answer), SIGNATURE if called_otherwise else "")
    return f"{np.size(answer.indices)} picks for a budget of {BUDGET} of {N_POOL} rows"


def _is_a_selection(trial: Trial) -> str:
    """Type, dtypes and shapes as `Selection` says; it checks itself, but arrays can be changed after that."""
    answer = trial.select()
    if answer.stopped_by not in get_args(StoppedBy):
        raise Broken(f"stopped_by is {answer.stopped_by!r}, not one of {', '.join(get_args(StoppedBy))}")
    indices, scores = np.asarray(answer.indices), np.asarray(answer.scores)
    if indices.dtype != np.int64 or scores.dtype != np.float32 or not indices.shape == scores.shape == (indices.size,):
        raise Broken(
            f"indices are {indices.dtype} {indices.shape}, scores {scores.dtype} {scores.shape}: "
            "they must be int64 [m] and float32 [m]"
        )
    try:
        json.dumps(answer.info)
    except (TypeError, ValueError) as error:
        raise Broken(f"info: {error_line(error)}", 'info = {"rounds": int(rounds)}') from error
    return "int64 positions and float32 scores, info that JSON can hold"


def _unique(trial: Trial) -> str:
    for budget, picks in trial.picks.items():
        repeated = picks.size - np.unique(picks).size
        if repeated:
            raise Broken(f"budget {budget!r}: {repeated} of {picks.size} picks are repeated")
    return f"no pick twice in {len(trial.picks)} selections"


def _in_range(trial: Trial) -> str:
    for budget, picks in trial.picks.items():
        outside = picks[(picks < 0) | (picks >= N_POOL)]
        if outside.size:
            raise Broken(f"budget {budget!r}: pick {outside[0]} is not one of the {N_POOL} rows of the pool")
    return f"all picks are among the {N_POOL} rows of the pool"


def _exact_budget(trial: Trial) -> str:
    """A filter has thrown rows away: it may refuse, by a BudgetError, budgets of more than half of the pool."""
    met = []
    for budget, answer in trial.answers.items():
        expected = parse_budget(budget, N_POOL)
        assert expected is not None
        if isinstance(answer, BudgetError) and 2 * expected > N_POOL:
            continue
        if isinstance(answer, BaseException):
            raise Broken(f"budget {budget!r} of {N_POOL} rows: {error_line(answer)}")
        if (size := np.size(answer.indices)) != expected:
            raise Broken(f"budget {budget!r} of {N_POOL} rows: {size} picks, expected {expected}")
        met.append(str(budget))
    refused = "" if len(met) == len(trial.answers) else "; says why it cannot meet the others"
    return f"as many picks as asked for, of {N_POOL} rows: {', '.join(met)}{refused}"


def _refuses_budgets(trial: Trial) -> str:
    """A BudgetError, or from a sampler that does not import this package any ValueError with one line."""
    for budget in BAD_BUDGETS:
        answer = attempt(partial(trial.select, budget))
        if not refused(answer):
            raise Broken(f"budget {budget!r} of {N_POOL} rows: {seen(answer)} instead of a ValueError with one line")
    return f"a ValueError with one line for {', '.join(map(repr, BAD_BUDGETS))}"


def _stopping_rule(trial: Trial) -> str:
    answer = attempt(partial(trial.select, None))
    if refused(answer):
        return f"no rule, and says so: {answer}"
    if isinstance(answer, BaseException):
        raise Broken(f"{error_line(answer)} instead of a rule or a ValueError with one line")
    if answer.stopped_by == "budget":
        raise Broken("stopped by 'budget', which there was none of")
    return f"a rule: {np.size(answer.indices)} picks, stopped by {answer.stopped_by}"


def _same_again(trial: Trial) -> str:
    sampler = trial.make()

    def pick() -> Selection:
        return as_selection(sampler.select(trial.target, trial.pool, budget=BUDGET, seed=0), BUDGET)

    first, second = pick(), pick()
    sampler.select(trial.target, features(N_POOL // 2, seed=3), budget=5, seed=1)
    third = pick()
    for name, answer in (
        ("a second call", second),
        ("a call after one with another budget, pool and seed", third),
        ("a fresh instance", trial.select()),
    ):
        if not same(first, answer):
            raise Broken(f"{name} with the same inputs and seed gave other picks or scores")
    return "same picks and scores in a second call, after other calls and from a fresh instance"


def _inputs_unchanged(trial: Trial) -> str:
    target, pool = trial.target, trial.pool
    trial.select(target=target, pool=pool)
    for name, given, before in (("target", target, trial.target), ("pool", pool, trial.pool)):
        if given.tobytes() != before.tobytes():
            changed = np.flatnonzero((given != before).any(axis=1))
            raise Broken(f"{name} was changed: {changed.size} of {len(before)} rows")
    with ExitStack() as files:
        target, pool = (files.enter_context(read_only_file(rows)) for rows in (target, pool))
        answer = attempt(partial(trial.select, target=target, pool=pool))
    if isinstance(answer, BaseException):
        raise Broken(f"read-only memory-mapped files: {error_line(answer)}")
    return "not a byte changed; read-only memory-mapped files work too"


def _float_types(trial: Trial) -> str:
    for dtype in FEATURE_DTYPES:
        answer = attempt(partial(trial.select, target=trial.target.astype(dtype), pool=trial.pool.astype(dtype)))
        if isinstance(answer, BaseException):
            raise Broken(f"{dtype} features: {error_line(answer)}")
        _check_size(trial, f"{dtype} features", answer)
    return f"reads {', '.join(map(str, FEATURE_DTYPES))}"


def _slices_suffice(trial: Trial) -> str:
    target, pool = SlicesOnly(trial.target), SlicesOnly(trial.pool)
    answer = attempt(partial(trial.select_from_state, 0, target=target, pool=pool))
    for name, table in (("target", target), ("pool", pool)):
        if table.other is not None:
            ways = f"np.asarray({name}), a loop over its rows or an array of positions does"
            raise Broken(f"read the {name} by {table.other}, not by a slice, as {ways}", _whole(name))
    if isinstance(answer, BaseException):
        raise Broken(error_line(answer), "n, d = len(pool), pool[0:1].shape[1]")
    if trial.repeatable and not same(answer, trial.select_from_state(0)):
        raise Broken("picks from a table that only has a length and slices differ from those from the same array")
    for name, table in (("target", target), ("pool", pool)):
        if table.beyond is not None:
            beyond = f"[{table.beyond.start}:{table.beyond.stop}]"
            rows = f"rows = {name}[first : min(first + block, len({name}))]"
            raise Broken(f"asked for rows {beyond} of a {name} of {len(table)} rows", rows)
    return "a table with nothing but a length and slices gives the same picks; no row is asked for that is not there"


def _whole(name: str) -> str:
    return f"rows = np.asarray({name}[0 : len({name})])  # a block at a time where the {name} is large"


def _bad_features(trial: Trial) -> str:
    """A refusal, or a selection of the right size: a sampler need not look at what it does not use (random does not).

    What must not happen is another exception or a selection of another size.
    """
    for name, target, pool, instead in _spoilt(trial):
        answer = attempt(partial(trial.select, target=target, pool=pool))
        if refused(answer):
            continue
        if isinstance(answer, BaseException) or len(pool) == 0:
            raise Broken(f"{name}: {seen(answer)} instead of a ValueError with one line", instead)
        _check_size(trial, name, answer)
    return "NaN, infinity, zero rows, other columns, empty tables: refused, or a selection of the right size"


def _check_size(trial: Trial, case: str, answer: Selection) -> None:
    """Raise `Broken` unless there are as many picks as for the trial's own features."""
    size, usual = np.size(answer.indices), np.size(trial.select().indices)
    if size != usual:
        raise Broken(f"{case}: {size} picks without a word, {usual} otherwise")


def _spoilt(trial: Trial) -> list[tuple[str, np.ndarray, np.ndarray, str]]:
    """Features with one thing wrong: what that is, target, pool, and the line that refuses it."""
    cases = []
    for name, value in (("NaN", np.nan), ("infinity", np.inf), ("only zeros", 0.0)):
        target, pool = trial.target, trial.pool
        target[7], pool[11] = value, value
        cases += [(f"target row 7 has {name}", target, trial.pool), (f"pool row 11 has {name}", trial.target, pool)]
    columns = 'if target[0:1].shape[1] != pool[0:1].shape[1]: raise ValueError("target and pool have other columns")'
    empty = 'if len(target) == 0 or len(pool) == 0: raise ValueError("target or pool is empty")'
    return [
        *((*case, FINITE) for case in cases),
        ("a pool of other columns", trial.target, trial.pool[:, :-1], columns),
        ("an empty target", trial.target[:0], trial.pool, empty),
        ("an empty pool", trial.target, trial.pool[:0], empty),
    ]


def _global_random_state(trial: Trial) -> str:
    for state in (1, 2):
        answer = trial.select_from_state(state)
        after = random_state()
        random.seed(state)
        np.random.seed(state)
        if after != random_state():
            raise Broken("moves the global state of random or numpy.random")
        if trial.repeatable and not same(answer, trial.select_from_state(0)):
            raise Broken("picks depend on the global state of random or numpy.random")
    return "neither read nor moved"


def _growth(trial: Trial, cost: Callable[[Callable[[], object]], float], floor: float, attempts: int) -> list[float]:
    """Cost at SMALL and LARGE, the least of up to `attempts`, as soon as it is fine."""
    target, least = features(32, seed=1), [np.inf, np.inf]
    pools = [features(rows, seed=2) for rows in (SMALL, LARGE)]
    for _ in range(attempts):
        for number, pool in enumerate(pools):
            spent = cost(partial(trial.select, 64, target=target, pool=pool))
            least[number] = min(least[number], spent)
        if least[1] < floor or least[1] < WORST_GROWTH * least[0]:
            break
    return least


def _time_growth(trial: Trial) -> str:
    small, large = _growth(trial, processor_seconds, SECONDS, attempts=3)
    text = f"{small:.2g} s of processor time for {SMALL} rows, {large:.2g} s for {LARGE}"
    if large >= SECONDS and large >= WORST_GROWTH * small:
        raise Broken(f"{text}: grows faster than N^1.6")
    return text


def _memory_growth(trial: Trial) -> str:
    small, large = _growth(trial, peak_bytes, BYTES, attempts=1)
    text = f"{small / 1e6:.3g} MB for {SMALL} rows, {large / 1e6:.3g} MB for {LARGE}"
    if large >= BYTES and large >= WORST_GROWTH * small:
        raise Broken(f"{text}: grows faster than N^1.6")
    return text


ANSWERS = Clause(
    _answers,
    "a sampler made without arguments answers select(target, pool, *, budget, seed=0) with a baselines.Selection, "
    "or with an array or a list of positions, whose scores are 0",
    SELECTION,
)
"""The first clause: without it there is nothing that the others could look at."""

CLAUSES: dict[str, Clause] = {
    "returns a Selection": Clause(
        _is_a_selection,
        "a baselines.Selection of positions and scores, which it casts to int64 and float32, of what stopped it and of "
        "info that JSON can hold",
        SELECTION,
    ),
    "picks are unique": Clause(_unique, "every row of the pool is picked at most once", BEST),
    "picks are in range": Clause(_in_range, "picks are positions in the pool, from 0 to len(pool) - 1", BEST),
    "budget is met exactly": Clause(
        _exact_budget, "as many picks as the budget says; a share of the pool is rounded down by parse_budget", SIZE
    ),
    "bad budgets are refused": Clause(
        _refuses_budgets, "what is no budget for the pool is refused by a ValueError with one line", SIZE
    ),
    "budget None": Clause(
        _stopping_rule,
        "without a budget a stopping rule ends the picking, or a ValueError with one line says that there is none",
        'if budget is None: raise ValueError("there is no stopping rule: give a budget")',
    ),
    "same seed, same picks": Clause(
        _same_again,
        "the same inputs and seed give the same picks and scores, whatever was asked before",
        f"{GENERATOR}  # in select; nothing of a call is kept on self",
    ),
    "inputs are left alone": Clause(
        _inputs_unchanged,
        "target and pool are read and never written to",
        "rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)  # a new array: no rows /= ..., no pool[i] = ...",
    ),
    "float16, float32, float64": Clause(
        _float_types, "features may be any of these types", "rows = np.asarray(pool[first:stop], dtype=np.float32)"
    ),
    "slices suffice": Clause(
        _slices_suffice,
        "a table may be a store on disk: it has len(table) and table[first:stop] with stop at most len(table), no more",
        _whole("pool"),
    ),
    "bad features": Clause(
        _bad_features, "features that cannot be used are refused by a ValueError with one line, or do no harm", FINITE
    ),
    "global random state": Clause(
        _global_random_state, "randomness comes from the seed alone and leaves the program's own generators", GENERATOR
    ),
    "time grows with N": Clause(
        _time_growth,
        "time grows by less than N^1.6, N the rows of the pool",
        "scores = (rows @ centres.T).max(axis=1)  # a block of rows against a few centres, never against the pool",
    ),
    "memory grows with N": Clause(
        _memory_growth,
        "memory grows by less than N^1.6, N the rows of the pool",
        "for first in range(0, len(pool), 4096): ...  # a block of rows at a time, never an [N, N] table",
    ),
}
