"""The training loop: one recipe, one set of images, two seeds in; an encoder and how it came about out."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from benchmark.images.augment import stream
from benchmark.pretrain import checkpoint, ranks
from benchmark.pretrain.backbones import build, group_batchnorm, groups_of
from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.feed import VIEWS, Feed
from benchmark.pretrain.images import TrainingImages
from benchmark.pretrain.numerics import autocast, fixed
from benchmark.pretrain.schedule import AUGMENT, LAYERS, Course, course, learning_rate
from benchmark.progress import Progress, silent
from benchmark.specs import SGD, Adam, AdamW, Backbone, Optimiser, Recipe, SeedAxes, digest

ENCODER = "encoder.safetensors"
_CURVE_POINTS = 200
_UNREAD_LOSSES = 32


class DivergedError(Exception):
    """The loss is no number any more; the message names the step, the last losses and the learning rate."""


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind. `encoder` is None when the run was stopped before its end.

    `curve`: [step, mean loss up to it since the last point]. `samples`: images looked at, each giving two crops.
    `exposures`: how often each image was, int64 [images]. `seconds` of training over all resumptions;
    `peak_device_memory` in bytes, 0 on a CPU.
    """

    encoder: Path | None
    steps: int
    epochs: int
    losses: list[float]
    curve: list[tuple[int, float]]
    samples: int
    exposures: NDArray[np.int64]
    seconds: float
    peak_device_memory: int
    engine: str


@dataclass(frozen=True)
class _Job:
    """All that a rank needs to do its part."""

    recipe: Recipe
    images: TrainingImages
    seeds: SeedAxes
    course: Course
    groups: int
    device: str
    folder: Path
    stop: int
    devices: int
    workers: int
    every: float
    progress: Progress

    @property
    def identity(self) -> str:
        return digest([self.recipe, self.seeds, self.course.images, self.course.steps])


def train(
    recipe: Recipe,
    images: TrainingImages,
    seeds: SeedAxes,
    *,
    device: str = "cpu",
    checkpoint_dir: Path,
    progress: Progress = silent,
    coreset_size: int | None = None,
    stop_after: int | None = None,
    devices: int = 1,
    workers: int = 2,
    checkpoint_every: float = 60.0,
) -> TrainResult:
    """Train `recipe` on `images` (X's rows first) and write `encoder.safetensors`, the backbone alone, to
    `checkpoint_dir`.

    A checkpoint of the same recipe, seeds and images in `checkpoint_dir` is gone on from, on one CPU bitwise as if
    never interrupted. `stop_after` ends this call at that step with a checkpoint and no encoder. `devices` above one
    starts as many ranks ("cuda" means cuda:0 ... there). `workers` processes decode `FileImages`.

    Raises UserError for what the recipe, engine or devices cannot do, DivergedError when the loss is no number.
    """
    checkpoint_dir.mkdir(parents=True, exist_ok=True)
    run = course(recipe, len(images), seeds.data, coreset_size)
    groups = groups_of(VIEWS * recipe.batch, recipe.batchnorm_group)
    ranks.check(devices, groups, {VIEWS * len(run.rows(step)) for step in (0, run.per_epoch - 1)})
    engine = find_engine(recipe.engine)
    stop = run.steps if stop_after is None else min(run.steps, stop_after)
    options = (device, checkpoint_dir, stop, devices, workers, checkpoint_every)
    job = _Job(recipe, images, seeds, run, groups, *options, progress)
    if devices == 1:
        state = _work(job, 0)
    else:
        backend = "nccl" if torch.device(device).type == "cuda" else "gloo"
        state = ranks.spread(devices, backend, partial(_work, job), partial(_work, replace(job, progress=silent)))
    return _result(job, state, engine.version())


def _work(job: _Job, rank: int) -> checkpoint.State:
    """Do the part of rank `rank`; rank 0 writes the files."""
    place = ranks.Ranks(rank, job.devices, job.groups)
    name = f"cuda:{rank}" if job.device == "cuda" and job.devices > 1 else job.device
    with fixed(job.recipe.threads), torch.random.fork_rng():
        trainer = _Trainer(job, place, torch.device(name))
        trainer.run()
        if rank == 0 and trainer.steps == job.course.steps:
            checkpoint.write(job.folder / ENCODER, trainer.learner.backbone.state_dict(), {})
    return trainer.state


class _Trainer:
    """One rank's model and optimiser, from its checkpoint on."""

    def __init__(self, job: _Job, place: ranks.Ranks, device: torch.device) -> None:
        self.job, self.place, self.device = job, place, device
        recipe = job.recipe
        learner = find_engine(recipe.engine).build(recipe, job.seeds.init)
        group_batchnorm(learner, max(1, job.groups // job.devices))
        self.learner = learner.to(device).to(memory_format=torch.channels_last).train()
        self.optimiser = optimiser(recipe.optimiser, self.learner.trainable())
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        found = checkpoint.load(job.folder, job.identity, self.learner, self.optimiser, self.scaler)
        self.losses = found.losses if found else []
        self._unread: list[torch.Tensor] = []
        self._spent, self._began = found.seconds if found else 0.0, time.monotonic()
        self.network = self._distributed() if job.devices > 1 else self.learner

    def _distributed(self) -> nn.Module:
        where = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(self.learner, device_ids=where)

    @property
    def steps(self) -> int:
        return len(self.losses) + len(self._unread)

    @property
    def state(self) -> checkpoint.State:
        return checkpoint.State(self.losses, self._spent + time.monotonic() - self._began)

    def run(self) -> None:
        """Train to the job's stop, with checkpoints on the way and at the end."""
        job, saved = self.job, time.monotonic()
        key = (job.seeds.data, AUGMENT)
        feed = Feed(
            job.images, job.recipe.augmentation, job.course.rows, key, self.place.stretch, self.device, job.workers
        )
        for crops in feed.crops(self.steps, job.stop):
            self._step(crops)
            if len(self._unread) == _UNREAD_LOSSES or self.device.type == "cpu":
                self._read_losses()
            if time.monotonic() - saved > job.every:
                self._save()
                saved = time.monotonic()
            job.progress("pretrain", self.steps, job.course.steps)
        self._save()

    def _step(self, crops: torch.Tensor) -> None:
        job, step = self.job, self.steps
        total = VIEWS * len(job.course.rows(step))
        # Layers with randomness of their own (stochastic depth) draw from the global generator.
        torch.manual_seed(int(stream(job.seeds.data, LAYERS, step, self.place.rank).integers(2**63)))
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = self._rate(step)
        with autocast(self.device, job.recipe.precision):
            projections = self.network(crops.contiguous(memory_format=torch.channels_last))
        first, second = self.place.gather(projections.float(), total).chunk(VIEWS)
        loss = self.learner.contrast(first, second)
        self.optimiser.zero_grad()
        # Gradients are averaged over ranks, and each holds its share of one loss.
        self.scaler.scale(loss * self.place.size).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._unread.append(loss.detach())

    def _rate(self, step: int) -> float:
        return learning_rate(self.job.recipe.schedule, self.job.recipe.optimiser.lr, self.job.course, step)

    def _read_losses(self) -> None:
        for loss in self._unread:
            if not math.isfinite(value := float(loss)):
                step = len(self.losses)
                last = ", ".join(f"{previous:.4f}" for previous in self.losses[-5:])
                raise DivergedError(
                    f"the loss is {value} at step {step}; before: {last or 'none'}; lr {self._rate(step):g}"
                )
            self.losses.append(value)
        self._unread.clear()

    def _save(self) -> None:
        self._read_losses()
        if self.place.rank == 0:
            checkpoint.save(self.job.folder, self.job.identity, self.learner, self.optimiser, self.scaler, self.state)


def optimiser(spec: Optimiser, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser `spec` over all of `parameters` alike: the released code decays biases and BatchNorm too."""
    match spec:
        case SGD():
            return torch.optim.SGD(
                parameters, spec.lr, spec.momentum, weight_decay=spec.weight_decay, nesterov=spec.nesterov, fused=True
            )
        case Adam():
            return torch.optim.Adam(parameters, spec.lr, spec.betas, weight_decay=spec.weight_decay, fused=True)
        case AdamW():
            return torch.optim.AdamW(parameters, spec.lr, spec.betas, weight_decay=spec.weight_decay, fused=True)


def load_encoder(spec: Backbone, path: Path) -> nn.Module:
    """The network `spec` with the weights of an `encoder.safetensors`, in eval mode on the CPU."""
    with torch.random.fork_rng(devices=[]):
        encoder = build(spec)
    encoder.load_state_dict(load_file(path))
    return encoder.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def _result(job: _Job, state: checkpoint.State, engine: str) -> TrainResult:
    steps = len(state.losses)
    on_gpu = torch.device(job.device).type == "cuda"
    return TrainResult(
        encoder=job.folder / ENCODER if steps == job.course.steps else None,
        steps=steps,
        epochs=job.course.epochs,
        losses=state.losses,
        curve=_curve(state.losses),
        samples=job.course.seen(steps),
        exposures=job.course.exposures(steps),
        seconds=state.seconds,
        peak_device_memory=torch.cuda.max_memory_allocated() if on_gpu else 0,
        engine=engine,
    )


def _curve(losses: list[float]) -> list[tuple[int, float]]:
    pieces = np.array_split(np.array(losses), min(len(losses), _CURVE_POINTS)) if losses else []
    ends = np.cumsum([len(piece) for piece in pieces])
    return [(int(end), float(piece.mean())) for end, piece in zip(ends, pieces, strict=True)]
