"""The released linear probe (`train_sup.py`): augmented training images, lr 10, step decay, best test epoch.

Its backbone is not really frozen: `model.train()` is called while features are taken without gradients, so that
BatchNorm normalises by batch statistics and moves its running ones to the target, and the test uses those. All of it
happens on a copy of the encoder. `adapt_batchnorm=False` keeps the copy in eval mode instead.
"""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmark.evaluations._features import check_finite
from benchmark.evaluations._label_fractions import TooFewLabels
from benchmark.evaluations._predictions import ProbeResult
from benchmark.evaluations._released_reading import decayed
from benchmark.evaluations.linear_released import ReleasedProbe
from benchmark.progress import Progress, silent
from benchmark.statistics import accuracy
from benchmark.training.augment import stream
from benchmark.training.backbones import Groups, feature_dimension, group_batchnorm, groups_of, has_batchnorm
from benchmark.training.features import evaluation_blocks, forward
from benchmark.training.image_views import TrainingImages
from benchmark.training.loader import Feed
from benchmark.training.numerics import autocast, fixed
from benchmark.training.optimisers import linear_group, optimiser
from benchmark.training.schedule import AUGMENT, LAYERS, StepPlan, leaves_one

Labels = NDArray[np.int64]


def released_probe(
    encoder: nn.Module,
    train: TrainingImages,
    train_labels: Labels,
    test: TrainingImages,
    test_labels: Labels,
    spec: ReleasedProbe,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    workers: int = 2,
) -> ProbeResult:
    """Probe `encoder`, which is left as it was, with labels 0 .. classes - 1.

    The result is that of the best test epoch or of the last, by `spec.epoch_choice`. `info` holds both accuracies (in
    percent), best minus last, both predictions (`predicted_best`, `predicted_last`) and the test accuracy of every
    epoch. Epochs are counted from 1; of equally good epochs the first is the best, as in the released code. Raises
    NotFinite for features that are not finite, TooFewLabels for one image where BatchNorm needs two.
    """
    with fixed(spec.embedding.threads), torch.random.fork_rng():
        probe = _Probe(encoder, train, train_labels, spec, torch.device(device), workers)
        epochs: list[NDArray[np.int32]] = []
        for epoch in range(1, spec.epochs + 1):
            probe.train_epoch(epoch)
            epochs.append(probe.predict(test))
            progress("epochs", epoch, spec.epochs)
    return _result(epochs, test_labels.astype(np.int32), spec)


def _result(epochs: list[NDArray[np.int32]], labels: NDArray[np.int32], spec: ReleasedProbe) -> ProbeResult:
    curve = [accuracy(predicted, labels, spec.metric) for predicted in epochs]
    best = int(np.argmax(curve))
    chosen = best if spec.epoch_choice == "best_test" else len(curve) - 1
    info = {
        "best": curve[best],
        "best_epoch": best + 1,
        "last": curve[-1],
        "best_minus_last": curve[best] - curve[-1],
        "test_curve": curve,
        "predicted_best": epochs[best].tolist(),
        "predicted_last": epochs[-1].tolist(),
    }
    return ProbeResult(epochs[chosen], labels, curve[chosen], info)


def _all(crops: int) -> slice:
    return slice(0, crops)


def _head(features: int, classes: int, spec: ReleasedProbe) -> nn.Module:
    """The linear layer, for MAE behind a BatchNorm without parameters (train_sup.py)."""
    layer = nn.Linear(features, classes)
    if not spec.standardise:
        return layer
    nn.init.trunc_normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.BatchNorm1d(features, affine=False, eps=1e-6), layer)


def _course(images: int, spec: ReleasedProbe, normalises: bool) -> StepPlan:
    """The batches. One image has no statistics that tell it from others: a last batch of one is left out where
    BatchNorm `normalises` by the batch. TooFewLabels where there is no other image."""
    if normalises and images == 1:
        raise TooFewLabels("the released probe normalises by batches and needs two training images: there is one")
    return StepPlan(images, spec.batch, 0, False, spec.seed, drop_last=normalises and leaves_one(images, spec.batch))


class _Probe:
    def __init__(
        self,
        encoder: nn.Module,
        images: TrainingImages,
        labels: Labels,
        spec: ReleasedProbe,
        device: torch.device,
        workers: int,
    ) -> None:
        self.spec, self.device, self.workers = spec, device, workers
        self.encoder = copy.deepcopy(encoder).to(device).train(spec.adapt_batchnorm)
        group_batchnorm(self.encoder, Groups(groups_of(spec.batch, spec.batchnorm_group)))
        self.labels = torch.from_numpy(labels.astype(np.int64)).to(device)
        torch.manual_seed(int(stream(spec.seed, LAYERS).integers(2**63)))
        self.classifier = _head(feature_dimension(self.encoder), int(labels.max()) + 1, spec).to(device)
        self.course = _course(len(images), spec, has_batchnorm(self.encoder) or has_batchnorm(self.classifier))
        augmentation = spec.augmentation.model_copy(update={"views": 1})
        self.feed = Feed(images, augmentation, self.course.rows, (spec.seed, AUGMENT), _all, device, workers)
        self.optimiser = optimiser(spec.optimiser, linear_group(self.classifier))
        self._frozen_test: list[torch.Tensor] = []

    def train_epoch(self, epoch: int) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = decayed(self.spec.optimiser.lr, self.spec.decay, self.spec.decay_epochs, epoch)
        self.encoder.train(self.spec.adapt_batchnorm)
        self.classifier.train()
        first = (epoch - 1) * self.course.per_epoch
        steps = range(first, first + self.course.per_epoch)
        for step, crops in zip(steps, self.feed.crops(steps.start, steps.stop), strict=True):
            with torch.no_grad(), autocast(self.device, self.spec.precision):
                features = self.encoder(crops.views.contiguous(memory_format=torch.channels_last)).float()
            check_finite(features.cpu().numpy(), "train", self.course.rows(step))
            labels = self.labels[torch.from_numpy(self.course.rows(step)).to(self.device)]
            loss = nn.functional.cross_entropy(self.classifier(features), labels)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()

    def predict(self, test: TrainingImages) -> NDArray[np.int32]:
        """The class of every test image by the encoder in eval mode as it is now, int32 [n_test]."""
        self.classifier.eval()
        with torch.no_grad():
            classes = [self.classifier(features).argmax(1) for features in self._test_features(test)]
        predicted: NDArray[np.int32] = torch.cat(classes).cpu().numpy().astype(np.int32)
        return predicted

    def _test_features(self, test: TrainingImages) -> Iterator[torch.Tensor]:
        """Features by block; computed once when nothing in the encoder moves."""
        if self._frozen_test:
            yield from self._frozen_test
            return
        self.encoder.eval()
        done = 0
        for block in evaluation_blocks(test, self.spec.embedding, self.device, self.workers):
            rows = forward(self.encoder, block, self.spec.embedding)
            check_finite(rows, "test", np.arange(done, done + len(rows)))
            done += len(rows)
            features = torch.from_numpy(rows).to(self.device)
            if not self.spec.adapt_batchnorm:
                self._frozen_test.append(features)
            yield features
