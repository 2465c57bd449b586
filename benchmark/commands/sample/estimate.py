"""How long a sample takes on CPU cores, before it starts: part by part, with the rates that this rests on."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from baselines.core.selection import parse_budget
from benchmark.commands.sample.job import Job
from benchmark.execution.run import Machine
from benchmark.execution.store import Store
from benchmark.images.items import Folder
from benchmark.planning.costs import EMBEDS_PER_PAIR, longest_chain
from benchmark.sampling.coresets import WHOLE
from benchmark.specs.datasets import Role
from benchmark.specs.recipes import Embedding, Steps
from benchmark.specs.stages import Images, Stage
from benchmark.stages.decode import Decoding
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.pretrain import Pretraining
from benchmark.system import cores
from benchmark.training.backbone_names import features_of

IMAGE_SECONDS, BYTES_PER_SECOND = 3e-4, 2.5e7
"""Of JPEG files on one core. Every image is read to be identified, to be compared, and to be decoded for good."""
OPERATIONS_PER_SECOND = 3e10
"""Of products of float32 matrices on one core."""
STARTING = 6.0
"""Seconds until workers have loaded their libraries."""

SHORT = 5
"""Seconds below which a part is not worth a number."""
WORK = {"pretrain": "training", "embed": "features", "measure": "measures of coresets", "evaluate": "the encoder"}
"""What the long kinds of stages do."""


@dataclass(frozen=True)
class Part:
    """A stage with its `seconds` on one core, and whether the store holds it. `work` is what it does, in a word."""

    title: str
    seconds: float
    done: bool
    work: str


@dataclass(frozen=True)
class Estimate:
    """What is to be done: `reading` of the images in seconds over all cores, stages, and what is left of them as the
    machine's cores share it (`working`): stages that the store holds cost nothing."""

    reading: float
    working: float
    parts: tuple[Part, ...]
    rate: str

    @property
    def seconds(self) -> float:
        """All that is left."""
        return self.reading + self.working + (STARTING if self.working else 0)

    @property
    def text(self) -> str:
        """One line."""
        left = [part for part in self.parts if not part.done]
        if not left:
            return "estimate: all stages are in the store"
        sums = {work: sum(part.seconds for part in left if part.work == work) for work in WORK.values()}
        listed = ", ".join(f"{work} {spoken(seconds)}" for work, seconds in sums.items() if seconds >= SHORT)
        return f"estimate: {_about(self.seconds)} on CPU cores ({f'{listed}; ' if listed else ''}{self.rate})"

    def render(self) -> str:
        """A line for every stage, then the total."""
        from tabulate import tabulate

        lines = [("read the images", _about(self.reading), "")]
        lines += [(part.title, _about(part.seconds), "in the store" if part.done else "to do") for part in self.parts]
        table = tabulate(lines, ("what", "time", "state"), disable_numparse=True, maxcolwidths=(50, None, None))
        return f"{table}\n\n{self.text}"


def spoken(seconds: float) -> str:
    """ "under 5 s", "40 s", "2 min 40 s", "3 h 5 min"."""
    if seconds < SHORT:
        return f"under {SHORT} s"
    if seconds < 60:
        return f"{round(seconds, -1) or 10:.0f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds, -1), 60)
        return f"{minutes:.0f} min" + (f" {rest:.0f} s" if rest else "")
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours:.0f} h {rest:.0f} min"


def _about(seconds: float) -> str:
    return spoken(seconds) if seconds < SHORT else f"about {spoken(seconds)}"


def estimate(job: Job, machine: Machine) -> Estimate:
    """The estimate of a job as it is planned. A network that this suite has no rate of is timed on a few images."""
    store, rate = Store(job.request.store), 1 / _seconds_per_image(job)
    parts = tuple(
        Part(one.title, _seconds(job, one, rate), store.has(one), WORK.get(one.kind.name, "")) for one in job.all_stages
    )
    reading = sum(_reading(job, role) for role in job.request.folders) / cores()
    left = {
        stage.key: part.seconds / (cores() if stage.kind.name == "embed" else 1)
        for stage, part in zip(job.all_stages, parts, strict=True)
        if not part.done
    }
    working = max(longest_chain(job.all_stages, left), sum(left.values()) / (machine.jobs or cores()))
    return Estimate(reading, working, parts, f"{rate:,.0f} images a second without training")


def _reading(job: Job, role: Role) -> float:
    """Seconds on one core to read the images of a folder; nothing if that was done before."""
    known = job.data.manifest(role, job.request.folders[role], "train")
    return 0.0 if known is not None else _pass_over(job, role)


def _pass_over(job: Job, role: Role) -> float:
    """Seconds on one core to read and decode every image of a folder once."""
    items = job.data.find(role, job.request.folders[role])
    size = sum(int(stamp.split()[0]) for stamp in items.stamps) if isinstance(items, Folder) else 0
    return len(items.ids) * IMAGE_SECONDS + size / BYTES_PER_SECOND


def _seconds_per_image(job: Job) -> float:
    """Of a pass of the encoder's network without gradient, on one core."""
    spec = job.encoder.stage.spec
    if not isinstance(spec, FrozenEncoder) or job.encoder.recipe is not None:
        return 1 / (job.planner.profile.pairs_per_second * EMBEDS_PER_PAIR)
    return _timed(spec, job.encoder.embedding)


def _timed(spec: FrozenEncoder, embedding: Embedding, images: int = 4) -> float:
    # Imported here: it brings torch.
    import torch

    from benchmark.training.backbones import build
    from benchmark.training.features import forward
    from benchmark.training.numerics import fixed

    with fixed(embedding.threads), torch.random.fork_rng(devices=[]):
        network, block = build(spec.backbone).eval(), torch.zeros(images, 3, embedding.crop, embedding.crop)
        forward(network, block, embedding)
        started = time.perf_counter()
        forward(network, block, embedding)
    return (time.perf_counter() - started) / images


def _seconds(job: Job, stage: Stage, rate: float) -> float:
    counts = {name: value.count or 0 for name, value in stage.inputs if isinstance(value, Images)}
    if isinstance(stage.spec, Pretraining) and isinstance(stage.spec.recipe.length, Steps):
        recipe = stage.spec.recipe
        pairs, scale = stage.spec.recipe.length.steps * recipe.batch, job.planner.profile.scale
        # The profile's rate is that of its own crops.
        pixels = (recipe.augmentation.size / scale.size) ** 2 if scale else 1.0
        return pairs * pixels / job.planner.profile.pairs_per_second
    if stage.kind.name == "measure":
        return _measuring(job, stage)
    if isinstance(stage.spec, Decoding):
        passes = 1 + (stage.spec.stored is not None)
        return sum(passes * _pass_over(job, images.role) for images in stage.images())
    passes = {"embed": 1, "evaluate": 2}.get(stage.kind.name, 0)
    return 1 + passes * sum(counts.values()) / rate


def _measuring(job: Job, stage: Stage) -> float:
    """Pairs of target and picks, of picks, and of target images."""
    target, pool = (job.images(role).count or 0 for role in ("targets", "opensets"))  # type: ignore[arg-type]
    picks = stage.input("coreset")
    budget = picks.spec.budget if isinstance(picks, Stage) else None  # type: ignore[attr-defined]
    size = min(WHOLE, pool) if budget is None else parse_budget(budget, pool) or 0
    spec = job.encoder.stage.spec
    assert isinstance(spec, Pretraining | FrozenEncoder)
    width = features_of(spec.recipe.backbone if isinstance(spec, Pretraining) else spec.backbone)
    return 1 + 2 * width * sum(_pairs(target, size)) / OPERATIONS_PER_SECOND


def _pairs(target: int, picks: int) -> Iterator[int]:
    yield from (target**2, 2 * target * picks, picks**2)
