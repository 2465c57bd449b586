"""What a plan will cost: samples, exposures, device-hours, disk, each with the assumption that it rests on."""

from dataclasses import dataclass

from benchmark.plan import Cell, Pretraining
from benchmark.session import Session, TableRow
from benchmark.specs import CodedEpochs, Embedding, Epochs, Length, Steps
from benchmark.stages import Images, Stage

# A pass of the network without gradient costs about a third of a training pass, and one view instead of two.
EMBEDS_PER_PAIR = 6.0
FEATURE_BYTES = 4
ENCODER_BYTES = {"resnet50": 95e6, "resnet10t": 20e6, "test_resnet": 2e6}
FEATURES = {"resnet50": 2048, "resnet10t": 512, "test_resnet": 96}
UNSTATED_SHARE = 0.05


@dataclass(frozen=True)
class Training:
    """How much one pretraining sees. `samples` are image pairs; `exposures` are passes over X (None without X)."""

    target: int
    pool: int
    samples: int
    exposures: float | None


def training_length(length: Length, batch: int, target: int, pool: int) -> int:
    """Image pairs seen: batch x steps, or epochs x images. For the released rule `pool` is |coreset|."""
    if isinstance(length, Steps):
        return length.steps * batch
    return _epochs(length, pool) * (target + pool)


def _epochs(length: Epochs | CodedEpochs, coreset: int) -> int:
    return length.epochs if isinstance(length, Epochs) else length.of(coreset)


class Costs:
    """Estimates for the cells of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.store = session, session.store

    def coreset_size(self, sample: Stage, row: TableRow | None, target: str) -> tuple[int, str]:
        """Images of a coreset, and where the number comes from."""
        pool = _count(sample.input("openset"))
        if self.store.has(sample):
            return self.store.record(sample).metrics["size"], "sampled"
        budget = sample.spec.budget  # type: ignore[attr-defined]
        if isinstance(budget, str):
            return int(float(budget.rstrip("%")) / 100 * pool), "budget"
        shares = self.session.table.stopped_share(target) if row and row.published else None
        if shares is not None and self.session.profile.paper:
            return int(shares / 100 * pool), "published share"
        return int(UNSTATED_SHARE * pool), "assumed 5 %: the stopping rule has not run"

    def training(self, stage: Stage, row: TableRow | None, target: str) -> Training:
        """What a `pretrain` stage sees."""
        spec = stage.spec
        assert isinstance(spec, Pretraining)
        own, pool = _count(stage.input("target")), _count(stage.input("openset"))
        sample = stage.input("coreset")
        if isinstance(sample, Stage):
            pool, _ = self.coreset_size(sample, row, target)
        samples = training_length(spec.recipe.length, spec.recipe.batch, own, pool)
        return Training(own, pool, samples, samples / (own + pool) if own else None)

    def hours(self, stage: Stage, training: Training | None) -> float:
        """Device-hours of one stage at the profile's assumed rate; probes and samplers count as nothing beside them."""
        rate = self.session.profile.pairs_per_second * 3600
        if training is not None:
            return training.samples / rate
        if stage.kind == "embed":
            return _count(stage.input("images")) / (rate * EMBEDS_PER_PAIR)
        return 0.0

    def disk(self, stage: Stage) -> float:
        """Bytes that a stage leaves in the store."""
        name = self.session.profile.recipe.backbone.name
        if stage.kind == "pretrain":
            return ENCODER_BYTES[name]
        if isinstance(stage.spec, Embedding):
            return float(_count(stage.input("images"))) * FEATURES[name] * FEATURE_BYTES
        return 0.0


def _count(images: Stage | Images | None) -> int:
    return (images.count or 0) if isinstance(images, Images) else 0


def _row_of(session: Session, cell: Cell) -> TableRow:
    return next(row for row in session.rows if row.variant == cell.variant and row.openset == cell.openset)


def plan_text(session: Session) -> str:
    """The plan as text: a line per row and target, then the stages by kind and the totals."""
    from tabulate import tabulate

    costs = Costs(session)
    rows = [_cell_line(costs, _row_of(session, cell), cell) for cell in session.cells.values()]
    headers = ["row", "target", "seed", "length", "|X|", "|coreset|", "samples seen", "times each X", "state", "key"]
    return "\n".join([_header(session), "", tabulate(rows, headers, disable_numparse=True), "", *_totals(costs)])


def _header(session: Session) -> str:
    images = "rendered stand-in images" if session.profile.standins else "real images"
    return (
        f"table {session.table.id}, profile {session.profile.name} ({images}), protocol {session.protocol.name}, "
        f"seeds {', '.join(map(str, session.query.seeds))}"
    )


def _cell_line(costs: Costs, row: TableRow, cell: Cell) -> list[str]:
    spec = cell.pretrain.spec
    assert isinstance(spec, Pretraining)
    training = costs.training(cell.pretrain, row, cell.target)
    length = spec.recipe.length
    told = f"{length.steps} steps" if isinstance(length, Steps) else f"{_epochs(length, training.pool)} epochs"
    return [
        row.id,
        cell.target,
        str(cell.seed),
        told + (" (assumed)" if cell.assumed else ""),
        f"{training.target:,}",
        f"{training.pool:,}",
        f"{training.samples:,}",
        "-" if training.exposures is None else f"{training.exposures:,.1f}",
        "in the store" if costs.store.has(cell.evaluate) else "to do",
        cell.evaluate.key[:12] if cell.evaluate.resolved else "unresolved",
    ]


def _totals(costs: Costs) -> list[str]:
    session = costs.session
    trained = {cell.pretrain.key: (_row_of(session, cell), cell.target) for cell in session.cells.values()}
    hours = disk = left = 0.0
    counts: dict[str, list[int]] = {}
    for stage in session.plan.stages:
        row, target = trained.get(stage.key, (None, ""))
        training = costs.training(stage, row, target) if stage.kind == "pretrain" else None
        spent, done = costs.hours(stage, training), costs.store.has(stage)
        hours, left, disk = hours + spent, left + (0 if done else spent), disk + costs.disk(stage)
        count = counts.setdefault(stage.kind, [0, 0])
        count[0], count[1] = count[0] + 1, count[1] + done
    stages = ", ".join(f"{total} {kind} ({done} in the store)" for kind, (total, done) in counts.items())
    unresolved = sorted({i.label for stage in session.plan.stages for i in stage.images() if i.sha256 is None})
    profile = session.profile
    lines = [
        f"stages: {stages}; sharing saves {session.plan.shared} stage runs",
        f"cost: about {hours:,.1f} device-hours ({left:,.1f} left) at {profile.pairs_per_second:g} image pairs a "
        f"second ({profile.rate_source}); {EMBEDS_PER_PAIR:g} images embedded count as a pair, probes as nothing",
        f"disk: about {disk / 1e9:,.1f} GB of features (float32) and encoders",
    ]
    if unresolved:
        lines.append(f"unresolved (absent, or not read yet): {', '.join(unresolved)}")
    return lines
