"""How long a run is, which images each step sees and at what learning rate: all functions of the step's number."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.images.augment import stream
from benchmark.lengths import epochs_of
from benchmark.specs import CodedEpochs, Cosine, Recipe, Steps

# What a stream of random numbers is for; part of its key beside the seed and the epoch or step.
ORDER, AUGMENT, LAYERS = range(3)


@dataclass(frozen=True)
class Course:
    """The steps of one run over `images` images in batches of `batch`.

    `chained`: batches are cut from an endless chain of permutations and are always full; otherwise every epoch ends
    with a batch of what is left.
    """

    images: int
    batch: int
    steps: int
    chained: bool
    seed: int

    @property
    def per_epoch(self) -> int:
        return math.ceil(self.images / self.batch)

    @property
    def epochs(self) -> int:
        """Epochs begun by the end of the run."""
        return math.ceil(self.steps * self.batch / self.images) if self.chained else self.steps // self.per_epoch

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
        return steps * self.batch if self.chained else whole * self.images + min(rest * self.batch, self.images)

    def exposures(self, steps: int) -> NDArray[np.int64]:
        """How often each image is looked at in the first `steps` steps, int64 [images]."""
        whole, rest = divmod(self.seen(steps), self.images)
        counts = np.full(self.images, whole, dtype=np.int64)
        counts[self._permutation(whole)[:rest]] += 1
        return counts


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    return stream(seed, ORDER, epoch).permutation(images)


def course(recipe: Recipe, images: int, seed: int, coreset: int | None = None) -> Course:
    """The course of `recipe` over `images` images, ordered by `seed`.

    Raises UserError when there are no images, and for the coded rule without a coreset.
    """
    if not images:
        raise UserError("there are no images to train on")
    if isinstance(recipe.length, CodedEpochs) and not coreset:
        raise UserError("the coded number of epochs depends on the size of the coreset, and there is none")
    if isinstance(recipe.length, Steps):
        return Course(images, recipe.batch, recipe.length.steps, True, seed)
    steps = epochs_of(recipe.length, coreset or 0) * math.ceil(images / recipe.batch)
    return Course(images, recipe.batch, steps, False, seed)


def learning_rate(schedule: Cosine, peak: float, course: Course, step: int) -> float:
    """The learning rate of step `step` (from 0).

    Per epoch it is the released `util/misc.py` adjust_lr_wd: the cosine at epoch / epochs, epochs counted from 1, so
    that the last epoch runs at the floor. Per step it is CosineAnnealingLR's over the steps after the warm-up. During
    the warm-up the value is multiplied by (step + 1) / warmup_steps.
    """
    if schedule.per == "epoch":
        done = course.epoch(step) / course.epochs
    else:
        done = max(0, step - schedule.warmup_steps) / max(1, course.steps - schedule.warmup_steps)
    low = peak * schedule.floor
    rate = low + (peak - low) * (1 + math.cos(math.pi * done)) / 2
    return rate * min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else rate
