"""Evaluations of an encoder on a target: one file each, its `entry` an `Evaluation`. Importing one loads no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmark.registry import Registry
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Embedding, Recipe
from benchmark.specs.stages import Kind


@dataclass(frozen=True)
class Question:
    """What an evaluation builds its spec from.

    `embedding` is how features are taken, `recipe` what trained the encoder, `metric` the target's, `sizes` the
    profile's fields of the released probe.
    """

    embedding: Embedding
    recipe: Recipe
    metric: Metric
    seed: int = 0
    standardise: bool = False
    sizes: Mapping[str, float | int] | None = None


@dataclass(frozen=True)
class Evaluation:
    """An evaluation by the name that options use. `spec` gives the spec of its stage; `measures` are its numbers."""

    name: str
    title: str
    kind: Kind
    measures: tuple[Measure, ...]
    spec: Callable[[Question], Spec]


EVALUATIONS: Registry[Evaluation] = Registry(
    "evaluation", "benchmark.evaluations", Evaluation, group="benchmark.evaluations"
)

ACCURACY = Measure("accuracy", "accuracy", unit="%", digits=2)
