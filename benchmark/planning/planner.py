"""From a question ("Table 2, these targets, this profile") to stages: a DAG whose shared work stands in it once.

Building a plan imports no torch and reads no image. Absent data gives stages without a final key, not an error.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol as Interface

from baselines.core.selection import BudgetError, parse_budget
from benchmark.errors import UserError
from benchmark.evaluations._specs import OnlineProbe, Probe
from benchmark.planning.profiles import Profile
from benchmark.planning.recipes import Setup
from benchmark.specs.cells import Cell
from benchmark.specs.datasets import Metric, Role
from benchmark.specs.methods import Lengths, equal_lengths
from benchmark.specs.protocols import Protocol
from benchmark.specs.recipes import Embedding, Epochs, Length, SeedAxes, Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.variants import Variant
from benchmark.stages.pretrain import Pretraining
from benchmark.stages.purity import Purity
from benchmark.stages.sample.stage import (
    Draw,
    OracleSampling,
    RandomSampling,
    Sampling,
    SimCoreSampling,
)


class Catalogue(Interface):
    """What a plan must know of the data."""

    def images(self, role: Role, name: str, split: str) -> Images:
        """The images of a split, unresolved when they are absent or not read yet."""

    def relevance(self, openset: str, target: str) -> Images | None:
        """The labels that say which open-set images are relevant to the target, None where there are none."""

    def metric(self, target: str) -> Metric:
        """The target's metric."""


@dataclass(frozen=True)
class Planner:
    """Builds the stages of cells for one profile, protocol and setup (`chosen`; None means SimCLR as usual).

    `steps` overrides the profile's optimiser steps. With `online` cells are the accuracy of the classifier that was
    trained beside the method, not that of a probe.
    """

    profile: Profile
    protocol: Protocol
    catalogue: Catalogue
    steps: int | None = None
    chosen: Setup | None = None
    online: bool = False

    def __post_init__(self) -> None:
        if self.steps is not None and self.profile.steps is None and self.protocol.lengths == "coded":
            raise UserError(
                f"--steps has no meaning in profile {self.profile.name}: its lengths follow the released rule"
            )

    @cached_property
    def setup(self) -> Setup:
        """The method and network of all cells."""
        return self.chosen or self.profile.setup()

    # Lengths ---------------------------------------------------------------------------------------------------------

    def lengths(self, target: str) -> Lengths:
        """How long each kind of row is trained. Where the released rule has no meaning, all take equal steps."""
        if self.setup.coded and self.protocol.lengths == "coded":
            return self.setup.coded
        return equal_lengths(self.steps or self.profile.steps or self._target_steps(target))

    def _target_steps(self, target: str) -> int:
        coded = self.setup.coded
        count = self.catalogue.images("targets", target, "train").count
        if coded is None or not isinstance(coded.target, Epochs) or count is None:
            raise UserError(f"the number of images of target '{target}' is not known: equal steps cannot be planned")
        return coded.target.epochs * -(-count // self.setup.recipe.batch)

    def length_of(self, variant: Variant) -> str:
        """The field of `Lengths` that a variant uses."""
        if variant.openset == "none":
            return "target"
        if variant.openset == "all":
            return "both" if variant.target else "openset"
        return "stopped" if variant.sampler == "simcore" and variant.budget is None else "fixed"

    # Stages ----------------------------------------------------------------------------------------------------------

    def pretrain(
        self, length: Length, seed: int, label: str, *, target: str | None, openset: str | None, sample: Stage | None
    ) -> Stage:
        """Pretraining on X, the open-set (all of it, or `sample`'s picks), or both."""
        inputs: list[tuple[str, Stage | Images]] = []
        if target is not None:
            inputs.append(("target", self.catalogue.images("targets", target, "train")))
        if openset is not None:
            inputs.append(("openset", self.catalogue.images("opensets", openset, "train")))
        if sample is not None:
            inputs.append(("coreset", sample))
        spec = self.pretraining(length, seed, alone=openset is None and sample is None)
        if target is None:
            # Only X has labels for an online classifier.
            spec = spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"online": None})})
        return Stage("pretrain", spec, tuple(inputs), label)

    def pretraining(self, length: Length, seed: int, *, alone: bool) -> Pretraining:
        """The spec of one training, on X `alone` or with images of an open-set."""
        recipe = self.setup.alone if alone else self.setup.recipe
        return Pretraining(recipe=recipe.model_copy(update={"length": length}), seeds=SeedAxes(init=seed, data=seed))

    def retrieval(self, target: str, seed: int, *, untrained: bool = False) -> Stage:
        """The encoder whose features samplers see: SSL on X, once per target and seed, or the network untrained."""
        length: Length = Steps(steps=0) if untrained else self.lengths(target).retrieval
        label = f"{'untrained' if untrained else 'retrieval'} encoder, {target}, seed {seed}"
        return self.pretrain(length, seed, label, target=target, openset=None, sample=None)

    def embed(self, encoder: Stage, images: Images, embedding: Embedding | None = None) -> Stage:
        """Features of a split for a sampler; by the setup's embedding where none is given."""
        inputs = (("encoder", encoder), ("images", images))
        return Stage("embed", embedding or self.setup.sampling, inputs, f"{images.label} by {encoder.label}")

    def simcore(self, k: int | None = None) -> SimCoreSampling:
        """SimCore by the profile's k and patience and the protocol's reading."""
        protocol = self.protocol
        return SimCoreSampling(
            k=k or self.profile.k,
            reference_round=1 if protocol.reference_round == "first" else self.profile.patience,
            failing_round=protocol.failing_round,
            overshoot=protocol.overshoot,
            n_init=protocol.kmeans_inits,
        )

    def sample(self, variant: Variant, target: str, openset: str, seed: int) -> Stage:
        """The coreset of a variant. A random draw of a fixed size is the same for every target, so it is shared."""
        pool = self.catalogue.images("opensets", openset, "train")
        label = f"{variant.name}, {target} from {openset}, seed {seed}"
        check_budget(variant.budget, pool)
        sampling: Sampling
        inputs: list[tuple[str, Stage | Images]]
        if variant.sampler == "simcore":
            encoder = self.retrieval(target, seed, untrained=variant.retrieval == "untrained")
            train = self.catalogue.images("targets", target, "train")
            sampling = self.simcore(variant.k)
            inputs = [("target", self.embed(encoder, train)), ("pool", self.embed(encoder, pool)), ("openset", pool)]
        elif variant.sampler == "oracle":
            relevance = self.catalogue.relevance(openset, target)
            if relevance is None:
                raise UserError(
                    f"open-set '{openset}' has no relevance labels for '{target}': the oracle row cannot be run"
                )
            sampling, inputs = OracleSampling(), [("openset", pool), ("relevance", relevance)]
        else:
            sampling, inputs = RandomSampling(), [("openset", pool)]
            if variant.budget is None:
                stopped = variant.model_copy(update={"sampler": "simcore"})
                inputs.append(("size_of", self.sample(stopped, target, openset, seed)))
        return Stage("sample", Draw(sampling=sampling, budget=variant.budget, seed=seed), tuple(inputs), label)

    def cell(self, variant: Variant, target: str, openset: str, seed: int) -> Cell:
        """All stages of one number."""
        kind = self.length_of(variant)
        lengths = self.lengths(target)
        length = _times(getattr(lengths, kind), variant.steps_factor)
        sample = self.sample(variant, target, openset, seed) if variant.openset == "coreset" else None
        label = f"{variant.name}, {target}, seed {seed}" if variant.target else f"{variant.name} {openset}, seed {seed}"
        pretrain = self.pretrain(
            length,
            seed,
            label,
            target=target if variant.target else None,
            openset=None if variant.openset == "none" else openset,
            sample=sample,
        )
        return Cell(
            variant, target, openset, seed,
            evaluate=self.evaluate(pretrain, target, seed),
            pretrain=pretrain,
            sample=sample,
            purity=self.purity(sample, openset, target),
            assumed=self._assumed(kind, lengths, target),
        )  # fmt: skip

    def evaluate(self, encoder: Stage, target: str, seed: int, embedding: Embedding | None = None) -> Stage:
        """The probe of an encoder; on the setup's embedding where none is given."""
        probe = self._probe(target)
        if probe.kind == "released":
            probe = probe.model_copy(update={"seed": seed})
        if embedding is not None:
            probe = probe.model_copy(update={"embedding": embedding.model_copy(update={"token": "head"})})
        train, test = (self.catalogue.images("targets", target, split) for split in ("train", "test"))
        inputs = (("encoder", encoder), ("train", train), ("test", test))
        return Stage("evaluate", probe, inputs, f"probe of {encoder.label} on {target}")

    def _probe(self, target: str) -> Probe:
        metric = self.catalogue.metric(target)
        if self.online:
            return OnlineProbe(embedding=self.setup.probing, metric=metric)
        return self.profile.probe(self.setup, self.protocol.probe, metric)

    def purity(self, sample: Stage | None, openset: str, target: str) -> Stage | None:
        """How much of a coreset is relevant, where labels say so."""
        relevance = self.catalogue.relevance(openset, target)
        if sample is None or relevance is None:
            return None
        pool = self.catalogue.images("opensets", openset, "train")
        inputs = (("coreset", sample), ("openset", pool), ("relevance", relevance))
        return Stage("purity", Purity(target=target), inputs, f"purity of {sample.label}")

    def _assumed(self, kind: str, lengths: Lengths, target: str) -> tuple[str, ...]:
        fields = [f"length of the {kind} rows"] if kind in lengths.assumed else []
        fields += [a.field for a in self.setup.assumptions if not a.targets or target in a.targets]
        return tuple(fields)


def check_budget(budget: int | str | None, pool: Images) -> None:
    """Refuse before any training what the sampler would refuse after it."""
    try:
        if pool.count is not None:
            parse_budget(budget, pool.count)
    except BudgetError as error:
        raise UserError(f"open-set '{pool.name}': {error}") from error


def _times(length: Length, factor: int) -> Length:
    if factor == 1:
        return length
    if isinstance(length, Steps):
        return Steps(steps=length.steps * factor)
    if isinstance(length, Epochs):
        return Epochs(epochs=length.epochs * factor)
    raise UserError("a length that follows the released rule cannot be multiplied")
