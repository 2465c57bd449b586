"""One method on one network in one profile: the recipe, how long it runs, how its features are read."""

from collections.abc import Iterable, Iterator
from typing import Self, cast, get_args

from benchmark.errors import UnknownName, UserError
from benchmark.specs.base import Spec
from benchmark.specs.methods import EVERYTHING, EngineName, Lengths, MethodEntry, SmallRecipe
from benchmark.specs.recipes import (
    Augmentation,
    Backbone,
    Cosine,
    Embedding,
    Precision,
    Recipe,
    Steps,
)
from benchmark.training.backbone_names import NETWORKS, fitted


class Assumption(Spec):
    """A value that the paper does not state, for the targets named (all of them if none is)."""

    field: str
    why: str
    targets: tuple[str, ...] = ()


class ResolvedRecipe(Spec):
    """One method on one network in one profile: its recipe, lengths, how it is read.

    `target_only_recipe` is that of rows on X alone. `sampling` and `probing` are how features are taken for samplers
    and for probes. `assumptions` are what the number rests on and no source states. `requested_backbone` is the network
    of the question, another than the recipe's where that `stand_in`s for it.
    """

    method: str
    requested_backbone: Backbone
    recipe: Recipe
    target_only_recipe: Recipe
    released_lengths: Lengths | None = None
    sampling: Embedding
    probing: Embedding
    standardise: bool = False
    assumptions: tuple[Assumption, ...] = ()

    @property
    def stand_in(self) -> bool:
        """Whether another network than the one asked for is trained."""
        return self.recipe.backbone != self.requested_backbone

    def at(self, precision: Precision) -> Self:
        """The setup with trainings in another precision."""
        return self._changed({"precision": precision})

    def with_crops(self, side: int) -> Self:
        """The setup with trainings on crops of another side, in pixels; features are taken as before."""
        return self._changed({"augmentation": self.recipe.augmentation.model_copy(update={"size": side})})

    def _changed(self, fields: dict[str, object]) -> Self:
        changed = {name: getattr(self, name).model_copy(update=fields) for name in ("recipe", "target_only_recipe")}
        return self.model_copy(update=changed)


class Scale(Spec):
    """What a small profile makes of every method: `networks` by the name of the one that each stands in for."""

    size: int
    stored: int
    lr: float
    jitter: float
    batch: int = 64
    precision: Precision
    networks: dict[str, Backbone]

    def network(self, requested: Backbone) -> Backbone:
        """The network that is trained where `requested` is asked for: any that is not listed is trained itself."""
        return self.networks.get(requested.name) or fitted(requested, self.size)


def check_network(entry: MethodEntry, backbone: Backbone) -> None:
    """UserError for a registered network of a kind that the method cannot train."""
    known = NETWORKS.get(backbone.name)
    kind = {"class token": "vit", "average": "convolutional"}.get(known.reading if known else "")
    if kind and entry.networks not in ("any", kind):
        networks = {"vit": "vision transformers", "convolutional": "convolutional networks"}[entry.networks]
        raise UserError(f"{entry.title} trains {networks} only, and {backbone.name} is none")


def check_engine_name(entry: MethodEntry, engine: str | None) -> None:
    """UnknownName for an engine that there is none of; whether it has the method is known where it is built."""
    known = get_args(EngineName)
    if engine is not None and engine not in known:
        raise UnknownName("engine", engine, list(known))
    if engine is not None and engine not in entry.engines:
        raise UserError(f"engine '{engine}' has no method '{entry.name}'; {', '.join(entry.engines)} has it")


def published_setup(
    entry: MethodEntry,
    requested: Backbone,
    engine: str | None,
    embedding: Embedding,
    assumptions: tuple[Assumption, ...],
) -> ResolvedRecipe:
    """The method as it is published; `embedding` and `assumptions` are the paper profile's."""
    published = entry.published
    recipe = Recipe(
        engine=cast(EngineName, engine or published.engine),
        method=published.method,
        backbone=fitted(requested, published.augmentation.size),
        augmentation=published.augmentation,
        optimiser=published.optimiser,
        schedule=published.schedule,
        length=published.lengths.stopped,
        batch=published.batch,
        precision=published.precision,
        batchnorm_group=published.batchnorm_group,
        drop_last=published.drop_last,
        online=published.online,
    )
    size = published.augmentation.size
    probing = embedding.model_copy(
        update={} if size == embedding.crop else {"resize": size, "crop": size, "stored": size}
    )
    choices = (field for field, evidence in published.evidence.items() if evidence.tag == "ours")
    return ResolvedRecipe(
        method=entry.name,
        requested_backbone=requested,
        recipe=recipe,
        target_only_recipe=recipe.model_copy(update={"method": published.target_only_method or published.method}),
        released_lengths=published.lengths,
        sampling=probing.model_copy(update={"token": published.token}),
        probing=probing,
        standardise=published.standardise,
        assumptions=(*assumptions, *_assumed(entry, choices)),
    )


def small_setup(
    entry: MethodEntry, requested: Backbone, engine: str | None, embedding: Embedding, scale: Scale, steps: int
) -> ResolvedRecipe:
    """The method in a small profile with `scale`, `embedding` and `steps` optimiser steps."""
    small, network = entry.small, scale.network(requested)
    if small.stem != network.stem:
        network = network.model_copy(update={"stem": small.stem})
    recipe = Recipe(
        engine=cast(EngineName, engine or small.engine),
        method=small.method,
        backbone=network,
        augmentation=_small_augmentation(small, scale),
        optimiser=small.optimiser(scale.lr),
        schedule=Cosine(per="step", warmup_steps=10),
        length=Steps(steps=steps),
        batch=scale.batch,
        precision=scale.precision,
        batchnorm_group=scale.batch if small.per_view else None,
        online=small.online,
    )
    return ResolvedRecipe(
        method=entry.name,
        requested_backbone=requested,
        recipe=recipe,
        target_only_recipe=recipe,
        sampling=embedding.model_copy(update={"token": small.token}),
        probing=embedding,
    )


def _assumed(entry: MethodEntry, choices: Iterable[str]) -> Iterator[Assumption]:
    for field in choices:
        if not field.startswith("lengths"):
            what = "recipe" if field == EVERYTHING else field
            yield Assumption(field=f"{entry.name}: {what}", why=entry.published.evidence[field].note)


def _small_augmentation(small: SmallRecipe, scale: Scale) -> Augmentation:
    jitter = scale.jitter
    usual = Augmentation(size=scale.size, stored=scale.stored, jitter=(jitter, jitter, jitter, jitter / 4))
    plain = {"jitter_probability": 0.0, "grey_probability": 0.0} if small.plain else {}
    return usual.model_copy(update={"views": small.views, **plain})
