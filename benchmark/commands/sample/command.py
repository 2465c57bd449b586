"""From two folders of images to a coreset: encoder, features, picks, metrics, each a stage of the store."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.selection import Budget
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
from benchmark.planning.encoders import Encoder, find_encoder
from benchmark.planning.names import find_protocol
from benchmark.planning.planner import Planner, check_budget
from benchmark.planning.profiles import find_profile
from benchmark.sampling.coresets import Features, Pool, coreset, geometry
from benchmark.sampling.samplers import NamedSampler, find_sampler, read_budget
from benchmark.specs.artefacts import POSITIONS, SCORES
from benchmark.specs.cells import ordered
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.wording import counted
from benchmark.stages.pretrain import KIND as PRETRAIN
from benchmark.stages.pretrain import Pretraining

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Job:
    """A request with all its names resolved, and its stages. Nothing is written by making one."""

    request: Request
    data: Data
    planner: Planner
    sampler: NamedSampler
    budget: Budget
    frozen: Encoder | None

    @property
    def target(self) -> Images:
        return self.data.images("opensets", "target", "train")

    @property
    def pool(self) -> Images:
        return self.data.images("opensets", "pool", "train")

    @property
    def encoder(self) -> Stage:
        """The encoder named, or one that is pretrained on the target."""
        if self.frozen is not None:
            return self.frozen.stage
        length = self.planner.lengths("target").retrieval
        spec = self.planner.pretraining(length, self.request.seed, alone=True)
        label = f"X, {self.request.target}, seed {self.request.seed}"
        return Stage(PRETRAIN, spec, (("target", self.target),), label)

    @property
    def encoder_text(self) -> str:
        """The encoder in words: which one was named, or how one was pretrained."""
        if self.frozen is not None:
            return self.frozen.description
        spec = self.encoder.spec
        assert isinstance(spec, Pretraining)
        length = spec.recipe.length
        steps = f" for {counted(length.steps, 'step')}" if isinstance(length, Steps) else ""
        return f"pretrained on the target by {title_of(spec.recipe.method)} on {spec.recipe.backbone.told}{steps}"

    @property
    def choice(self) -> Pool:
        """What the sampler picks from."""
        embedding = self.frozen.embedding if self.frozen else None
        encoder, embed = self.encoder, self.planner.embed
        return Pool(
            self.pool,
            None,
            self.data.sources("pool"),
            lambda: Features(embed(encoder, self.target, embedding), embed(encoder, self.pool, embedding)),
        )

    @property
    def sample(self) -> Stage:
        """The coreset."""
        label = f"{self.sampler.name} from {self.request.pool} for {self.request.target}"
        return coreset(self.sampler, self.budget, self.request.seed, self.choice, label, self.planner.names.simcore)

    @property
    def measure(self) -> Stage:
        """The coreset's metrics."""
        return geometry(self.sample, self.choice)


def prepare(request: Request) -> Job:
    """Resolve and check all names, and read the images; UserError before anything else is written."""
    folders = NamedFolders((("target", request.target), ("pool", request.pool)))
    data = Data(folders, False, request.store)
    profile = find_profile(request.profile)
    setup = profile.setup(precision=request.precision)
    planner = Planner(profile, find_protocol("clean"), data, request.steps, setup)
    sampler = find_sampler(request.sampler, planner.names.simcore)
    budget = read_budget(request.budget)
    if budget is None and not sampler.stops:
        raise UserError(f'sampler {sampler.name} has no stopping rule: give --budget, an int or a share such as "5%"')
    frozen = None if request.encoder is None else find_encoder(request.encoder)
    check_places(request.out, request.exports)
    check_link(data.find("opensets", "pool"), request.exports)
    job = Job(request, data, planner, sampler, budget, frozen)
    check_stages(ordered([job.measure]))
    with shown() as progress:
        data.read([("opensets", "target", "train"), ("opensets", "pool", "train")], progress)
    check_budget(budget, job.pool)
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
    local = {**job.sampler.local, **(job.frozen.local if job.frozen else {})}
    stages = ordered([job.measure])
    execute(Work(stages, request.store, job.data, local), machine)
    store = Store(request.store)
    crash = next((text for stage in stages if not store.has(stage) and (text := store.crash(stage.key))), None)
    if crash is not None:
        raise UserError(crash.reason)
    sampled, measured = store.record(job.sample), store.record(job.measure)
    positions, scores = (np.load(store.file(job.sample, name)) for name in (POSITIONS, SCORES))
    story = card(request, job.encoder_text, sampled, measured, {"target": job.target, "pool": job.pool})
    coreset = Coreset(job.data.verified_source(job.pool), positions, scores, story)
    written = write(coreset, request.out, request.exports)
    return SampledCoreset(tuple(coreset.ids), scores, story, measured.metrics, written, sampled.key)
