"""The contract's checks: samplers with one planted fault are rejected for that fault, good ones pass."""

from __future__ import annotations

import ast
import random
import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from baselines import SAMPLERS, Random, Selection, SimCore, parse_budget
from baselines.contract import Verdict, check_sampler, verdicts_text
from baselines.core.clauses import CLAUSES, SELECTION, _spoilt
from baselines.core.trial import Trial

BLOCK = 500


class Good:
    """The rows with the largest product with the target's mean; the methods are there to be spoilt one by one."""

    def select(self, target: Any, pool: Any, *, budget: Any, seed: int = 0) -> Any:
        mean = self.rows(target).mean(axis=0)
        size = self.size(budget, len(pool))
        if mean.size != pool[0:1].shape[1]:
            raise ValueError("target and pool have different columns")
        scores = np.concatenate([rows.astype(np.float64) @ mean for rows in self.blocks(pool)])
        return self.answer(self.order(scores, seed)[:size], scores)

    def rows(self, target: Any) -> np.ndarray:
        rows = np.asarray(target[0 : len(target)], dtype=np.float64)
        if len(rows) == 0 or not np.isfinite(rows).all():
            raise ValueError("target is empty or has NaN")
        return rows

    def blocks(self, pool: Any) -> list[np.ndarray]:
        parts = [np.asarray(pool[i : min(i + BLOCK, len(pool))]) for i in range(0, len(pool), BLOCK)]
        if not all(np.isfinite(rows).all() for rows in parts):
            raise ValueError("pool has NaN")
        return parts

    def size(self, budget: Any, n_pool: int) -> int:
        if budget is None:
            raise ValueError("no stopping rule")
        size = parse_budget(budget, n_pool)
        assert size is not None
        return size

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        return np.argsort(-scores, kind="stable")

    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return Selection(picks, scores[picks].astype(np.float32), "budget")


def loose(picks: np.ndarray, scores: np.ndarray, **changed: Any) -> Any:
    """A selection that was changed after it had checked itself."""
    selection = Selection(picks, scores[picks].astype(np.float32), "budget")
    for name, value in changed.items():
        object.__setattr__(selection, name, value)
    return selection


class Duplicates(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return loose(picks, scores, indices=np.concatenate([picks[:1], picks[:-1]]))


class OutOfRange(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return loose(picks, scores, indices=picks + 1)  # counts from 1


class Unseeded(Good):
    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        return np.random.default_rng().permutation(scores.size)


class GlobalRandom(Good):
    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        return np.random.permutation(scores.size)


class SeedsGlobalRandom(Good):
    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        random.seed(seed)
        return np.array(random.sample(range(scores.size), scores.size))


class ReadsGlobalRandom(Good):
    """Leaves the state as it was, and still hangs on it."""

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        return np.random.default_rng(np.random.get_state()[1][:4]).permutation(scores.size)


class FirstRowsOfStores(Good):
    """Gives up on tables that are no arrays."""

    def select(self, target: Any, pool: Any, *, budget: Any, seed: int = 0) -> Any:
        picks = super().select(target, pool, budget=budget, seed=seed)
        return picks if isinstance(pool, np.ndarray) else replace(picks, indices=np.arange(len(picks)))


class Stateful(Good):
    def __init__(self) -> None:
        self.calls = 0

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        self.calls += 1
        return np.roll(super().order(scores, seed), self.calls)


class RemembersPool(Good):
    """Caches the first pool's order: fine until it is asked about another pool."""

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        self.last = getattr(self, "last", 0) if scores.size == 600 else seed
        return np.roll(super().order(scores, seed), self.last)


class WholeRounds(Good):
    """Fills whole rounds of 10 and so overshoots."""

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        return np.append(super().order(scores, seed), np.arange(10))

    def size(self, budget: Any, n_pool: int) -> int:
        return min(n_pool, -(-super().size(budget, n_pool) // 10) * 10)


class FloatShares(Good):
    """Takes a share as a float computation: 33.3% of 600 is 199.8 and becomes 200."""

    def size(self, budget: Any, n_pool: int) -> int:
        size = super().size(budget, n_pool)
        return round(float(budget[:-1]) / 100 * n_pool) if isinstance(budget, str) else size


class AnyBudget(Good):
    def size(self, budget: Any, n_pool: int) -> int:
        if isinstance(budget, int | float):
            return max(1, min(int(budget), n_pool))
        return super().size(budget, n_pool)


class NoRuleNoWord(Good):
    def size(self, budget: Any, n_pool: int) -> int:
        return n_pool // 10 if budget is None else super().size(budget, n_pool)


class CrashesWithoutBudget(Good):
    def size(self, budget: Any, n_pool: int) -> int:
        return super().size(budget + 0 if budget is None else budget, n_pool)


class NormalisesInPlace(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        for rows in super().blocks(pool):
            if rows.flags.writeable:
                rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return super().blocks(pool)


class WritesToFiles(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        pool[0:1] = pool[0:1]  # changes nothing, but needs a table that can be written to
        return super().blocks(pool)


class LoadsAll(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        return super().blocks(np.asarray(pool))


class AsksBeyondTheEnd(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        super().blocks(pool)
        return [pool[i : i + BLOCK] for i in range(0, len(pool), BLOCK)]


class OnlyFloat32(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        if pool[0:1].dtype == np.float16:
            raise TypeError("array type float16 is unsupported in linalg")
        return super().blocks(pool)


class DropsBadRows(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        return [np.asarray(pool[0 : len(pool)])]

    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        order = np.argsort(-np.nan_to_num(scores, nan=np.inf), kind="stable")
        return np.where(np.isfinite(scores[order]), order, -1)

    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return super().answer(picks[picks >= 0], scores)


class CrashesOnEmpty(Good):
    def rows(self, target: Any) -> np.ndarray:
        return np.asarray([target[0:1][0]])


class AllPairsSlowly(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        parts = super().blocks(pool)
        for one in parts:
            for other in parts:
                products = one.astype(np.float64) @ other.T.astype(np.float64)
                for _ in range(4):  # slow enough to be judged on a fast machine too
                    np.power(np.exp(-np.abs(products)), 0.37, out=products)
        return parts


class AllPairsAtOnce(Good):
    def blocks(self, pool: Any) -> list[np.ndarray]:
        np.empty((len(pool), len(pool)), dtype=np.float32)  # never touched, so it costs this test no memory
        return super().blocks(pool)


class NumpyInInfo(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return loose(picks, scores, info={"rounds": np.int64(3)})


class OtherTypes(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return loose(picks, scores, indices=picks.astype(np.int32))


class LooksLikeOne(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return SimpleNamespace(**vars(super().answer(picks, scores)))


class StoppedByHimself(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return loose(picks, scores, stopped_by="patience")


class PlainArray(Good):
    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return picks


class Raises(Good):
    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        raise KeyError("first line\nsecond line")


class Exits(Good):
    def order(self, scores: np.ndarray, seed: int) -> np.ndarray:
        raise SystemExit(3)


class ExitsOnWholePool(Good):
    def size(self, budget: Any, n_pool: int) -> int:
        return sys.exit("too large") if budget == 600 else super().size(budget, n_pool)


class NeedsAnArgument(Good):
    def __init__(self, k: int) -> None:
        self.k = k


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
    (LooksLikeOne, "returns a Selection", "select returned a SimpleNamespace", set()),
    (StoppedByHimself, "returns a Selection", "stopped_by is 'patience'", set()),
    (PlainArray, "answers", "select returned a ndarray, not a baselines.Selection", set()),
    (Raises, "answers", r"raised KeyError: 'first line\nsecond line'", set()),
    (Exits, "answers", "raised SystemExit: 3; no other clause was tried", set()),
    (NeedsAnArgument, "answers", "missing 1 required positional argument: 'k'", set()),
]


@pytest.mark.parametrize(("sampler", "clause", "message", "others"), PLANTED, ids=[one[0].__name__ for one in PLANTED])
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


def test_attributes_that_a_store_lacks_are_named_with_those_it_has() -> None:
    class ReadsShape(Good):
        def blocks(self, pool: Any) -> list[np.ndarray]:
            return super().blocks(pool)[: pool.shape[0]]

    (broken,) = [verdict for verdict in check_sampler(ReadsShape) if not verdict.passed]
    assert broken.name == "slices suffice" and "has no attribute 'shape'" in broken.message
    assert broken.instead == "n, d = len(pool), pool[0:1].shape[1]"


def test_a_wrong_signature_is_named_with_the_right_one() -> None:
    class NoSeed(Good):
        def select(self, target: Any, pool: Any, *, budget: Any) -> Any:  # type: ignore[override]
            return super().select(target, pool, budget=budget)

    (broken,) = [verdict for verdict in check_sampler(NoSeed) if not verdict.passed]
    assert "unexpected keyword argument 'seed'" in broken.message
    assert broken.instead == "def select(self, target, pool, *, budget, seed=0): ..."


def test_a_sampler_of_the_lines_to_write_keeps_the_contract() -> None:
    class Written:
        def select(self, target: Any, pool: Any, *, budget: Any, seed: int = 0) -> Selection:
            namespace = {"np": np, "Selection": Selection, "parse_budget": parse_budget}
            namespace |= {"target": target, "pool": pool, "budget": budget, "seed": seed}
            lines = [CLAUSES[name].instead for name in ("budget None", "bad budgets are refused")]
            lines += [case[3] for case in _spoilt(Trial(Good))[-3:]]
            lines += [CLAUSES["slices suffice"].instead, CLAUSES["bad features"].instead]
            lines += [
                "pool, target = rows, target[0 : len(target)]",
                CLAUSES["bad features"].instead.replace("rows", "target"),
            ]
            lines += [CLAUSES["global random state"].instead, "centres = target[rng.permutation(len(target))[:5]]"]
            lines += [
                CLAUSES["time grows with N"].instead,
                CLAUSES["picks are unique"].instead,
                "scores = scores[picks]",
            ]
            exec("\n".join(lines), namespace)
            answer: dict[str, Any] = {}
            exec("answer = " + SELECTION.removeprefix("return "), namespace, answer)
            return answer["answer"]  # type: ignore[no-any-return]

    assert [str(verdict) for verdict in check_sampler(Written) if not verdict.passed] == []


def test_a_refusal_must_be_one_line() -> None:
    class TellsStories(Good):
        def size(self, budget: Any, n_pool: int) -> int:
            if budget is None:
                raise ValueError("no rule\nbut a long story")
            return super().size(budget, n_pool)

    (broken,) = [verdict for verdict in check_sampler(TellsStories) if not verdict.passed]
    assert broken.name == "budget None" and "raised ValueError: no rule but a long story" in broken.message


@pytest.mark.parametrize("sampler", [Good, Good(), lambda: Good(), Random(), SimCore.released, SimCore(k=3)])
def test_good_samplers_pass_as_class_factory_or_instance(sampler: Any) -> None:
    verdicts = check_sampler(sampler)
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    assert len(verdicts) == 15


# A tenth of a small pool, by default, are neighbours of every target row: its work grows with both.
FIELDS: dict[str, dict[str, int]] = {"tsds": {"neighbours": 50, "density_neighbours": 100}}


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_registered_sampler_keeps_the_contract(name: str) -> None:
    verdicts = check_sampler(partial(SAMPLERS[name].make, **FIELDS.get(name, {})))
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
    rule = next(verdict.message for verdict in verdicts if verdict.name == "budget None")
    assert rule.startswith("a rule:") == SAMPLERS[name].stops


def test_an_instance_is_not_changed_by_being_checked() -> None:
    sampler = Stateful()
    check_sampler(sampler)
    assert sampler.calls == 0


def test_the_global_random_state_is_given_back() -> None:
    np.random.seed(5)
    random.seed(5)
    expected = np.random.random(), random.random()
    np.random.seed(5)
    random.seed(5)
    check_sampler(SeedsGlobalRandom)
    assert (np.random.random(), random.random()) == expected


def test_the_text_has_a_line_for_every_clause_and_a_sum() -> None:
    broken = Verdict("b", False, "and that", "another thing", "x = 1")
    lines = verdicts_text([Verdict("a", True, "seen this"), broken]).splitlines()
    assert lines == [
        "pass  a: seen this",
        "FAIL  b: and that",
        "      asked: another thing",
        "      write: x = 1",
        "1 of 2 clauses broken",
    ]
    assert verdicts_text([Verdict("a", True, "seen")]).splitlines()[-1] == "all 1 clause hold"
    for line in verdicts_text(check_sampler(AnyBudget)).splitlines()[:-1]:
        assert line.startswith(("pass  ", "FAIL  ", "      "))
