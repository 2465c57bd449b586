"""End-to-end fine-tuning at several learning rates, and the choice among them by either reading."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.evaluations._logistic_regression import held_out
from benchmark.evaluations._predictions import ProbeResult
from benchmark.evaluations.fine_tuning import FineTuning
from benchmark.progress import Progress, silent
from benchmark.statistics import accuracy
from benchmark.training.augment import stream
from benchmark.training.backbones import Groups, feature_dimension, group_batchnorm, groups_of
from benchmark.training.features import evaluation_blocks, forward
from benchmark.training.image_views import TrainingImages
from benchmark.training.loader import Feed
from benchmark.training.numerics import autocast, fixed
from benchmark.training.optimisers import linear_group, optimiser
from benchmark.training.schedule import AUGMENT, LAYERS, StepPlan, leaves_one

Labels = NDArray[np.int64]
ImagesAt = Callable[[NDArray[np.int64]], TrainingImages]


class NotTrainable(ValueError):
    """Fine-tuning that cannot give a number, in one line."""


def fine_tuned(
    encoder: nn.Module,
    images: ImagesAt,
    labels: Labels,
    classes: int,
    test: TrainingImages,
    test_labels: Labels,
    spec: FineTuning,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    workers: int = 2,
) -> ProbeResult:
    """Fine-tune copies of `encoder` on the labelled images, `images(rows)` being those of the positions `rows` in
    `labels` [n], classes 0 .. classes - 1, some of which may have no image. `info` has `chosen_on`, the chosen `rate`,
    the accuracy curve of every rate, in percent, and how many `classes_without_labels` there are.

    Raises NotTrainable for a single labelled image, for a clean reading of labels of which no class has two or all but
    one choose the rate, and where the loss is not finite at any rate.
    """
    if len(labels) < 2:
        raise NotTrainable("fine-tuning needs two labelled images, and there is one")
    work = _Work(encoder, images, labels, classes, spec, torch.device(device), workers, progress)
    known = test_labels.astype(np.int32)
    with fixed(spec.embedding.threads), torch.random.fork_rng():
        choose = _released if spec.reading == "released" else _clean
        result = choose(work, test, known, spec)
    lost = classes - len(np.unique(labels))
    return replace(result, info={**result.info, "classes_without_labels": lost})


def _released(work: "_Work", test: TrainingImages, known: NDArray[np.int32], spec: FineTuning) -> ProbeResult:
    """Every rate on all images, the best epoch on test; of equals the first rate and epoch."""
    everything = np.arange(len(work.labels))
    best, curves = None, {}
    for rate in spec.rates:
        epochs = list(work.train(everything, rate, test))
        curves[rate] = [accuracy(predicted, known, spec.metric) for predicted in epochs]
        for epoch, (value, predicted) in enumerate(zip(curves[rate], epochs, strict=True), 1):
            if best is None or value > best[0]:
                best = value, rate, epoch, predicted
    if best is None:
        raise NotTrainable(f"the loss is not finite at any of the rates {_listed(spec.rates)}")
    value, rate, epoch, predicted = best
    info = {"chosen_on": "test", "rate": rate, "epoch": epoch, "test_curves": _by_rate(curves)}
    return ProbeResult(predicted, known, value, {**info, "last": curves[rate][-1]})


def _clean(work: "_Work", test: TrainingImages, known: NDArray[np.int32], spec: FineTuning) -> ProbeResult:
    """The rate that a validation part of the labelled images chooses by the last epoch (of equals the first), then one
    training on all of them."""
    held = held_out(work.labels, spec.validation)
    if not held.any():
        raise NotTrainable("no class has two labelled images: no learning rate can be chosen on a part of them")
    fitted, validation = np.flatnonzero(~held), np.flatnonzero(held)
    if len(fitted) < 2:
        raise NotTrainable("fine-tuning needs two labelled images beside those that choose the rate, and there is one")
    expected = work.labels[validation].astype(np.int32)
    curves = {}
    for rate in spec.rates:
        epochs = work.train(fitted, rate, work.images(validation))
        curves[rate] = [accuracy(predicted, expected, spec.metric) for predicted in epochs]
    # A rate at which the loss was not finite to the end is out.
    last = {rate: curve[-1] for rate, curve in curves.items() if len(curve) == spec.epochs}
    if not last:
        raise NotTrainable(f"the loss is not finite at any of the rates {_listed(spec.rates)}")
    rate = max(last, key=lambda one: last[one])
    final = list(work.train(np.arange(len(work.labels)), rate, test, every=spec.epochs))
    if not final:
        raise NotTrainable(f"the loss on all labelled images is not finite at the chosen rate {rate:g}")
    info = {"chosen_on": "validation", "rate": rate, "validation_curves": _by_rate(curves)}
    info["validation_images"] = len(validation)
    return ProbeResult(final[-1], known, accuracy(final[-1], known, spec.metric), info)


def _by_rate(curves: dict[float, list[float]]) -> list[list[object]]:
    return [[rate, curve] for rate, curve in curves.items()]


def _listed(rates: tuple[float, ...]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates)


class _Work:
    """Trainings of copies of one encoder on parts of the labelled images."""

    def __init__(
        self,
        encoder: nn.Module,
        images: ImagesAt,
        labels: Labels,
        classes: int,
        spec: FineTuning,
        device: torch.device,
        workers: int,
        progress: Progress,
    ) -> None:
        self.encoder, self.images, self.labels, self.classes, self.spec = encoder, images, labels, classes, spec
        self.device, self.workers, self.progress = device, workers, progress

    def train(
        self, rows: NDArray[np.int64], rate: float, watched: TrainingImages, every: int = 1
    ) -> Iterator[NDArray[np.int32]]:
        """Train on the images of `rows` at `rate`; after each `every` epochs the classes of `watched`, int32 [m]. Ends
        before its time where the loss is not finite."""
        model = _Model(self, rows, rate)
        for epoch in range(1, self.spec.epochs + 1):
            if not math.isfinite(model.train_epoch(epoch)):
                return
            self.progress(f"epochs at rate {rate:g}", epoch, self.spec.epochs)
            if epoch % every == 0:
                yield model.predict(watched)


class _Model:
    def __init__(self, work: _Work, rows: NDArray[np.int64], rate: float) -> None:
        spec = work.spec
        self.work, self.rate = work, rate
        self.encoder = copy.deepcopy(work.encoder).to(work.device)
        torch.manual_seed(int(stream(spec.seed, LAYERS).integers(2**63)))
        self.classifier = nn.Linear(feature_dimension(self.encoder), work.classes).to(work.device)
        group_batchnorm(self.encoder, Groups(groups_of(spec.batch, spec.batchnorm_group)))
        self.labels = torch.from_numpy(work.labels[rows]).to(work.device)
        batch = min(spec.batch, len(rows))
        # BatchNorm has no statistics of one image: a last batch of one is left out.
        self.course = StepPlan(len(rows), batch, 0, False, spec.seed, drop_last=leaves_one(len(rows), batch))
        images, key = work.images(rows), (spec.seed, AUGMENT)
        self.feed = Feed(images, spec.augmentation, self.course.rows, key, slice, work.device, work.workers)
        both = nn.ModuleList([self.encoder, self.classifier]).requires_grad_(True)
        self.optimiser = optimiser(spec.optimiser.model_copy(update={"lr": rate}), linear_group(both))

    def train_epoch(self, epoch: int) -> float:
        """One pass over the images; the loss of its last batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.work.spec.rate_at(self.rate, epoch)
        self.encoder.train()
        first, loss = (epoch - 1) * self.course.per_epoch, torch.tensor(math.nan)
        steps = range(first, first + self.course.per_epoch)
        for step, crops in zip(steps, self.feed.crops(steps.start, steps.stop), strict=True):
            with autocast(self.work.device, self.work.spec.precision):
                features = self.encoder(crops.views)
            labels = self.labels[torch.from_numpy(self.course.rows(step)).to(self.work.device)]
            loss = nn.functional.cross_entropy(self.classifier(features.float()), labels)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
        return float(loss.detach())

    def predict(self, images: TrainingImages) -> NDArray[np.int32]:
        """The class of every image in eval mode, int32 [m]."""
        self.encoder.eval()
        embedding, device = self.work.spec.embedding, self.work.device
        parts = []
        with torch.no_grad():
            for block in evaluation_blocks(images, embedding, device, self.work.workers):
                features = torch.from_numpy(forward(self.encoder, block, embedding)).to(device)
                parts.append(self.classifier(features).argmax(1).cpu())
        predicted: NDArray[np.int32] = torch.cat(parts).numpy().astype(np.int32)
        return predicted
