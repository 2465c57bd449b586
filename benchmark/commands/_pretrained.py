"""One training on a target and a list of picks, from paths to a folder that timm loads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.commands.export._command import check_new, export
from benchmark.commands.export._network import check_exportable
from benchmark.commands.sample.folders import check_apart, check_enough, check_split, folder_line
from benchmark.commands.sample.job import check_weights
from benchmark.commands.sample.next_steps import NextStep, evaluation_steps
from benchmark.errors import UserError
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, Work, check_machine, check_stages, execute
from benchmark.execution.store import Store
from benchmark.images.data import Data, SplitName
from benchmark.images.items import Items
from benchmark.images.sources import NamedFolders
from benchmark.planning.names import Names, coreset_variant, find_protocol, listed_sampler
from benchmark.planning.planner import Planner, simcore_of
from benchmark.planning.profiles import find_profile
from benchmark.planning.two_folders import TwoFolders
from benchmark.progress import unheard
from benchmark.sampling.samplers import STOP
from benchmark.specs.cells import ordered
from benchmark.specs.folding import say
from benchmark.specs.recipes import Backbone, Precision
from benchmark.specs.stages import Stage
from benchmark.specs.variants import VARIANTS, Variant
from benchmark.stages.sample.id_list import pool_of, read_ids


@dataclass(frozen=True)
class PretrainingRequest:
    """What was asked for, as given. `selection` of None: the target alone. `pool` of None: the list says it."""

    target: str
    out: Path
    selection: Path | None = None
    pool: str | None = None
    profile: str = "mini"
    method: str = "simclr"
    backbone: str | None = None
    engine: str | None = None
    steps: int | None = None
    precision: Precision | None = None
    seed: int = 0
    store: Path = Path("runs")
    initial_weights: str | None = None


@dataclass(frozen=True)
class PretrainedEncoder:
    """An encoder in the folder `out`, which timm loads. `key` is that of its training in the store, `text` says in a
    line what was written. `next_steps` are command lines that go on from here."""

    out: Path
    key: str
    text: str
    next_steps: tuple[NextStep, ...]


@dataclass(frozen=True)
class Job:
    """A request with all its names resolved. Nothing is written by making one. `pool` is None without a selection."""

    request: PretrainingRequest
    data: Data
    planner: Planner
    variant: Variant
    pool: str | None

    @property
    def splits(self) -> list[SplitName]:
        """The folders, as the data of a run."""
        return _splits(self.request, self.pool)

    @property
    def training(self) -> Stage:
        """The training, as a table's row of the same images has it."""
        place = self.variant, self.request.target, self.pool or "", self.request.seed
        sample = None if self.pool is None else self.planner.sample(*place)
        return self.planner.training(*place, sample)


def pretrained(request: PretrainingRequest, machine: Machine) -> PretrainedEncoder:
    """Train what the store does not have, and export it. A failed stage is a UserError with its last line."""
    job = read(prepare(request, machine, say))
    stages, store = ordered([job.training]), Store(request.store)
    execute(Work(stages, request.store, job.data, job.planner.names.local), machine)
    for stage in stages:
        if not store.has(stage) and (crash := store.crash(stage.key)) is not None:
            raise UserError(crash.reason)
    text = export(job.training.key, request.out, request.store)
    steps = evaluation_steps(request.target, request.out, request.profile, request.store, machine)
    return PretrainedEncoder(request.out, job.training.key, text, tuple(steps))


def prepare(request: PretrainingRequest, machine: Machine, tell: Callable[[str], None] = unheard) -> Job:
    """Resolve and check all names; UserError before anything is written. What is quick to see comes first: `tell` hears
    what lies in the folders before a library is loaded that takes seconds."""
    check_new(request.out)
    pool, variant = _selected(request)
    profile, protocol = find_profile(request.profile), find_protocol("clean")
    setup = profile.setup(request.method, request.backbone, request.engine, request.precision)
    data = Data(NamedFolders(), False, request.store)
    names = Names(simcore_of(profile, protocol), request.store)
    variant = names.named(variant)
    for line in _checked_folders([data.find(*split) for split in _splits(request, pool)]):
        tell(line)
    initial = _initial(request, names, setup.recipe.backbone)
    planner = Planner(profile, protocol, TwoFolders(data), request.steps, setup, known=names, initial=initial)
    job = Job(request, data, planner, variant, pool)
    check_machine(machine)
    stages = ordered([job.training])
    check_stages(stages)
    check_weights(stages, Store(request.store))
    check_exportable(setup.recipe.backbone)
    return job


def _splits(request: PretrainingRequest, pool: str | None) -> list[SplitName]:
    opensets: list[SplitName] = [] if pool is None else [("opensets", pool, "train")]
    return [("targets", request.target, "train"), *opensets]


def _checked_folders(folders: Sequence[Items]) -> list[str]:
    """What lies in the folders, a line each. UserError for those that cannot be trained on."""
    for items in folders:
        check_split(items)
        check_enough(items, pretrained=True)
    if len(folders) > 1:
        check_apart(folders[0], folders[1])
    return [folder_line(items) for items in folders]


def _initial(request: PretrainingRequest, names: Names, network: Backbone) -> Stage | None:
    """What the training starts from, None for random weights. UserError for weights of another network."""
    if request.initial_weights is None:
        return None
    # Imported here: it brings torch.
    from benchmark.training.foreign_weights import check_fits

    stage = names.initial_encoder(request.initial_weights).stage
    check_fits(stage.spec.backbone, network)  # type: ignore[attr-defined]
    return stage


def _selected(request: PretrainingRequest) -> tuple[str | None, Variant]:
    """The pool, and what is trained on."""
    selection = request.selection
    if selection is None:
        if request.pool is not None:
            raise UserError(f"--pool {request.pool} without --selection: give the list of picks too")
        return None, VARIANTS["X"]
    sampler = listed_sampler(selection)
    pool = request.pool or pool_of(selection)
    if pool is None:
        raise UserError(f"{selection} does not say which pool its picks are from: give --pool")
    return pool, coreset_variant(sampler, STOP)


def read(job: Job) -> Job:
    """The job with its images read. UserError for a pick that the pool does not have."""
    with shown() as progress:
        job.data.read(job.splits, progress)
    if job.request.selection is not None and job.pool is not None:
        manifest = job.data.manifest("opensets", job.pool, "train")
        assert manifest is not None
        read_ids(job.request.selection).bind(manifest.ids)
    # What was planned before holds placeholders of the images.
    return replace(job, planner=replace(job.planner))
