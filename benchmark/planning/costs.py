"""What a plan will cost: samples, exposures, device-hours, disk, each with the assumption that it rests on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from attrs import evolve

from baselines.core.selection import parse_budget
from benchmark.errors import UserError
from benchmark.evaluations.fine_tuning import FineTuning
from benchmark.planning.planned_table import PlannedTable
from benchmark.published.tables import Table, load_table, table_names
from benchmark.specs.cells import Cell
from benchmark.specs.recipes import Embedding, Length, Steps, epochs_of
from benchmark.specs.stages import Images, Stage
from benchmark.specs.wording import counted
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import Pretraining
from benchmark.stages.sample import SampleSpec
from benchmark.training.backbone_names import bytes_of, features_of

# A pass of the network without gradient costs about a third of a training pass, and one view instead of two.
EMBEDS_PER_PAIR = 6.0
FEATURE_BYTES = 4
UNSTATED_SHARE = 0.05
MAIN_TABLE = "table2"


@dataclass(frozen=True)
class Training:
    """How much one pretraining sees: images of X and of the pool (`origin` says where their number comes from if it is
    no fact yet), `samples` as image pairs, `exposures` as passes over X (None without X)."""

    target: int
    pool: int
    origin: str
    samples: int
    exposures: float | None


def training_length(length: Length, batch: int, target: int, pool: int) -> int:
    """Image pairs seen: batch x steps, or epochs x images. For the released rule `pool` is |coreset|."""
    if isinstance(length, Steps):
        return length.steps * batch
    return epochs_of(length, pool) * (target + pool)


class Costs:
    """Estimates for the cells of a session."""

    def __init__(self, session: PlannedTable) -> None:
        self.session, self.store = session, session.store

    def coreset_size(self, sample: Stage, target: str) -> tuple[int, str]:
        """Images of a coreset, and in a word where the number comes from: nothing where it is certain."""
        pool = _count(sample.input("openset"))
        if self.store.has(sample):
            return self.store.record(sample).metrics["size"], ""
        stopped = sample.input("size_of")
        if isinstance(stopped, Stage):
            return self.coreset_size(stopped, target)
        assert isinstance(sample.spec, SampleSpec)
        if sample.spec.budget is not None:
            return parse_budget(sample.spec.budget, pool) or 0, ""
        if self.session.profile.paper:
            for table, origin in self._tables_of(sample):
                if (share := table.stopped_share(target)) is not None:
                    return int(share / 100 * pool), origin
        return int(UNSTATED_SHARE * pool), " (a guess)"

    def _tables_of(self, sample: Stage) -> Iterator[tuple[Table, str]]:
        """The tables that may print how much of the pool was picked, this one first."""
        yield self.session.table, " (published)"
        main, pool = load_table(MAIN_TABLE), sample.input("openset")
        if isinstance(pool, Images) and pool.name == main.openset:
            yield main, f" ({main.source.place}'s)"

    def training(self, stage: Stage, target: str) -> Training:
        """What a `pretrain` stage sees."""
        spec = stage.spec
        assert isinstance(spec, Pretraining)
        own, pool = _count(stage.input("target")), _count(stage.input("openset"))
        sample, origin = stage.input("coreset"), ""
        if isinstance(sample, Stage):
            pool, origin = self.coreset_size(sample, target)
        samples = training_length(spec.recipe.length, spec.recipe.batch, own, pool)
        return Training(own, pool, origin, samples, samples / (own + pool) if own else None)

    def of_cell(self, cell: Cell) -> Training:
        """What the training of a cell sees; of a row that trains nothing the size of its coreset."""
        if cell.pretrain is not None:
            return self.training(cell.pretrain, cell.target)
        size, origin = (0, "") if cell.sample is None else self.coreset_size(cell.sample, cell.target)
        return Training(0, size, origin, 0, None)

    def hours(self, stage: Stage, training: Training | None) -> float:
        """Device-hours of one stage at the profile's assumed rate; probes and samplers count as nothing beside them. An
        image that is fine-tuned on counts as half a pair."""
        rate = self.session.profile.pairs_per_second * 3600
        if training is not None:
            return training.samples / rate
        if isinstance(stage.spec, FineTuning):
            return stage.spec.images_seen(_count(stage.input("train"))) / (2 * rate)
        if stage.kind.name == "embed":
            return _count(stage.input("images")) / (rate * EMBEDS_PER_PAIR)
        return 0.0

    def spending(self) -> dict[str, float]:
        """Device-hours of every stage of the plan, by key."""
        cells = self.session.cells.values()
        trained = {cell.pretrain.key: cell.target for cell in cells if cell.pretrain is not None}
        return {
            stage.key: self.hours(stage, self.training(stage, trained.get(stage.key, "")) if _trains(stage) else None)
            for stage in self.session.plan.stages
        }

    def disk(self, stage: Stage) -> float:
        """Bytes that a stage leaves in the store."""
        if isinstance(stage.spec, Pretraining):
            return bytes_of(stage.spec.recipe.backbone)
        encoder = stage.input("encoder")
        if isinstance(stage.spec, Embedding) and isinstance(encoder, Stage):
            spec = encoder.spec
            assert isinstance(spec, Pretraining | FrozenEncoder)
            width = features_of(spec.recipe.backbone if isinstance(spec, Pretraining) else spec.backbone)
            return float(_count(stage.input("images"))) * width * FEATURE_BYTES
        return 0.0


def longest_chain(stages: Iterable[Stage], spending: Mapping[str, float]) -> float:
    """The time of the longest chain of stages: no number of devices makes a run shorter. Inputs stand before users;
    `spending` has the time of a stage by its key, in any unit, and nothing of those that are done."""
    ends: dict[str, float] = {}
    for stage in stages:
        ends[stage.key] = spending.get(stage.key, 0.0) + max((ends[one.key] for one in stage.stages()), default=0.0)
    return max(ends.values(), default=0.0)


def _trains(stage: Stage) -> bool:
    return stage.kind.name == "pretrain"


def _shared(session: PlannedTable, spending: dict[str, float]) -> Iterator[str]:
    """For every other table that the same question could be put to: what of this plan is also in its."""
    for name in table_names():
        if name == session.table.id:
            continue
        try:
            stages = PlannedTable(evolve(session.query, table=name, rows=(), references=()), session.data).plan.stages
        except UserError:
            # Its rows, targets or data are not to be had here, or the engine asked for has not its method.
            continue
        both = {stage.key for stage in stages} & set(spending)
        if both:
            saved = sum(spending[key] for key in both)
            yield f"shared with {name}: {counted(len(both), 'stage')}, which then cost once: {_hours(saved)} saved"


def _count(images: Stage | Images | None) -> int:
    return (images.count or 0) if isinstance(images, Images) else 0


def _hours(hours: float) -> str:
    """Of devices: "about 52 device-seconds"."""
    return _duration(hours, "device-")


def _duration(hours: float, of: str = "") -> str:
    """Hours in the unit that has a number above one: "about 52 seconds", "about 31 minutes", "about 2.5 hours"."""
    for unit, size in (("second", 1 / 3600), ("minute", 1 / 60)):
        if hours < 59.5 * size:
            return f"about {counted(max(round(hours / size), hours > 0), of + unit)}"
    return _about(hours, f"{of}hours")


def _about(amount: float, unit: str) -> str:
    """ "about 18,700.0 device-hours"; an estimate that rounds to nothing is not called zero."""
    return f"less than 0.1 {unit}" if 0 < amount < 0.05 else f"about {amount:,.1f} {unit}"
