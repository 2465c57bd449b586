"""The stages of a comparison: every sampler at every budget, target and seed, and with training the full cells."""

from collections.abc import Iterator
from dataclasses import dataclass

from baselines import SAMPLERS
from benchmark.comparison.request import Request
from benchmark.errors import UserError
from benchmark.images.data import Data, SplitName, check_datasets
from benchmark.planning.encoders import Encoder, Surroundings, find_encoder
from benchmark.planning.names import find_protocol, find_variant
from benchmark.planning.planner import Planner, check_budget
from benchmark.planning.profiles import find_profile
from benchmark.sampling.coresets import Pool, coreset, geometry
from benchmark.sampling.samplers import NamedSampler, find_sampler, read_budget
from benchmark.specs.stages import Stage

ALL = "all"
SIMCORE = "simcore"


@dataclass(frozen=True)
class Trial:
    """One sampler at one budget, target and seed, or (`budget` None) a row without a coreset that is only trained."""

    sampler: str
    budget: str | None
    target: str
    seed: int
    sample: Stage | None = None
    measure: Stage | None = None
    purity: Stage | None = None
    evaluate: Stage | None = None

    def ends(self) -> Iterator[Stage]:
        """The stages that nothing of this trial builds on."""
        yield from (stage for stage in (self.measure, self.purity, self.evaluate) if stage is not None)


class Comparison:
    """A request with all its names resolved. Nothing is written by making one."""

    def __init__(self, request: Request) -> None:
        self.request = request
        profile = find_profile(request.profile)
        self.data = Data(request.data_root, standins=profile.standins, cache=request.store)
        setup = profile.setup(precision=request.precision)
        self.planner = Planner(profile, find_protocol("clean"), self.data, request.steps, setup)
        self.budgets = {text: read_budget(text) for text in dict.fromkeys(request.budgets)}
        self.targets, self.seeds = tuple(dict.fromkeys(request.targets)), tuple(dict.fromkeys(request.seeds))
        check_datasets(self.data, self.targets, {request.openset})
        self.frozen: Encoder | None = None if request.encoder is None else self._frozen(request.encoder)
        self.samplers = self._samplers()

    def _frozen(self, text: str) -> Encoder:
        target = self.targets[0] if len(self.targets) == 1 else None
        return find_encoder(text, Surroundings(self.request.store, target, self.planner.setup, self.seeds[0]))

    def _samplers(self) -> tuple[NamedSampler, ...]:
        """The samplers held against first, then the others; each name once."""
        named = [*self.request.against, *self.request.samplers]
        texts = [text for name in named for text in (SAMPLERS if name == ALL else [name])]
        found: dict[str, NamedSampler] = {}
        for sampler in (find_sampler(text, self.planner.simcore()) for text in texts):
            if found.setdefault(sampler.name, sampler).sampling != sampler.sampling:
                raise UserError(f"two samplers are called {sampler.name}: rename a file or a class")
        return tuple(found.values())

    @property
    def wanted(self) -> list[SplitName]:
        """The splits that the comparison reads: test splits only to train for."""
        splits = ("train", "test") if self.request.train else ("train",)
        wanted: list[SplitName] = [("targets", target, split) for target in self.targets for split in splits]  # type: ignore[misc]
        return [*wanted, ("opensets", self.request.openset, "train")]

    @property
    def local(self) -> dict[str, str]:
        """Where the local files that specs name by their SHA-256 are."""
        files = {} if self.frozen is None else dict(self.frozen.local)
        for sampler in self.samplers:
            files |= sampler.local
        return files

    def check_budgets(self) -> None:
        """UserError for a budget that the pool cannot meet, known once its images are."""
        for budget in self.budgets.values():
            check_budget(budget, self.data.images("opensets", self.request.openset, "train"))

    def trials(self) -> list[Trial]:
        """All trials: by target, then budget, sampler and seed, rows without a coreset first."""
        return [trial for target in self.targets for trial in self._of_target(target)]

    def _of_target(self, target: str) -> Iterator[Trial]:
        if self.request.train:
            for seed in self.seeds:
                yield from self._without_coreset(target, seed)
        for text in self.budgets:
            for sampler in self.samplers:
                for seed in self.seeds:
                    yield self._trial(sampler, text, target, seed)

    def _without_coreset(self, target: str, seed: int) -> Iterator[Trial]:
        """X alone, and the frozen encoder probed as it is."""
        cell = self.planner.cell(find_variant("X"), target, self.request.openset, seed)
        yield Trial("X alone", None, target, seed, evaluate=cell.evaluate)
        if self.frozen is not None and seed == self.seeds[0]:
            probe = self.planner.evaluate(self.frozen.stage, target, seed, self.frozen.embedding)
            yield Trial(f"frozen {self.frozen.label}", None, target, seed, evaluate=probe)

    def _trial(self, sampler: NamedSampler, text: str, target: str, seed: int) -> Trial:
        pool = self._pool(target, seed)
        label = f"{sampler.name} {text}, {target} from {self.request.openset}, seed {seed}"
        sample = coreset(sampler, self.budgets[text], seed, pool, label, self.planner.simcore())
        evaluate = self._trained(sample, target, seed) if self.request.train else None
        return Trial(
            sampler.name,
            text,
            target,
            seed,
            sample,
            geometry(sample, pool),
            self.planner.purity(sample, target, self.request.openset),
            evaluate,
        )

    def _pool(self, target: str, seed: int) -> Pool:
        encoder = self.planner.retrieval(target, seed) if self.frozen is None else self.frozen.stage
        embedding = None if self.frozen is None else self.frozen.embedding
        return self.planner.pool(target, self.request.openset, encoder, embedding)

    def _trained(self, sample: Stage, target: str, seed: int) -> Stage:
        length = self.planner.lengths(target).fixed
        label = f"X + {sample.label}"
        openset = self.request.openset
        trained = self.planner.pretrain(length, seed, label, target=target, openset=openset, sample=sample)
        return self.planner.evaluate(trained, target, seed)
