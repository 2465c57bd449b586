"""Stage `purity`: how much of a coreset is relevant to the target, by the labels that the pool's folders carry."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from baselines import purity_report
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.artefacts import POSITIONS
from benchmark.specs.base import Spec
from benchmark.specs.stages import Kind


class Purity(Spec):
    """The spec of a `purity` stage: the share of a coreset that is relevant to the target. The target is in its inputs,
    by the relevance labels."""


KIND = Kind(
    "purity",
    1,
    "benchmark.stages.purity",
    ("benchmark/stages/purity.py", "baselines/purity.py", "benchmark/images/relevance.py"),
    verb="count",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Purity with base rate and ceiling, over all sources and without those that end in "-heldout"."""
    picks = np.load(task.file("coreset", POSITIONS))
    relevant, heldout = task.data.relevant(task.images("relevance")), task.data.heldout(task.images("openset"))
    metrics = {"all": asdict(purity_report(picks, relevant))}
    if heldout.any() and not heldout[picks].all():
        metrics["without_heldout"] = asdict(purity_report(picks, relevant, ~heldout))
    return StageResult(metrics=metrics)
