"""From a question ("Table 2, these targets, this profile") to stages: a DAG whose shared work stands in it once.

Building a plan imports no torch and reads no image. Absent data gives stages without a final key, not an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol as Interface

from baselines.core.selection import BudgetError, parse_budget
from benchmark.errors import UserError
from benchmark.evaluations import EVALUATIONS, Evaluation, Question, evaluation_stage
from benchmark.images.attributes import ATTRIBUTES
from benchmark.images.manifest import Split
from benchmark.methods import entry_of
from benchmark.planning.encoders import Encoder
from benchmark.planning.names import Names
from benchmark.planning.profiles import Profile
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.sampling.coresets import Features, Pool, coreset, geometry, purity
from benchmark.sampling.samplers import OF_TABLES
from benchmark.specs.cells import EVALUATE, MEASURE, PRETRAIN, PURITY, SAMPLE, Cell, evaluation_part
from benchmark.specs.datasets import Metric, Role
from benchmark.specs.methods import Lengths, equal_lengths
from benchmark.specs.protocols import Protocol
from benchmark.specs.recipes import Embedding, Epochs, Length, SeedAxes, Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.variants import UNTRAINED, Variant
from benchmark.stages import embed, pretrain
from benchmark.stages.pretrain import Pretraining
from benchmark.stages.sample import SimCoreSampling


class Catalogue(Interface):
    """What a plan must know of the data."""

    def images(self, role: Role, name: str, split: str) -> Images:
        """The images of a split, unresolved when they are absent or not read yet."""

    def relevance(self, openset: str, target: str) -> Images | None:
        """The labels that say which open-set images are relevant to the target, None where there are none."""

    def sources(self, openset: str) -> Images | None:
        """The labels that say which source each open-set image comes from, None where there are none."""

    def attributes(self, target: str) -> Images | None:
        """The further labels of a target's images, None where there are none."""

    def class_sizes(self, target: str, split: Split) -> tuple[int, ...] | None:
        """How many images each class of a target's split has, None where that is not known."""

    def metric(self, target: str) -> Metric:
        """The target's metric."""


@dataclass(frozen=True)
class CellParts:
    """What the cells of a table are to hold.

    With `online` the first evaluation is that of the classifier that was trained beside the method, not a probe.
    `evaluations` are names of others in its place. Without `train` nothing is trained on coresets, and nothing is
    evaluated. `coreset_metrics`: also those of every coreset.
    """

    online: bool = False
    evaluations: tuple[str, ...] = ()
    train: bool = True
    coreset_metrics: bool = False


UNTRAINED_LENGTH = Steps(steps=0)


def simcore_of(profile: Profile, protocol: Protocol) -> SimCoreSampling:
    """SimCore by the profile's k and patience and the protocol's reading."""
    return SimCoreSampling(
        k=profile.k,
        reference_round=1 if protocol.reference_round == "first" else profile.patience,
        failing_round=protocol.failing_round,
        overshoot=protocol.overshoot,
        n_init=protocol.kmeans_inits,
    )


@dataclass(frozen=True)
class Planner:
    """Builds the stages of cells for one profile, protocol and setup (`chosen`; None means SimCLR as usual).

    `steps` overrides the profile's optimiser steps. `known` has the samplers and encoders of other
    planners of the same table. `initial` is what every training starts from, None for random weights.
    """

    profile: Profile
    protocol: Protocol
    catalogue: Catalogue
    steps: int | None = None
    chosen: ResolvedRecipe | None = None
    cell_parts: CellParts = CellParts()
    known: Names | None = None
    initial: Stage | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.profile.steps is None and self.protocol.lengths == "coded":
            raise UserError(
                f"--steps has no meaning in profile {self.profile.name}: its lengths follow the released rule"
            )

    @cached_property
    def setup(self) -> ResolvedRecipe:
        """The method and network of all cells."""
        return self.chosen or self.profile.setup()

    @cached_property
    def names(self) -> Names:
        """The samplers and encoders that variants name."""
        return self.known or Names(simcore_of(self.profile, self.protocol))

    # Lengths ---------------------------------------------------------------------------------------------------------

    def lengths(self, target: str) -> Lengths:
        """How long each kind of row is trained. Where the released rule has no meaning, all take equal steps."""
        if self.setup.released_lengths and self.protocol.lengths == "coded":
            return self.setup.released_lengths
        return equal_lengths(self.steps or self.profile.steps or self._target_steps(target))

    def _target_steps(self, target: str) -> int:
        by_profile = self.setup.released_lengths
        count = self.catalogue.images("targets", target, "train").count
        if by_profile is None or not isinstance(by_profile.target, Epochs) or count is None:
            raise UserError(f"the number of images of target '{target}' is not known: equal steps cannot be planned")
        return by_profile.target.epochs * -(-count // self.setup.recipe.batch)

    def length_of(self, variant: Variant) -> str:
        """The field of `Lengths` that a variant uses."""
        if variant.openset == "none":
            return "target"
        if variant.openset == "all":
            return "both" if variant.target else "openset"
        return "stopped" if variant.sampler in OF_TABLES and variant.budget is None else "fixed"

    # Stages ----------------------------------------------------------------------------------------------------------

    def pretrain(
        self, length: Length, seed: int, label: str, *, target: str | None, openset: str | None, sample: Stage | None
    ) -> Stage:
        """Pretraining on X, the open-set (all of it, or `sample`'s picks), or both."""
        spec = self.pretraining(length, seed, target_only=openset is None and sample is None)
        if target is None:
            # Only X has labels for an online classifier.
            spec = spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"online": None})})
        inputs: list[tuple[str, Stage | Images]] = []
        if self.initial is not None and length != UNTRAINED_LENGTH:
            inputs.append((pretrain.INITIAL, self.initial))
        if target is not None:
            images = self.catalogue.images("targets", target, "train")
            inputs.append(("target", images.with_labels if spec.recipe.online is not None else images))
        if openset is not None:
            inputs.append(("openset", self.catalogue.images("opensets", openset, "train")))
        if sample is not None:
            inputs.append(("coreset", sample))
        return Stage(pretrain.KIND, spec, tuple(inputs), label)

    def pretraining(self, length: Length, seed: int, *, target_only: bool) -> Pretraining:
        """The spec of one training, on X alone (`target_only`) or with images of an open-set."""
        recipe = self.setup.target_only_recipe if target_only else self.setup.recipe
        return Pretraining(recipe=recipe.model_copy(update={"length": length}), seeds=SeedAxes(init=seed, data=seed))

    def retrieval(self, target: str, seed: int, *, untrained: bool = False) -> Stage:
        """The encoder whose features samplers see: SSL on X, once per target and seed, or the network untrained."""
        length: Length = UNTRAINED_LENGTH if untrained else self.lengths(target).retrieval
        label = f"{'untrained' if untrained else 'retrieval'} encoder, {target}, seed {seed}"
        return self.pretrain(length, seed, label, target=target, openset=None, sample=None)

    def embed(self, encoder: Stage, images: Images, embedding: Embedding | None = None) -> Stage:
        """Features of a split for a sampler; by the setup's embedding where none is given."""
        return embed.embed_stage(encoder, images, embedding or self.setup.sampling)

    def named_encoder(self, variant: Variant, target: str, seed: int) -> Encoder | None:
        """The encoder that a variant names; None for the network that is pretrained on X, and for it untrained."""
        return self.names.encoder(variant.encoder, target, self.setup, seed)

    def sampler_encoder(self, variant: Variant, target: str, seed: int) -> Encoder:
        """The encoder whose features a variant's sampler sees."""
        named = self.named_encoder(variant, target, seed)
        if named is not None:
            return named
        trained = self.retrieval(target, seed, untrained=variant.encoder == UNTRAINED)
        return Encoder(trained, self.setup.sampling, recipe=self.setup.recipe)

    def pool(self, variant: Variant, target: str, openset: str, seed: int) -> Pool:
        """The pool that a variant's coreset for a target is picked from, seen through the variant's encoder."""
        images = self.catalogue.images("opensets", openset, "train")
        train = self.catalogue.images("targets", target, "train")
        seen = self.sampler_encoder(variant, target, seed)
        encoder, embedding = seen.stage, seen.embedding
        return Pool(
            images,
            self.catalogue.relevance(openset, target),
            self.catalogue.sources(openset),
            lambda: Features(self.embed(encoder, train, embedding), self.embed(encoder, images, embedding)),
        )

    def sample(self, variant: Variant, target: str, openset: str, seed: int) -> Stage:
        """The coreset of a variant."""
        assert variant.sampler is not None
        pool = self.pool(variant, target, openset, seed)
        check_budget(variant.budget, pool.images)
        label = f"{variant.name}, {target} from {openset}, seed {seed}"
        return coreset(self.names.sampler(variant.sampler), variant.budget, seed, pool, label, self.names.simcore)

    def purity(self, sample: Stage, target: str, openset: str) -> Stage | None:
        """How much of a coreset is relevant, where labels say so."""
        images = self.catalogue.images("opensets", openset, "train")
        return purity(sample, images, self.catalogue.relevance(openset, target))

    def cell(self, variant: Variant, target: str, openset: str, seed: int) -> Cell:
        """All stages of one row on one target at one seed."""
        sample = self.sample(variant, target, openset, seed) if variant.openset == "coreset" else None
        parts: dict[str, Stage] = {}
        assumed: tuple[str, ...] = ()
        if self.cell_parts.train:
            parts |= self._evaluated(variant, target, openset, seed, sample)
            assumed = self._assumed(variant, target)
        if sample is not None:
            parts |= self._measured(variant, target, openset, seed, sample)
        return Cell(variant, target, openset, seed, parts, assumed)

    def _evaluated(
        self, variant: Variant, target: str, openset: str, seed: int, sample: Stage | None
    ) -> Iterator[tuple[str, Stage]]:
        """The evaluations of what a row trains, or of the encoder that it names, and the training."""
        if not variant.trained:
            named = self.named_encoder(variant, target, seed)
            encoder = self.retrieval(target, seed, untrained=True) if named is None else named.stage
            yield from self._evaluations(encoder, target, seed, named)
            return
        trained = self.training(variant, target, openset, seed, sample)
        yield from self._evaluations(trained, target, seed)
        yield PRETRAIN, trained

    def training(self, variant: Variant, target: str, openset: str, seed: int, sample: Stage | None) -> Stage:
        """The training of a row. `sample` picks its coreset, None where it has none."""
        length = _times(getattr(self.lengths(target), self.length_of(variant)), variant.steps_factor)
        label = f"{variant.name}, {target}, seed {seed}" if variant.target else f"{variant.name} {openset}, seed {seed}"
        return self.pretrain(
            length,
            seed,
            label,
            target=target if variant.target else None,
            openset=openset if variant.pool else None,
            sample=sample,
        )

    def _measured(
        self, variant: Variant, target: str, openset: str, seed: int, sample: Stage
    ) -> Iterator[tuple[str, Stage]]:
        """A coreset with what is measured of it."""
        yield SAMPLE, sample
        relevant = self.purity(sample, target, openset)
        if relevant is not None:
            yield PURITY, relevant
        if self.cell_parts.coreset_metrics:
            yield MEASURE, geometry(sample, self.pool(variant, target, openset, seed))

    def _evaluations(
        self, encoder: Stage, target: str, seed: int, named: Encoder | None = None
    ) -> Iterator[tuple[str, Stage]]:
        """Those that are asked for; of an encoder that was `named` by its own embedding and recipe."""
        first, *others = self.cell_parts.evaluations or (None,)
        yield EVALUATE, self.evaluate(encoder, target, seed, first, named)
        for name in filter(None, others):
            yield evaluation_part(name), self.evaluate(encoder, target, seed, name, named)

    @property
    def own_evaluation(self) -> str:
        """The evaluation where no other is asked for, by name."""
        return "online-classifier" if self.cell_parts.online else f"linear-{self.protocol.probe}"

    def evaluate(
        self,
        encoder: Stage,
        target: str,
        seed: int,
        name: str | None = None,
        named: Encoder | None = None,
    ) -> Stage:
        """The evaluation `name`, or the row's own, of an encoder; of one that was `named` by its own embedding and
        recipe, else by the setup's."""
        evaluation = EVALUATIONS.get(name or self.own_evaluation)
        if why := evaluation.obstacle(encoder):
            raise UserError(f"evaluation {evaluation.name} cannot be asked of {encoder.label}: {why}")
        question = self._question(target, seed, named)
        images = {split: self._split(target, split) for split in evaluation.splits}
        label = f"probe of {encoder.label} on {target}"
        # A table's own evaluation is the only one of its encoders: nothing would share the features.
        return evaluation_stage(evaluation, question, encoder, images, label, shared=name is not None)

    def _question(self, target: str, seed: int, named: Encoder | None = None) -> Question:
        """What an evaluation of an encoder on a target is built from."""
        return Question(
            named.embedding.model_copy(update={"token": "head"}) if named else self.setup.probing,
            named.recipe_or(self.setup.recipe) if named else self.setup.recipe,
            self.catalogue.metric(target),
            seed,
            self._standardises(named),
            self.profile.released_probe,
            self.protocol.name,
        )

    def lacks(self, target: str) -> str:
        """What a target has too little of for the evaluations of the cells, as far as its images are known; empty where
        they can be measured."""
        if not self.cell_parts.train:
            return ""
        if self.reads_attributes and self.catalogue.attributes(target) is None:
            return lacks_attributes(target)
        names = self.cell_parts.evaluations or (self.own_evaluation,)
        return next(filter(None, (self._lacks(EVALUATIONS.get(name), target) for name in names)), "")

    def _lacks(self, evaluation: Evaluation, target: str) -> str:
        train, test = (self.catalogue.class_sizes(target, split) for split in ("train", "test"))
        if not train or not test:
            return ""
        why = evaluation.lacks(evaluation.spec(self._question(target, 0)), {"train": train, "test": test})
        return f"evaluation {evaluation.name} cannot be measured on {target}: {why}" if why else ""

    def _standardises(self, named: Encoder | None) -> bool:
        """Whether the released probe standardises features: as for the method that trained the encoder. It does not for
        a network that was trained elsewhere, by a method that nobody names."""
        if named is None:
            return self.setup.standardise
        entry = None if named.recipe is None else entry_of(named.recipe.method)
        return entry is not None and self.profile.setup(entry.name).standardise

    def _split(self, target: str, split: str) -> Images:
        if split != ATTRIBUTES:
            return self.catalogue.images("targets", target, split)
        attributes = self.catalogue.attributes(target)
        if attributes is None:
            raise UserError(lacks_attributes(target))
        return attributes

    @property
    def reads_attributes(self) -> bool:
        """Whether an evaluation of the cells needs further labels of the target."""
        names = self.cell_parts.evaluations if self.cell_parts.train else ()
        return any(ATTRIBUTES in EVALUATIONS.get(name).splits for name in names)

    def _assumed(self, variant: Variant, target: str) -> tuple[str, ...]:
        if not variant.trained:
            return ()
        kind = self.length_of(variant)
        fields = [f"length of the {kind} rows"] if kind in self.lengths(target).assumed else []
        fields += [a.field for a in self.setup.assumptions if not a.targets or target in a.targets]
        return tuple(fields)


def lacks_attributes(target: str) -> str:
    """Why attributes of a target cannot be probed."""
    return f"targets/{target} has no labels.csv with attributes of its images (annotations/labels.csv)"


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
