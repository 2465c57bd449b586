"""From two folders of images to a coreset: a table of one row, whose picks are written where the user says."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.commands.sample.card import card
from benchmark.commands.sample.output import Coreset, check_link, check_places, write
from benchmark.commands.sample.request import Request
from benchmark.errors import UserError, one_of
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.execution.store import Store
from benchmark.images.data import Data
from benchmark.images.sources import NamedFolders
from benchmark.methods import title_of
from benchmark.planning.names import Names, coreset_variant, find_protocol
from benchmark.planning.planner import CellParts, Planner, check_budget, simcore_of
from benchmark.planning.profiles import find_profile
from benchmark.specs.artefacts import POSITIONS, SCORES
from benchmark.specs.cells import MEASURE, SAMPLE, Cell, ordered
from benchmark.specs.datasets import Metric, Role
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Images
from benchmark.specs.variants import PRETRAINED, UNTRAINED, Variant
from benchmark.specs.wording import counted

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class TwoFolders:
    """The data of a table of one row: one folder is the target, the other the open-set. Neither has labels."""

    data: Data

    def images(self, role: Role, name: str, split: str) -> Images:
        """The images of the folder that has this role."""
        return self.data.images("opensets", "target" if role == "targets" else "pool", "train")

    def relevance(self, openset: str, target: str) -> Images | None:
        """No label says which images of the pool are relevant."""
        return None

    def sources(self, openset: str) -> Images | None:
        """The labels of the pool that say which source an image is from."""
        return self.data.sources("pool")

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
        return self.planner.catalogue.images(role, "", "train")

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


def prepare(request: Request) -> Job:
    """Resolve and check all names, and read the images; UserError before anything else is written."""
    data = Data(NamedFolders((("target", request.target), ("pool", request.pool))), False, request.store)
    profile = find_profile(request.profile)
    setup, protocol = profile.setup(precision=request.precision), find_protocol("clean")
    cell_parts = CellParts(train=False, coreset_metrics=True)
    names = Names(simcore_of(profile, protocol), request.store)
    planner = Planner(profile, protocol, TwoFolders(data), request.steps, setup, cell_parts, names)
    given = coreset_variant(request.sampler, request.budget, request.encoder or PRETRAINED)
    variant = names.named(given)
    # The authors' encoders are of registered targets: a folder has none.
    names.encoder(variant.encoder, None, setup, request.seed)
    sampler = names.sampler(request.sampler)
    if variant.budget is None and not sampler.stops:
        raise UserError(f'sampler {sampler.name} has no stopping rule: give --budget, an int or a share such as "5%"')
    check_places(request.out, request.exports)
    check_link(data.find("opensets", "pool"), request.exports)
    job = Job(request, data, planner, variant)
    check_stages(ordered(job.cell.ends()))
    with shown() as progress:
        data.read([("opensets", "target", "train"), ("opensets", "pool", "train")], progress)
    check_budget(variant.budget, job.images("opensets"))
    return job


@dataclass(frozen=True)
class SampledCoreset:
    """A coreset. `ids` name m images of the pool, in pick order; `scores` float32 [m] are the sampler's, in that order.

    `card` says in Markdown what was sampled from what. `metrics` are the coreset's, as the card lists them (cosines and
    shares from 0 to 1). `written` are the files and folders that were written, `key` is the key of the sample's stage.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float32]
    card: str
    metrics: Mapping[str, Any]
    written: tuple[Path, ...]
    key: str

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
    check_machine(machine)
    job = prepare(request)
    for line in job.data.skipped([("opensets", "target", "train"), ("opensets", "pool", "train")]):
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
    return SampledCoreset(tuple(coreset.ids), scores, story, measured.metrics, written, sampled.key)
