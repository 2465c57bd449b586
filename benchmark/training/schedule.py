"""The length of a run, the images of each step and its learning rate, as functions of the step's number."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.specs.recipes import CodedEpochs, Cosine, Recipe, Steps, epochs_of
from benchmark.training.augment import stream

# What a stream of random numbers is for; part of its key beside the seed and the epoch or step.
ORDER, AUGMENT, LAYERS = range(3)


@dataclass(frozen=True)
class StepPlan:
    """The steps of one run over `images` images in batches of `batch`.

    `chained`: batches are cut from an endless chain of permutations and are always full; otherwise every epoch ends
    with a batch of what is left, or leaves it out (`drop_last`).
    """

    images: int
    batch: int
    steps: int
    chained: bool
    seed: int
    drop_last: bool = False

    @property
    def per_epoch(self) -> int:
        return self.images // self.batch if self.drop_last else math.ceil(self.images / self.batch)

    @property
    def _used(self) -> int:
        """The number of images of a permutation that an epoch uses."""
        return self.per_epoch * self.batch if self.drop_last else self.images

    @property
    def epochs(self) -> int:
        """Epochs begun by the end of the run."""
        return math.ceil(self.steps * self.batch / self.images) if self.chained else self.steps // self.per_epoch

    @property
    def batches(self) -> set[int]:
        """The numbers of images that a step may have."""
        return {len(self.rows(step)) for step in (0, self.per_epoch - 1)}

    def epoch(self, step: int) -> int:
        """The epoch in which step `step` (from 0) begins, counted from 1 as the released code does."""
        return 1 + (step * self.batch // self.images if self.chained else step // self.per_epoch)

    def rows(self, step: int) -> NDArray[np.int64]:
        """The images of step `step`, int64 [n], n = `batch` except for the last of an unchained epoch."""
        if not self.chained:
            start = step % self.per_epoch * self.batch
            return self._permutation(step // self.per_epoch)[start : start + self.batch]
        first, last = step * self.batch, (step + 1) * self.batch
        epochs = range(first // self.images, (last - 1) // self.images + 1)
        chain = np.concatenate([self._permutation(epoch) for epoch in epochs])
        offset = first - epochs.start * self.images
        return chain[offset : offset + self.batch]

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        return _permutation(self.seed, epoch, self.images)

    def seen(self, steps: int) -> int:
        """Images (pairs of crops) that the first `steps` steps look at."""
        whole, rest = divmod(steps, self.per_epoch)
        return steps * self.batch if self.chained else whole * self._used + min(rest * self.batch, self._used)

    def exposures(self, steps: int) -> NDArray[np.int64]:
        """How often each image is looked at in the first `steps` steps, int64 [images]."""
        whole, rest = divmod(self.seen(steps), self._used)
        counts = np.full(self.images, whole, dtype=np.int64)
        if self._used < self.images:
            for epoch in range(whole):
                counts[self._permutation(epoch)[self._used :]] -= 1
        counts[self._permutation(whole)[:rest]] += 1
        return counts


def leaves_one(images: int, batch: int) -> bool:
    """Whether the last batch of an unchained epoch has a single image."""
    return batch > 1 and images % batch == 1


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    return stream(seed, ORDER, epoch).permutation(images)


def course(recipe: Recipe, images: int, seed: int, coreset: int | None = None) -> StepPlan:
    """The course of `recipe` over `images` images, ordered by `seed`. A batch is never larger than the data: it is all
    of them then.

    Raises UserError when there are no images, and for the coded rule without a coreset.
    """
    if not images:
        raise UserError("there are no images to train on")
    if isinstance(recipe.length, CodedEpochs) and not coreset:
        raise UserError("the coded number of epochs depends on the size of the coreset, and there is none")
    batch = min(recipe.batch, images)
    if isinstance(recipe.length, Steps):
        return StepPlan(images, batch, recipe.length.steps, True, seed)
    whole = StepPlan(images, batch, 0, False, seed, recipe.drop_last)
    return replace(whole, steps=epochs_of(recipe.length, coreset or 0) * whole.per_epoch)


def learning_rate(schedule: Cosine, peak: float, course: StepPlan, step: int) -> float:
    """The learning rate of step `step` (from 0).

    Per epoch and per iteration it is the released `util/misc.py` adjust_lr_wd: the cosine at epoch / epochs, epochs
    counted from 1, so that the last epoch runs at the floor, unless the schedule counts them from 0. Per step it is
    CosineAnnealingLR's over the steps after the warm-up. One of `warmup_steps` multiplies the value by (step + 1) /
    warmup_steps; one of a share of the steps is the released warmup_learning_rate, a line to the cosine's value at that
    share.
    """
    warm = round(schedule.warmup_share * course.steps) or schedule.warmup_steps
    if step < warm and schedule.warmup_share:
        end = _cosine(schedule, peak, 0.0 if schedule.per == "step" else schedule.warmup_share)
        start = peak * schedule.warmup_from
        return start + (end - start) * step / warm
    rate = _cosine(schedule, peak, _done(schedule, course, step, warm))
    return rate * min(1.0, (step + 1) / warm) if warm else rate


def _done(schedule: Cosine, course: StepPlan, step: int, warm: int) -> float:
    """The share of the cosine that lies behind step `step`."""
    if schedule.per == "epoch":
        return (course.epoch(step) - 1 + schedule.counted_from) / course.epochs
    if schedule.per == "iteration":
        return (step / course.per_epoch + schedule.counted_from) / course.epochs
    return max(0, step - warm) / max(1, course.steps - warm)


def _cosine(schedule: Cosine, peak: float, done: float) -> float:
    low = peak * schedule.floor
    return low + (peak - low) * (1 + math.cos(math.pi * done)) / 2
