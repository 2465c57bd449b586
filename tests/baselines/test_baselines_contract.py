"""The contract's checks: samplers with one planted fault are rejected for that fault."""

from __future__ import annotations

import ast

import pytest
from faulty_samplers import (
    AllPairsAtOnce,
    AllPairsSlowly,
    AnyBudget,
    AsksBeyondTheEnd,
    CrashesOnEmpty,
    CrashesWithoutBudget,
    DropsBadRows,
    Duplicates,
    Exits,
    ExitsOnWholePool,
    FirstRowsOfStores,
    FloatShares,
    GlobalRandom,
    Good,
    LoadsAll,
    LooksLikeOne,
    Mask,
    NeedsAnArgument,
    NormalisesInPlace,
    NoRuleNoWord,
    NumpyInInfo,
    OnlyFloat32,
    OtherTypes,
    OutOfRange,
    PlainArray,
    Raises,
    ReadsGlobalRandom,
    RemembersPool,
    SeedsGlobalRandom,
    Stateful,
    StoppedByHimself,
    Unseeded,
    WholeRounds,
    WritesToFiles,
)

from baselines.contract import check_sampler

# Every planted fault, the clause that must reject it, what it must say, and what else cannot but be broken with it.
PLANTED: list[tuple[type[Good], str, str, set[str]]] = [
    (Duplicates, "picks are unique", "budget 37: 1 of 37 picks are repeated", set()),
    (OutOfRange, "picks are in range", "pick 600 is not one of the 600 rows", set()),
    (Unseeded, "same seed, same picks", "a second call with the same inputs and seed", set()),
    (GlobalRandom, "global random state", "moves the global state", {"same seed, same picks"}),
    (SeedsGlobalRandom, "global random state", "moves the global state", set()),
    (ReadsGlobalRandom, "global random state", "picks depend on the global state", set()),
    (FirstRowsOfStores, "slices suffice", "differ from those from the same array", set()),
    (Stateful, "same seed, same picks", "a second call", set()),
    (RemembersPool, "same seed, same picks", "a call after one with another budget, pool and seed", set()),
    (WholeRounds, "budget is met exactly", "budget 1 of 600 rows: 10 picks, expected 1", set()),
    (ExitsOnWholePool, "budget is met exactly", "budget 600 of 600 rows: raised SystemExit: too large", set()),
    (FloatShares, "budget is met exactly", "budget '33.3%' of 600 rows: 200 picks, expected 199", set()),
    (AnyBudget, "bad budgets are refused", "budget 0 of 600 rows: a selection of 1 instead of", set()),
    (NoRuleNoWord, "budget None", "stopped by 'budget', which there was none of", set()),
    (CrashesWithoutBudget, "budget None", "raised TypeError: unsupported operand", set()),
    (NormalisesInPlace, "inputs are left alone", "pool was changed: 600 of 600 rows", set()),
    (WritesToFiles, "inputs are left alone", "read-only memory-mapped files: raised ValueError", {"slices suffice"}),
    (LoadsAll, "slices suffice", "read the pool by int, not by a slice, as np.asarray(pool)", set()),
    (AsksBeyondTheEnd, "slices suffice", "asked for rows [500:1000] of a pool of 600 rows", set()),
    (OnlyFloat32, "float16, float32, float64", "float16 features: raised TypeError", set()),
    (DropsBadRows, "bad features", "36 picks without a word, 37 otherwise", set()),
    (CrashesOnEmpty, "bad features", "an empty target: raised IndexError", set()),
    (AllPairsSlowly, "time grows with N", "grows faster than N^1.6", set()),
    (AllPairsAtOnce, "memory grows with N", "256 MB", set()),
    (NumpyInInfo, "returns a Selection", "raised TypeError: Object of type int64 is not JSON", set()),
    (OtherTypes, "returns a Selection", "they must be int64 [m] and float32 [m]", set()),
    (LooksLikeOne, "answers", "select returned a SimpleNamespace, not a baselines.Selection and not an array", set()),
    (StoppedByHimself, "returns a Selection", "stopped_by is 'patience'", set()),
    (Mask, "answers", "indices must be integers [m], got bool (600,)", set()),
    (Raises, "answers", r"raised KeyError: 'first line\nsecond line'", set()),
    (Exits, "answers", "raised SystemExit: 3; no other clause was tried", set()),
    (NeedsAnArgument, "answers", "missing 1 required positional argument: 'k'", set()),
]


SLOW = {AllPairsSlowly}


@pytest.mark.parametrize(
    ("sampler", "clause", "message", "others"),
    [pytest.param(*one, id=one[0].__name__, marks=[pytest.mark.slow] * (one[0] in SLOW)) for one in PLANTED],
)
def test_a_planted_fault_is_rejected_for_that_fault(
    sampler: type[Good], clause: str, message: str, others: set[str]
) -> None:
    broken = {verdict.name: verdict for verdict in check_sampler(sampler) if not verdict.passed}
    assert set(broken) == {clause} | others
    assert message in broken[clause].message
    for verdict in broken.values():
        ast.parse(verdict.instead)
        assert verdict.asks and verdict.instead and len(str(verdict).splitlines()) == 3


@pytest.mark.parametrize(
    ("sampler", "line"),
    [
        (LoadsAll, "rows = np.asarray(pool[0 : len(pool)])"),
        (AsksBeyondTheEnd, "rows = pool[first : min(first + block, len(pool))]"),
        (AnyBudget, "size = parse_budget(budget, len(pool))"),
        (NumpyInInfo, 'info = {"rounds": int(rounds)}'),
        (OtherTypes, 'return Selection(picks.astype(np.int64), scores.astype(np.float32), "budget")'),
        (GlobalRandom, "rng = np.random.default_rng(seed)"),
        (CrashesOnEmpty, "if len(target) == 0 or len(pool) == 0: raise ValueError"),
        (NeedsAnArgument, "def __init__(self, k=100): ..."),
        (OnlyFloat32, "rows = np.asarray(pool[first:stop], dtype=np.float32)"),
    ],
)
def test_the_line_to_write_instead_is_that_of_the_fault(sampler: type[Good], line: str) -> None:
    broken = [verdict for verdict in check_sampler(sampler) if not verdict.passed]
    assert all(verdict.instead.startswith(line) for verdict in broken[-1:]), [verdict.instead for verdict in broken]


def test_positions_alone_keep_the_contract() -> None:
    assert [str(verdict) for verdict in check_sampler(PlainArray) if not verdict.passed] == []
