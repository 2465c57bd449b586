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
    """One method on one network in one profile: its recipe (`alone` for rows on X alone), lengths, how it is read.

    `sampling` and `probing` are how features are taken for samplers and for probes. `assumptions` are what the number
    rests on and no source states. `asked` is the network asked for, another than the recipe's where that `stand_in`s
    for it.
    """

    method: str
    asked: Backbone
    recipe: Recipe
    alone: Recipe
    coded: Lengths | None = None
    sampling: Embedding
    probing: Embedding
    standardise: bool = False
    assumptions: tuple[Assumption, ...] = ()

    @property
    def stand_in(self) -> bool:
        """Whether another network than the one asked for is trained."""
        return self.recipe.backbone != self.asked

    def at(self, precision: Precision) -> Self:
        """The setup with trainings in another precision."""
        changed = {
            name: getattr(self, name).model_copy(update={"precision": precision}) for name in ("recipe", "alone")
        }
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

    def network(self, asked: Backbone) -> Backbone:
        """The network that is trained where `asked` is asked for: any that is not listed is trained itself."""
        return self.networks.get(asked.name) or fitted(asked, self.size)


def check_network(entry: MethodEntry, backbone: Backbone) -> None:
    """UserError for a registered network of a kind that the method cannot train."""
    known = NETWORKS.get(backbone.name)
    kind = {"class token": "vit", "average": "convolutional"}.get(known.reading if known else "")
    if kind and entry.networks not in ("any", kind):
        wanted = {"vit": "vision transformers", "convolutional": "convolutional networks"}[entry.networks]
        raise UserError(f"{entry.title} trains {wanted} only, and {backbone.name} is none")


def check_engine_name(entry: MethodEntry, engine: str | None) -> None:
    """UnknownName for an engine that there is none of; whether it has the method is known where it is built."""
    known = get_args(EngineName)
    if engine is not None and engine not in known:
        raise UnknownName("engine", engine, list(known))
    if engine is not None and engine not in entry.engines:
        raise UserError(f"engine '{engine}' has no method '{entry.name}'; {', '.join(entry.engines)} has it")


def published_setup(
    entry: MethodEntry,
    asked: Backbone,
    engine: str | None,
    embedding: Embedding,
    assumptions: tuple[Assumption, ...],
) -> ResolvedRecipe:
    """The method as it is published; `embedding` and `assumptions` are the paper profile's."""
    told = entry.published
    recipe = Recipe(
        engine=cast(EngineName, engine or told.engine),
        method=told.method,
        backbone=fitted(asked, told.augmentation.size),
        augmentation=told.augmentation,
        optimiser=told.optimiser,
        schedule=told.schedule,
        length=told.lengths.stopped,
        batch=told.batch,
        precision=told.precision,
        batchnorm_group=told.batchnorm_group,
        drop_last=told.drop_last,
        online=told.online,
    )
    size = told.augmentation.size
    probing = embedding.model_copy(
        update={} if size == embedding.crop else {"resize": size, "crop": size, "stored": size}
    )
    choices = (field for field, evidence in told.evidence.items() if evidence.tag == "ours")
    return ResolvedRecipe(
        method=entry.name,
        asked=asked,
        recipe=recipe,
        alone=recipe.model_copy(update={"method": told.alone or told.method}),
        coded=told.lengths,
        sampling=probing.model_copy(update={"token": told.token}),
        probing=probing,
        standardise=told.standardise,
        assumptions=(*assumptions, *_assumed(entry, choices)),
    )


def small_setup(
    entry: MethodEntry, asked: Backbone, engine: str | None, embedding: Embedding, scale: Scale, steps: int
) -> ResolvedRecipe:
    """The method in a small profile with `scale`, `embedding` and `steps` optimiser steps."""
    small, network = entry.small, scale.network(asked)
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
        asked=asked,
        recipe=recipe,
        alone=recipe,
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
