"""Evaluations of an encoder on a target: one file each, its `entry` an `Evaluation`. Importing one loads no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from benchmark.registry import Registry
from benchmark.specs.base import ProtocolName, Spec
from benchmark.specs.cells import Measure
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import Embedding, Recipe
from benchmark.specs.stages import Images, Kind, Stage
from benchmark.stages.embed import embed_stage, features_name


@dataclass(frozen=True)
class Question:
    """What an evaluation builds its spec from.

    `embedding` is how features are taken, `recipe` what trained the encoder (or would in this profile, for one that was
    trained elsewhere), `metric` the target's, `sizes` the profile's fields of the released probe. `protocol` says which
    reading is asked for of an evaluation that has two.
    """

    embedding: Embedding
    recipe: Recipe
    metric: Metric
    seed: int = 0
    standardise: bool = False
    sizes: Mapping[str, float | int] | None = None
    protocol: ProtocolName = "clean"


ClassSizes = Mapping[str, tuple[int, ...]]
"""For both splits of a target how many images each of its classes has."""


def _nothing(_encoder: Stage) -> str:
    return ""


def _needs_nothing(_spec: Spec, _sizes: ClassSizes) -> str:
    return ""


@dataclass(frozen=True)
class Evaluation:
    """An evaluation by the name that options use. `spec` gives the spec of its stage; `measures` are its numbers.

    `splits` are the target's images that it looks at: inputs of its stage. `features` are those of the splits whose
    features it takes by `features_of` with the `embedding` of its spec: evaluations can share them. A spec whose
    `embedding` is None takes none. With `reads_labels` the labels of the images move its key. `obstacle` says why an
    encoder that a user names cannot be evaluated; nothing where it can.
    """

    name: str
    title: str
    kind: Kind
    measures: tuple[Measure, ...]
    spec: Callable[[Question], Spec]
    splits: tuple[str, ...] = ("train", "test")
    features: tuple[str, ...] = ()
    reads_labels: bool = True
    obstacle: Callable[[Stage], str] = _nothing
    lacks: Callable[[Spec, ClassSizes], str] = _needs_nothing


EVALUATIONS: Registry[Evaluation] = Registry(
    "evaluation", "benchmark.evaluations", Evaluation, group="benchmark.evaluations"
)

ACCURACY = Measure("accuracy", "accuracy", unit="%", digits=2)


def evaluation_stage(
    evaluation: Evaluation,
    question: Question,
    encoder: Stage,
    images: Mapping[str, Images],
    label: str,
    *,
    shared: bool,
) -> Stage:
    """The stage of an evaluation of `encoder` on the splits `images`. `shared`: features come from stages of their own,
    which other evaluations of the same encoder use too; the key is the same either way."""
    spec = evaluation.spec(question)
    inputs: tuple[tuple[str, Stage | Images], ...] = (
        ("encoder", encoder),
        *((split, _input(evaluation, images[split])) for split in evaluation.splits),
    )
    stage = Stage(evaluation.kind, spec, inputs, label)
    if not (shared and evaluation.features):
        return stage
    embedding: Embedding | None = spec.embedding  # type: ignore[attr-defined]
    if embedding is None:
        return stage
    derived = ((features_name(split), embed_stage(encoder, images[split], embedding)) for split in evaluation.features)
    return replace(stage, derived=tuple(derived))


def _input(evaluation: Evaluation, images: Images) -> Images:
    return images.with_labels if evaluation.reads_labels else images
