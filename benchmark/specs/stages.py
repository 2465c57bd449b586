"""What can be run, as values: a stage is a kind, a spec and inputs, and is named by the hash of all three.

A kind's `version` is bumped by hand when a change of its sources moves a number; a test fails when sources changed and
neither the version nor the committed hash did.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from benchmark.specs.base import Spec, digest
from benchmark.specs.datasets import Role


@dataclass(frozen=True)
class Kind:
    """A kind of stage: where its code is (`module` has `run(task)`), and the sources that can move its numbers.

    `verb` is what is done to a stage's label in a sentence, where that is not the kind's name.
    """

    name: str
    version: int
    module: str
    sources: tuple[str, ...]
    verb: str = ""


_IMAGES = (
    "benchmark/images/square_cache.py",
    "benchmark/images/growing.py",
    "benchmark/training/augment.py",
    "benchmark/images/items.py",
)
_NETWORKS = (
    "benchmark/training/backbones.py",
    "benchmark/training/image_views.py",
    "benchmark/pretrain/encoder.py",
    "benchmark/training/numerics.py",
    "benchmark/pretrain/lcr.py",
    "benchmark/stages/embed.py",
)
_TRAINING = ("benchmark/pretrain", "benchmark/specs/recipes.py", "benchmark/stages/pretrain.py")
_PROBES = (
    "benchmark/training/loader.py",
    "benchmark/training/optimisers.py",
    "benchmark/training/schedule.py",
    "benchmark/statistics.py",
)
_SAMPLERS = (
    "baselines/core/selection.py",
    "baselines/random.py",
    "baselines/core/kmeans.py",
    "baselines/core/candidates.py",
    "baselines/core/products.py",
    "baselines/core/ranking.py",
    "baselines/core/scoring.py",
    "baselines/core/rounds.py",
    "baselines/simcore.py",
    "benchmark/images/relevance.py",
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("pretrain", 1, "benchmark.stages.pretrain", (*_TRAINING, *_IMAGES)),
        Kind(
            "frozen",
            1,
            "benchmark.stages.frozen",
            ("benchmark/stages/frozen.py", "benchmark/training/backbones.py"),
            "load",
        ),
        Kind(
            "embed",
            1,
            "benchmark.stages.embed",
            ("benchmark/training/features.py", "benchmark/stages/embed.py", *_IMAGES, *_NETWORKS),
        ),
        Kind("sample", 1, "benchmark.stages.sample.stage", ("benchmark/stages/sample/stage.py", *_SAMPLERS)),
        Kind(
            "evaluate",
            1,
            "benchmark.evaluations._predictions",
            (
                "benchmark/evaluations",
                "benchmark/training/features.py",
                "benchmark/evaluations/_predictions.py",
                *_IMAGES,
                *_NETWORKS,
                *_PROBES,
            ),
            "fit",
        ),
        Kind(
            "purity",
            1,
            "benchmark.stages.purity",
            ("baselines/purity.py", "benchmark/images/relevance.py", "benchmark/stages/purity.py"),
            "count",
        ),
        Kind(
            "measure",
            1,
            "benchmark.stages.measure",
            (
                "baselines/metrics.py",
                "baselines/core/pairs.py",
                "baselines/core/rows.py",
                "baselines/core/scoring.py",
                "benchmark/images/relevance.py",
                "benchmark/stages/measure.py",
            ),
            "compute",
        ),
    )
}


@dataclass(frozen=True)
class Images:
    """The images of one split as an input. `sha256` is its manifest's identity, None while that is not known.

    A split called "relevance:<target>" is not pixels but the labels that say which images are relevant to the target.
    """

    role: Role
    name: str
    split: str
    sha256: str | None
    count: int | None = None
    """Number of images: the manifest's, or the registered one while there is no manifest."""

    @property
    def key(self) -> str:
        """The manifest's identity, or a placeholder that cannot be mistaken for one."""
        return self.sha256 or f"unresolved:{self.label}"

    @property
    def label(self) -> str:
        return f"{self.role}/{self.name}/{self.split}"


@dataclass(frozen=True)
class Stage:
    """One unit of work. `inputs` are named; a stage's images are inputs too."""

    kind: str
    spec: Spec
    inputs: tuple[tuple[str, "Stage | Images"], ...]
    label: str
    """For people: not part of the identity."""

    @property
    def title(self) -> str:
        """What the stage does, for people: "sample random 1%", "compute metrics of random 1%"."""
        return f"{KINDS[self.kind].verb or self.kind} {self.label}"

    @cached_property
    def identity(self) -> dict[str, object]:
        """All that the result depends on, as JSON-able values."""
        return {
            "kind": self.kind,
            "version": KINDS[self.kind].version,
            # As any: fields that a subclass adds count too.
            "spec": self.spec.model_dump(mode="json", serialize_as_any=True),
            "inputs": {name: value.key for name, value in self.inputs},
        }

    @cached_property
    def key(self) -> str:
        return digest(self.identity)

    @cached_property
    def resolved(self) -> bool:
        """Whether the manifests of all images below are known, so that the key is final."""
        return all(value.resolved if isinstance(value, Stage) else value.sha256 is not None for _, value in self.inputs)

    def stages(self) -> Iterator["Stage"]:
        """The stages among the inputs."""
        return (value for _, value in self.inputs if isinstance(value, Stage))

    def images(self) -> Iterator[Images]:
        """The images among the inputs."""
        return (value for _, value in self.inputs if isinstance(value, Images))

    def input(self, name: str) -> "Stage | Images | None":
        return dict(self.inputs).get(name)
