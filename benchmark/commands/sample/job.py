"""A request of `sample` with its names resolved and its folders looked at, and the stages that answer it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from benchmark.commands.sample.folders import check_apart, check_enough, check_split, folder_line, shared_images
from benchmark.commands.sample.output import check_link, check_places
from benchmark.commands.sample.request import Request
from benchmark.errors import UserError
from benchmark.execution.display import shown
from benchmark.execution.run import Machine, check_machine, check_stages
from benchmark.execution.store import Store
from benchmark.images.data import Data
from benchmark.images.items import Folder, Items
from benchmark.images.sources import NamedFolders
from benchmark.methods import title_of
from benchmark.planning.encoders import Encoder, with_random_weights
from benchmark.planning.names import Names, coreset_variant, find_protocol
from benchmark.planning.planner import CellParts, Planner, check_budget, simcore_of
from benchmark.planning.profiles import Profile, find_profile
from benchmark.planning.recipes import ResolvedRecipe
from benchmark.planning.two_folders import TwoFolders
from benchmark.progress import unheard
from benchmark.sampling.coresets import geometry, random_beside, whole
from benchmark.sampling.samplers import NamedSampler
from benchmark.specs.cells import ordered
from benchmark.specs.datasets import Role
from benchmark.specs.recipes import Steps
from benchmark.specs.stages import Images, Stage
from benchmark.specs.variants import PRETRAINED, UNTRAINED, Variant
from benchmark.specs.wording import counted
from benchmark.stages.decode import decode_stage
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import Pretraining

QUALITY = "geometry"
"""The evaluation that says how good an encoder is without labels."""


@dataclass(frozen=True)
class CoresetStages:
    """What answers a request: the picks; what is measured of them, of as many random ones and of the whole pool; and
    what is measured of the encoder and of its network with random weights (None where it has these). `decoded` is what
    a core that is free does while the encoder is trained."""

    picks: Stage
    coreset: Stage
    random: Stage
    pool: Stage
    encoder: Stage
    random_weights: Stage | None
    decoded: tuple[Stage, ...]

    def ends(self) -> Iterator[Stage]:
        """The stages that no other uses."""
        ends = (self.coreset, self.random, self.pool, self.encoder, self.random_weights)
        yield from (stage for stage in ends if stage is not None)
        yield from self.decoded


@dataclass(frozen=True)
class Job:
    """A request with all its names resolved. Nothing is written by making one."""

    request: Request
    data: Data
    planner: Planner
    variant: Variant

    def images(self, role: Role) -> Images:
        """The images of the target's folder or of the pool's."""
        return self.planner.catalogue.images(role, self.request.folders[role], "train")

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder whose features the sampler sees."""
        return self.planner.sampler_encoder(self.variant, self.request.target, self.request.seed)

    @cached_property
    def stages(self) -> CoresetStages:
        """The stages of the coreset and of all that the card says."""
        place = self.variant, self.request.target, self.request.pool, self.request.seed
        picks, pool = self.planner.sample(*place), self.planner.pool(*place)
        random = None
        if not (isinstance(self.encoder.stage.spec, FrozenEncoder) and self.encoder.stage.spec.origin == "random"):
            random = self._quality(with_random_weights(self.encoder, self.request.seed))
        return CoresetStages(
            picks=picks,
            coreset=geometry(picks, pool),
            random=geometry(random_beside(picks, pool), pool),
            pool=geometry(whole(pool), pool),
            encoder=self._quality(self.encoder),
            random_weights=None if self.variant.encoder == UNTRAINED else random,
            decoded=self._decoded(),
        )

    def _decoded(self) -> tuple[Stage, ...]:
        """Of the target only what it is compared by: a training decodes it first of all."""
        stored = self.encoder.embedding.stored
        squares = stored if isinstance(stored, int) else None
        return decode_stage(self.images("opensets"), squares), decode_stage(self.images("targets"))

    def _quality(self, encoder: Encoder) -> Stage:
        return self.planner.evaluate(encoder.stage, self.request.target, self.request.seed, QUALITY, encoder)

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """Every stage once, inputs before their users."""
        return ordered(self.stages.ends())

    @property
    def encoder_text(self) -> str:
        """The encoder in words: which one was named, or how one was pretrained."""
        spec = self.encoder.stage.spec
        if self.variant.encoder not in (PRETRAINED, UNTRAINED) or not isinstance(spec, Pretraining):
            return self.encoder.description
        recipe = spec.recipe
        if self.variant.encoder == UNTRAINED:
            return f"the untrained network {recipe.backbone.full_name}"
        steps = f" for {counted(recipe.length.steps, 'step')}" if isinstance(recipe.length, Steps) else ""
        return f"pretrained on the target by {title_of(recipe.method)} on {recipe.backbone.full_name}{steps}"


def encoder_setup(request: Request, profile: Profile) -> tuple[ResolvedRecipe, int | None]:
    """How the encoder of a sample is trained, and for how many steps (None: the profile's). With `--steps` it is that
    of the profile's tables."""
    if request.steps is not None or profile.quick is None:
        return profile.setup(precision=request.precision), request.steps
    return profile.quick_setup(request.precision), profile.quick.steps


def prepare(request: Request, machine: Machine, tell: Callable[[str], None] = unheard) -> Job:
    """Resolve and check all names, and list the images; UserError before anything is written.

    What is quick to see comes first. Networks and devices need libraries that take seconds to load, so they come last:
    before them `tell` hears what lies in the two folders.
    """
    data = Data(NamedFolders(), False, request.store)
    target, pool = (data.find(*split) for split in request.splits)
    check_places(request.out, request.exports)
    check_link(pool, request.exports)
    profile = find_profile(request.profile)
    setup, steps = encoder_setup(request, profile)
    protocol = find_protocol("clean")
    names = Names(simcore_of(profile, protocol), request.store)
    variant = coreset_variant(request.sampler, request.budget, request.encoder or PRETRAINED)
    _check_sampler(names.sampler(request.sampler), variant)
    check_apart(target, pool)
    if request.without_leaks:
        # Absent test images are told before anything is read.
        data.find("targets", request.target, "test")
    tables = [items for items in (target, pool) if not isinstance(items, Folder)]
    for items in (target, pool):
        if items not in tables:
            _check_folder(items, variant)
            tell(folder_line(items))
    variant = names.named(variant)
    # The authors' encoders are of registered targets: a folder has none.
    names.encoder(variant.encoder, None, setup, request.seed)
    check_machine(machine)
    for items in tables:
        # Loading a table takes long, and may need the network.
        _check_folder(items, variant)
        tell(folder_line(items))
    cell_parts = CellParts(train=False, coreset_metrics=True)
    planner = Planner(profile, protocol, TwoFolders(data), steps, setup, cell_parts, names)
    job = Job(request, data, planner, variant)
    check_stages(job.all_stages)
    return job


def read(job: Job) -> Job:
    """The job with its images read."""
    with shown() as progress:
        job.data.read(job.request.splits, progress)
    # What was planned before holds placeholders of the images.
    job = replace(job, planner=replace(job.planner))
    check_budget(job.variant.budget, job.images("opensets"))
    return job


def _check_sampler(sampler: NamedSampler, variant: Variant) -> None:
    if variant.budget is None and not sampler.stops:
        raise UserError(f'sampler {sampler.name} has no stopping rule: give --budget, an int or a share such as "5%"')


def check_weights(stages: Iterable[Stage], store: Store) -> None:
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
