"""Stage `purity`: how much of a coreset is relevant to the target, by the labels that the pool's folders carry."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from baselines import purity_report
from benchmark.execution.task import Outcome, Task
from benchmark.specs.artefacts import POSITIONS
from benchmark.specs.base import Spec


class Purity(Spec):
    """The spec of a `purity` stage: the share of a coreset that is relevant to the target."""

    target: str


def run(task: Task, folder: Path) -> Outcome:
    """Purity with base rate and ceiling, over all sources and without those that end in "-heldout"."""
    picks = np.load(task.file("coreset", POSITIONS))
    relevant, heldout = task.relevance("relevance"), task.heldout("openset")
    metrics = {"all": asdict(purity_report(picks, relevant))}
    if heldout.any() and not heldout[picks].all():
        metrics["without_heldout"] = asdict(purity_report(picks, relevant, ~heldout))
    return Outcome(metrics=metrics)
