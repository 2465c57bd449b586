"""The contract of a sampler, as checks that run against anyone's: class, factory or instance.

>>> from baselines import SimCore
>>> from baselines.contract import check_sampler
>>> all(verdict.passed for verdict in check_sampler(SimCore))
True

A sampler is `select(target, pool, *, budget, seed=0) -> Selection` (`baselines.core.selection.Sampler`). An array or a
list of positions in pick order is an answer too: its scores are 0 (`baselines.core.selection.as_selection`). The checks
use small synthetic features (40 target rows, 600 to 8000 pool rows, 16 columns) and take about as long as fifty
such selections. They say nothing about how good the picks are.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

from baselines.core.clauses import ANSWERS, CLAUSES, Clause
from baselines.core.selection import NotASelection, Sampler
from baselines.core.trial import BUDGET, Broken, Trial, error_line, own_random_state

OF_ANSWERS = ("returns a Selection", "picks are unique", "picks are in range", "budget is met exactly")
"""The clauses without which a sampler's answer is no coreset."""


@dataclass(frozen=True)
class Verdict:
    """One clause of the contract: whether it holds, and in one line what was seen. Of a broken clause also what it
    `asks` and the line of code to write `instead`."""

    name: str
    passed: bool
    message: str
    asks: str = ""
    instead: str = ""

    def __str__(self) -> str:
        if self.passed:
            return f"pass  {self.name}: {self.message}"
        help_ = [f"      {what}: {text}" for what, text in (("asked", self.asks), ("write", self.instead)) if text]
        return "\n".join([f"FAIL  {self.name}: {self.message}", *help_])


def check_sampler(sampler: Sampler | Callable[[], Sampler]) -> list[Verdict]:
    """The verdict on every clause, in a fixed order.

    sampler: a class or function that makes one without arguments, or an instance, which is deep-copied where the checks
        need a fresh one.

    What the sampler raises becomes a verdict too. Where it does not answer at all, only the first clause is judged.
    The state of the global random generators is given back.
    """
    trial = Trial(_factory(sampler))
    with warnings.catch_warnings(), own_random_state():
        warnings.simplefilter("ignore")
        first = _verdict("answers", ANSWERS, trial)
        if not first.passed:
            return [replace(first, message=f"{first.message}; no other clause was tried")]
        return [first, *(_verdict(name, clause, trial) for name, clause in CLAUSES.items())]


def broken_answers(sampler: Sampler | Callable[[], Sampler]) -> list[Verdict]:
    """The broken clauses among those without which its answers are no coresets, in a few selections.

    Nothing is said of a sampler that raises: what it lacks here it may find in other features.
    """
    trial = Trial(_factory(sampler), (BUDGET, "5%"))
    with warnings.catch_warnings(), own_random_state():
        warnings.simplefilter("ignore")
        raised = [answer for answer in trial.answers.values() if isinstance(answer, BaseException)]
        if raised:
            return [_verdict("answers", ANSWERS, trial)] if isinstance(raised[0], NotASelection) else []
        verdicts = [_verdict(name, CLAUSES[name], trial) for name in OF_ANSWERS]
    return [verdict for verdict in verdicts if not verdict.passed]


def verdicts_text(verdicts: list[Verdict]) -> str:
    """A line for every verdict, two more for every broken clause, and one that counts."""
    failed = sum(not verdict.passed for verdict in verdicts)
    clauses = f"{len(verdicts)} clause{'' if len(verdicts) == 1 else 's'}"
    total = f"{failed} of {clauses} broken" if failed else f"all {clauses} hold"
    return "\n".join([*map(str, verdicts), total])


def _factory(sampler: Sampler | Callable[[], Sampler]) -> Callable[[], Sampler]:
    if isinstance(sampler, type) or not hasattr(sampler, "select"):
        return sampler  # type: ignore[return-value]
    return lambda: copy.deepcopy(sampler)  # type: ignore[return-value]


def _verdict(name: str, clause: Clause, trial: Trial) -> Verdict:
    try:
        return Verdict(name, True, clause.check(trial))
    except Broken as broken:
        return Verdict(name, False, str(broken), clause.asks, broken.instead or clause.instead)
    except (Exception, SystemExit) as error:
        return Verdict(name, False, error_line(error), clause.asks, clause.instead)
