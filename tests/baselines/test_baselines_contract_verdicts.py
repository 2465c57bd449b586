"""What the contract's checks say of a sampler: good ones pass, and a broken clause has the line to write instead."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from faulty_samplers import AnyBudget, Good, SeedsGlobalRandom, Stateful

from baselines import SAMPLERS, Random, Selection, SimCore, parse_budget
from baselines.contract import Verdict, check_sampler, verdicts_text
from baselines.core.clauses import CLAUSES, SELECTION, _spoilt
from baselines.core.trial import Trial


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
