"""The training loop. It takes a recipe, images and two seeds. It gives an encoder and a record of the training."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.learner import Outputs, TrainingPosition, WithOnlineClassifier, start_from
from benchmark.progress import Progress, never, silent, unheard
from benchmark.specs.artefacts import CLASSIFIER, ENCODER
from benchmark.specs.base import digest
from benchmark.specs.recipes import Recipe, SeedAxes
from benchmark.training import checkpoint
from benchmark.training import distributed as ranks
from benchmark.training.augment import stream
from benchmark.training.backbones import Groups, group_batchnorm, groups_of
from benchmark.training.image_views import TrainingImages
from benchmark.training.loader import Feed, StepCrops
from benchmark.training.numerics import autocast, fixed
from benchmark.training.optimisers import optimiser
from benchmark.training.schedule import AUGMENT, LAYERS, StepPlan, course, learning_rate

_CURVE_POINTS = 200
_UNREAD_LOSSES = 32


Labels = NDArray[np.int64]


class DivergedError(Exception):
    """The loss or a weight is no number any more. The message names the step, the last losses and the learning rate.

    No checkpoint is written then, so the last one holds numbers.
    """


@dataclass(frozen=True)
class TrainResult:
    """What a run leaves behind. `encoder` is None when the run was stopped before its end.

    `curve`: [step, mean loss up to it since the last point]. `samples`: images looked at, each giving a crop per view.
    `exposures`: how often each image was, int64 [images]. `seconds` of training over all resumptions;
    `peak_device_memory` in bytes, 0 on a CPU. `statistics` are the method's own of the last step. `notes` are for
    whoever reads the result. `resumed` are the steps at which a checkpoint was gone on from.
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
    statistics: dict[str, float]
    notes: tuple[str, ...]
    resumed: tuple[int, ...]


@dataclass(frozen=True)
class Watch:
    """Receives the progress of a training and a line on where it goes on, and says when the training has to stop."""

    progress: Progress = silent
    say: Callable[[str], None] = unheard
    stopping: Callable[[], bool] = never


UNWATCHED = Watch()


@dataclass(frozen=True)
class _Job:
    """All that a rank needs to do its part."""

    recipe: Recipe
    images: TrainingImages
    seeds: SeedAxes
    course: StepPlan
    groups: int
    device: str
    folder: Path
    stop: int
    devices: int
    workers: int
    every: float
    labels: Labels | None
    initial: Path | None
    watch: Watch

    @property
    def identity(self) -> str:
        return digest([self.recipe, self.seeds, self.course.images, self.course.steps])

    @property
    def classes(self) -> int:
        return 0 if self.labels is None else int(self.labels.max()) + 1


def train(
    recipe: Recipe,
    images: TrainingImages,
    seeds: SeedAxes,
    *,
    device: str = "cpu",
    checkpoint_dir: Path,
    watch: Watch = UNWATCHED,
    coreset_size: int | None = None,
    stop_after: int | None = None,
    devices: int = 1,
    workers: int = 2,
    checkpoint_every: float = 60.0,
    labels: Labels | None = None,
    initial: Path | None = None,
) -> TrainResult:
    """Train `recipe` on `images` (X's rows first) and write `encoder.safetensors`, the backbone alone, to
    `checkpoint_dir`.

    A checkpoint of the same recipe, seeds and number of images in `checkpoint_dir` is gone on from, on one CPU bitwise
    as if never interrupted; that they are the same images is the caller's to see to (a stage's folder is its key's).
    The network starts from the weights of `initial`, an `encoder.safetensors`, where one is given.
    `stop_after` ends this call at that step with a checkpoint and no encoder, and so does `watch.stopping` at the next
    step (on a GPU of several at the next whose losses are read). `devices` above one starts as many ranks
    ("cuda" means cuda:0 ... there). `workers` processes decode `FileImages`. `labels`, int64 [n], one for each image
    and -1 where there is none, are for the recipe's online classifier alone, whose weights are then written to
    `classifier.safetensors`.

    Raises UserError for what the recipe, engine or devices cannot do, DivergedError when the loss is no number.
    """
    checkpoint_dir.mkdir(parents=True, exist_ok=True)
    run = course(recipe, len(images), seeds.data, coreset_size)
    views = recipe.augmentation.views
    groups = groups_of(views * recipe.batch, recipe.batchnorm_group)
    ranks.check(recipe, devices, run.batches)
    engine = find_engine(recipe.engine)
    stop = run.steps if stop_after is None else min(run.steps, stop_after)
    options = (device, checkpoint_dir, stop, devices, workers, checkpoint_every)
    job = _Job(recipe, images, seeds, run, groups, *options, labels if recipe.online else None, initial, watch)
    if devices == 1:
        state = _work(job, 0)
    else:
        backend = "nccl" if torch.device(device).type == "cuda" else "gloo"
        state = ranks.spread(devices, backend, partial(_work, job), partial(_work, replace(job, watch=UNWATCHED)))
    return _result(job, state, engine.version())


def _work(job: _Job, rank: int) -> checkpoint.State:
    """Do the part of rank `rank`; rank 0 writes the files."""
    split = ranks.DeviceSplit(rank, job.devices, job.groups)
    name = f"cuda:{rank}" if job.device == "cuda" and job.devices > 1 else job.device
    with fixed(job.recipe.threads), torch.random.fork_rng():
        if torch.device(name).type == "cuda":
            torch.cuda.reset_peak_memory_stats(name)
        trainer = _Trainer(job, split, torch.device(name))
        trainer.run()
        if rank == 0 and trainer.steps == job.course.steps:
            trainer.export()
    return trainer.state


class _Trainer:
    """One rank's model and optimiser, from its checkpoint on."""

    def __init__(self, job: _Job, split: ranks.DeviceSplit, device: torch.device) -> None:
        self.job, self.split, self.device = job, split, device
        recipe = job.recipe
        learner = find_engine(recipe.engine).build(recipe, job.seeds.init, job.classes)
        if job.initial is not None:
            start_from(learner, load_file(job.initial))
        groups = job.groups * learner.views_in_a_pass // (job.devices * recipe.augmentation.views)
        self.groups = Groups(max(1, groups))
        for module in learner.normalised_by_groups():
            group_batchnorm(module, self.groups)
        self.learner = learner.to(device).to(memory_format=torch.channels_last).train()
        self.optimiser = optimiser(recipe.optimiser, self.learner.groups())
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        saved = checkpoint.load(job.folder, job.identity, self.learner, self.optimiser, self.scaler)
        self.losses, self._saved_statistics = (saved.losses, saved.statistics) if saved else ([], {})
        self._resumed = (*saved.resumed, len(saved.losses)) if saved else ()
        self._unread: list[torch.Tensor] = []
        self._spent, self._began = saved.seconds if saved else 0.0, time.monotonic()
        self.network = self._distributed() if job.devices > 1 else self.learner

    def _distributed(self) -> nn.Module:
        where = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(self.learner, device_ids=where)

    @property
    def steps(self) -> int:
        return len(self.losses) + len(self._unread)

    @property
    def state(self) -> checkpoint.State:
        # A run that is gone on from its very end has none of its own.
        statistics = self.learner.statistics() or self._saved_statistics
        spent = self._spent + time.monotonic() - self._began
        return checkpoint.State(self.losses, spent, statistics, self._resumed)

    def run(self) -> None:
        """Train to the job's stop or until asked to stop, with checkpoints on the way and at the end."""
        job, saved = self.job, time.monotonic()
        if self._resumed and self.split.rank == 0:
            job.watch.say(f"goes on from step {self.steps} of {job.course.steps}")
        key = (job.seeds.data, AUGMENT)
        feed = Feed(
            job.images,
            job.recipe.augmentation,
            job.course.rows,
            key,
            self.split.stretch,
            self.device,
            job.workers,
        )
        for crops in feed.crops(self.steps, job.stop):
            self._step(crops)
            if read := len(self._unread) == _UNREAD_LOSSES or self.device.type == "cpu":
                self._read_losses()
            if time.monotonic() - saved > job.every:
                self._save()
                saved = time.monotonic()
            job.watch.progress("steps", self.steps, job.course.steps)
            # Ranks agree on it where they wait for each other anyway.
            if (read or self.split.size == 1) and self.split.first_says(job.watch.stopping(), self.device):
                break
        self._save()

    def _step(self, crops: StepCrops) -> None:
        job, moment = self.job, self.moment
        # Layers with randomness of their own (stochastic depth, masks) draw from the global generator.
        torch.manual_seed(int(stream(job.seeds.data, LAYERS, moment.step, self.split.rank).integers(2**63)))
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] if group["static"] else self._rate(group["peak"])
        self.learner.begin(moment)
        loss = self.learner.loss(self._outputs(crops), moment)
        self.optimiser.zero_grad()
        # Gradients are averaged over ranks, and each holds its share of one loss.
        self.scaler.scale(loss * self.split.size).backward()  # type: ignore[no-untyped-call]
        self.learner.before_update(moment)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.learner.after_update(moment)
        self._unread.append(loss.detach())

    def _outputs(self, crops: StepCrops) -> Outputs:
        """The outputs of the networks for this rank's crops, gathered over all ranks, in float32."""
        rows = self.job.course.rows(self.steps)
        if self.split.size > 1:
            self.groups.rows = self.split.rows(self.job.recipe.augmentation.views * len(rows))
        with autocast(self.device, self.job.recipe.precision):
            rank_outputs = self.network(crops.views, crops.first, crops.local)
        outputs = {name: self.split.gather(tensor.float()) for name, tensor in rank_outputs.items()}
        if self.job.labels is not None:
            outputs["labels"] = torch.from_numpy(self.job.labels[rows]).to(self.device)
        return outputs

    @property
    def moment(self) -> TrainingPosition:
        course = self.job.course
        return TrainingPosition(self.steps, course.steps, course.epoch(self.steps), course.epochs)

    def _rate(self, peak: float, step: int | None = None) -> float:
        return learning_rate(self.job.recipe.schedule, peak, self.job.course, self.steps if step is None else step)

    def export(self) -> None:
        """Write the encoder, and the online classifier where there is one."""
        checkpoint.write(self.job.folder / ENCODER, self.learner.encoder().state_dict(), {})
        if isinstance(self.learner, WithOnlineClassifier):
            checkpoint.write(self.job.folder / CLASSIFIER, self.learner.classifier.state_dict(), {})

    def _read_losses(self) -> None:
        for loss in self._unread:
            if not math.isfinite(value := float(loss)):
                raise self._diverged(f"the loss is {value}", len(self.losses))
            self.losses.append(value)
        self._unread.clear()

    def _check_weights(self) -> None:
        """Check the weights too: the loss belongs to the weights before a step's update and says nothing of those after
        it."""
        if not all(bool(parameter.isfinite().all()) for parameter in self.learner.parameters()):
            raise self._diverged("the weights are no numbers", len(self.losses) - 1)

    def _diverged(self, what: str, step: int) -> DivergedError:
        last = ", ".join(f"{previous:.4f}" for previous in self.losses[-5:])
        rate = self._rate(self.job.recipe.optimiser.lr, step)
        return DivergedError(f"{what} at step {step}; losses before: {last or 'none'}; lr {rate:g}")

    def _save(self) -> None:
        self._read_losses()
        self._check_weights()
        if self.split.rank == 0:
            checkpoint.save(self.job.folder, self.job.identity, self.learner, self.optimiser, self.scaler, self.state)


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
        peak_device_memory=torch.cuda.max_memory_allocated(job.device) if on_gpu else 0,
        engine=engine,
        statistics=state.statistics,
        notes=tuple(_notes(job)),
        resumed=state.resumed,
    )


def _notes(job: _Job) -> Iterator[str]:
    if job.course.batch < job.recipe.batch:
        yield f"a batch of {job.recipe.batch} is larger than the data: every batch was all of the images"


def _curve(losses: list[float]) -> list[tuple[int, float]]:
    pieces = np.array_split(np.array(losses), min(len(losses), _CURVE_POINTS)) if losses else []
    ends = np.cumsum([len(piece) for piece in pieces])
    return [(int(end), float(piece.mean())) for end, piece in zip(ends, pieces, strict=True)]
