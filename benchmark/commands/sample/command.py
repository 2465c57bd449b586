"""From two folders of images to a coreset: a table of one row, whose picks are written where the user says."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.commands.sample.card import card
from benchmark.commands.sample.folders import check_apart, check_enough, check_split, folder_line, shared_images
from benchmark.commands.sample.next_steps import NextStep, next_steps
from benchmark.commands.sample.output import Coreset, check_link, check_places, write
from benchmark.commands.sample.request import Request
from benchmark.errors import UserError, one_of
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.execution.store import Store
from benchmark.images.data import Data
from benchmark.images.items import Folder, Items
from benchmark.images.sources import NamedFolders
from benchmark.methods import title_of
from benchmark.planning.names import Names, coreset_variant, find_protocol
from benchmark.planning.planner import CellParts, Planner, check_budget, simcore_of
from benchmark.planning.profiles import find_profile
from benchmark.sampling.samplers import NamedSampler
from benchmark.specs.artefacts import POSITIONS, SCORES
from benchmark.specs.cells import MEASURE, SAMPLE, Cell, ordered
from benchmark.specs.datasets import Metric, Role
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.variants import PRETRAINED, UNTRAINED, Variant
from benchmark.specs.wording import counted
from benchmark.stages.frozen import FrozenEncoder

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class TwoFolders:
    """The data of a table of one row: one folder is the target, the other the open-set, each under its own path.
    Neither has labels."""

    data: Data

    def images(self, role: Role, name: str, split: str) -> Images:
        """The images of the folder at the path `name`."""
        return self.data.images(role, name, "train")

    def relevance(self, openset: str, target: str) -> Images | None:
        """No label says which images of the pool are relevant."""
        return None

    def sources(self, openset: str) -> Images | None:
        """The labels of the pool that say which source an image is from."""
        return self.data.sources(openset)

    def attributes(self, target: str) -> Images | None:
        """None: nothing is evaluated."""
        return None

    def metric(self, target: str) -> Metric:
        """Nothing is evaluated."""
        return "top1"


@dataclass(frozen=True)
class Job:
    """A request with all its names resolved, as one row on one target. Nothing is written by making one."""

    request: Request
    data: Data
    planner: Planner
    variant: Variant

    @property
    def cell(self) -> Cell:
        """The coreset and its metrics."""
        return self.planner.cell(self.variant, self.request.target, self.request.pool, self.request.seed)

    def images(self, role: Role) -> Images:
        """The images of the target's folder or of the pool's."""
        return self.planner.catalogue.images(role, self.request.folders[role], "train")

    @property
    def evaluated_encoder(self) -> str | None:
        """The name that `evaluate` has for the encoder: as it was given, or its key. None for the untrained network,
        which it has no name for."""
        if self.variant.encoder == PRETRAINED:
            return self.planner.retrieval(self.request.target, self.request.seed).key[:12]
        return None if self.variant.encoder == UNTRAINED else self.variant.encoder

    @property
    def encoder_text(self) -> str:
        """The encoder in words: which one was named, or how one was pretrained."""
        named = self.planner.named_encoder(self.variant, self.request.target, self.request.seed)
        if named is not None:
            return named.description
        recipe = self.planner.setup.recipe
        length = self.planner.lengths(self.request.target).retrieval
        if self.variant.encoder == UNTRAINED:
            return f"the untrained network {recipe.backbone.full_name}"
        steps = f" for {counted(length.steps, 'step')}" if isinstance(length, Steps) else ""
        return f"pretrained on the target by {title_of(recipe.method)} on {recipe.backbone.full_name}{steps}"


def prepare(request: Request, machine: Machine) -> Job:
    """Resolve and check all names, and read the images; UserError before anything else is written.

    What is quick to see comes first. Networks and devices need libraries that take seconds to load, so they come last.
    """
    data = Data(NamedFolders(), False, request.store)
    target, pool = (data.find(*split) for split in request.splits)
    check_places(request.out, request.exports)
    check_link(pool, request.exports)
    profile = find_profile(request.profile)
    setup, protocol = profile.setup(precision=request.precision), find_protocol("clean")
    names = Names(simcore_of(profile, protocol), request.store)
    variant = coreset_variant(request.sampler, request.budget, request.encoder or PRETRAINED)
    _check_sampler(names.sampler(request.sampler), variant)
    check_apart(target, pool)
    tables = [items for items in (target, pool) if not isinstance(items, Folder)]
    for items in (target, pool):
        if items not in tables:
            _check_folder(items, variant)
    variant = names.named(variant)
    # The authors' encoders are of registered targets: a folder has none.
    names.encoder(variant.encoder, None, setup, request.seed)
    check_machine(machine)
    for items in tables:
        # Loading a table takes long, and may need the network.
        _check_folder(items, variant)
    cell_parts = CellParts(train=False, coreset_metrics=True)
    planner = Planner(profile, protocol, TwoFolders(data), request.steps, setup, cell_parts, names)
    job = Job(request, data, planner, variant)
    stages = ordered(job.cell.ends())
    check_stages(stages)
    _check_weights(stages, Store(request.store))
    for items in (target, pool):
        print(folder_line(items), file=sys.stderr, flush=True)
    with shown() as progress:
        data.read(request.splits, progress)
    check_budget(variant.budget, job.images("opensets"))
    return job


def _check_sampler(sampler: NamedSampler, variant: Variant) -> None:
    if variant.budget is None and not sampler.stops:
        raise UserError(f'sampler {sampler.name} has no stopping rule: give --budget, an int or a share such as "5%"')


def _check_weights(stages: Iterable[Stage], store: Store) -> None:
    """UserError where weights must be fetched and no network answers."""
    for stage in stages:
        if isinstance(stage.spec, FrozenEncoder) and stage.spec.origin == "timm" and not store.has(stage):
            # Imported here: it brings torch.
            from benchmark.training.foreign_weights import check_obtainable

            check_obtainable(stage.spec.backbone.name)


def _check_folder(items: Items, variant: Variant) -> None:
    """UserError for a folder that the question does not fit, before any image is read."""
    check_split(items)
    check_enough(items, pretrained=variant.encoder == PRETRAINED)
    if items.role == "opensets":
        listed = Images(items.role, items.name, items.split, None, len(items.ids), by_path=True)
        check_budget(variant.budget, listed)


def notes(job: Job) -> list[str]:
    """What is to be said of the images before they are used: those that cannot be read, and those that both folders
    have."""
    target, pool = (job.data.manifest(*split) for split in job.request.splits)
    assert target is not None and pool is not None
    shared = shared_images(target, pool)
    return [*job.data.skipped(job.request.splits), *([shared] if shared else [])]


@dataclass(frozen=True)
class SampledCoreset:
    """A coreset. `ids` name m images of the pool, in pick order; `scores` float32 [m] are the sampler's, in that order.

    `card` says in Markdown what was sampled from what. `metrics` are the coreset's, as the card lists them (cosines and
    shares from 0 to 1). `written` are the files and folders that were written, `key` is the key of the sample's stage.
    `next_steps` are command lines that go on from here, where a list was written.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float32]
    card: str
    metrics: Mapping[str, Any]
    written: tuple[Path, ...]
    key: str
    next_steps: tuple[NextStep, ...] = ()

    def to_pandas(self) -> "pandas.DataFrame":
        """The picks as a data frame: rank from 1 (int64), id (string) and score (float32)."""
        # Imported here: it takes longer to import than the rest of the package.
        import pandas

        ranks = np.arange(1, len(self.ids) + 1, dtype=np.int64)
        ids = pandas.array(list(self.ids), dtype="string")
        return pandas.DataFrame({"rank": ranks, "id": ids, "score": self.scores})

    def render(self, format: str = "md") -> str:  # noqa: A002
        """The card. UnknownName for a format other than "md"."""
        one_of("format", format, ("md",))
        return self.card


def sample(request: Request, machine: Machine) -> SampledCoreset:
    """Sample, measure, write. A failed stage is a UserError with its last line."""
    job = prepare(request, machine)
    for line in notes(job):
        print(f"note: {line}", file=sys.stderr)
    cell = job.cell
    stages = ordered(cell.ends())
    execute(Work(stages, request.store, job.data, job.planner.names.local), machine)
    store = Store(request.store)
    crash = next((text for stage in stages if not store.has(stage) and (text := store.crash(stage.key))), None)
    if crash is not None:
        raise UserError(crash.reason)
    sampled, measured = (store.record(cell.parts[part]) for part in (SAMPLE, MEASURE))
    positions, scores = (np.load(store.file(cell.parts[SAMPLE], name)) for name in (POSITIONS, SCORES))
    target, pool = job.images("targets"), job.images("opensets")
    story = card(request, job.encoder_text, sampled, measured, {"target": target, "pool": pool})
    coreset = Coreset(job.data.verified_source(pool), positions, scores, story)
    written = write(coreset, request.out, request.exports)
    steps = next_steps(request, machine, len(positions), len(coreset.source), job.evaluated_encoder)
    return SampledCoreset(tuple(coreset.ids), scores, story, measured.metrics, written, sampled.key, steps)
