"""A sampler that keeps the contract, and one class for every fault that the contract's checks must notice."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from baselines import Selection, parse_budget

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


class Mask(Good):
    """Which rows were picked, in place of their positions."""

    def answer(self, picks: np.ndarray, scores: np.ndarray) -> Any:
        return np.isin(np.arange(600), picks)


class PlainArray(Good):
    """Positions alone: no fault."""

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
