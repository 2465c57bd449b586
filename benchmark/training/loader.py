"""Augmented crops for every step, on the device that trains: from square caches, or from files by worker processes.

A step's views are those of view 1 followed by those of view 2, and every crop has its own random numbers by its place
in that row; a rank of several devices makes only its stretch of it. Local crops are a second row of that kind.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmark.interrupts import leave_to_run
from benchmark.specs.recipes import Augmentation
from benchmark.training.augment import (
    EFFECT_VARIATES,
    Effects,
    augment,
    augment_crops,
    crop_image,
    effects,
    local_augmentation,
    uniforms,
)
from benchmark.training.image_views import FileImages, SquareImages, TrainingImages

Stretch = Callable[[int], slice]
"""From the number of a row's crops to the ones that this rank makes."""

# Streams of a step beside that of its views. Not 0: a key that ends in zeros is the same key without them.
_EFFECTS, _LOCAL = 1, 2


@dataclass(frozen=True)
class StepCrops:
    """What one step of one rank sees, normalised and in memory channels last: `views` float32 [m, 3, S, S], the first
    `first` of which are of view 1, and the `local` crops float32 [l, 3, s, s] (crop 1 of every image, crop 2 of every
    image, ...), None where the augmentation has none."""

    views: torch.Tensor
    first: int
    local: torch.Tensor | None = None


@dataclass(frozen=True)
class CropRequest:
    """The crops of one size that one step needs: `rows` int64 [m], the image of each; `numbers` float64 [m, VARIATES];
    the first `first` are the first crops of their images; `effects` None where the augmentation has none."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.float64]
    augmentation: Augmentation
    first: int
    effects: Effects | None


@dataclass(frozen=True)
class Feed:
    """`images` by the order `rows(step)`, augmented by numbers that depend on `key` and the step alone.

    `stretch` is applied twice: to a step's row of views and to its row of local crops.
    """

    images: TrainingImages
    augmentation: Augmentation
    rows: Callable[[int], NDArray[np.int64]]
    key: tuple[int, ...]
    stretch: Stretch
    device: torch.device
    workers: int = 0

    def requests(self, step: int) -> list[CropRequest]:
        """What this rank has to make for step `step`: the views, and the local crops where there are any."""
        rows, key = self.rows(step), (*self.key, step)
        of_step = [self._request(self.augmentation, np.tile(rows, (self.augmentation.views, 1)), key)]
        if (local := self.augmentation.local) is not None:
            spec = local_augmentation(self.augmentation, local)
            of_step.append(self._request(spec, np.tile(rows, (local.count, 1)), (*key, _LOCAL)))
        return of_step

    def _request(self, spec: Augmentation, rows: NDArray[np.int64], key: tuple[int, ...]) -> CropRequest:
        """This rank's part of `rows` [crops of each image, images]."""
        rank_slice = self.stretch(rows.size)
        view = np.indices(rows.shape)[0].ravel()
        after = None
        if any(spec.blur + spec.solarise):
            after = effects(uniforms((*key, _EFFECTS), rows.size, EFFECT_VARIATES)[rank_slice], view[rank_slice], spec)
        first = int(np.count_nonzero(view[rank_slice] == 0))
        return CropRequest(rows.ravel()[rank_slice], uniforms(key, rows.size)[rank_slice], spec, first, after)

    def crops(self, start: int, stop: int) -> Iterator[StepCrops]:
        """The crops of steps start .. stop - 1, on `device`. Errors of reading and decoding images pass through."""
        images = self.images
        if isinstance(images, SquareImages):
            return _one_ahead(lambda step: self._from_squares(images, step), range(start, stop))
        return self._from_files(images, range(start, stop))

    def _from_squares(self, images: SquareImages, step: int) -> StepCrops:
        requests = self.requests(step)
        rows = _images(requests)
        squares = torch.from_numpy(images.take(rows)).to(self.device)
        return _crops(requests, [_from_squares(request, squares, rows) for request in requests])

    def _from_files(self, images: FileImages, steps: range) -> Iterator[StepCrops]:
        loader = DataLoader(
            _Cuts(images),
            batch_sampler=(_items(self.requests(step)) for step in steps),  # type: ignore[arg-type]
            collate_fn=_joined,
            num_workers=self.workers,
            worker_init_fn=leave_to_run,
        )
        for step, made in zip(steps, loader, strict=True):
            requests = self.requests(step)
            yield _crops(requests, [_from_cuts(*pair, self.device) for pair in zip(requests, made, strict=True)])


def _from_squares(request: CropRequest, squares: torch.Tensor, rows: NDArray[np.int64]) -> torch.Tensor:
    """`squares` are those of images `rows`, which are sorted."""
    index = torch.from_numpy(np.searchsorted(rows, request.rows)).to(squares.device)
    return augment(squares.index_select(0, index), request.numbers, request.augmentation, request.effects)


def _from_cuts(request: CropRequest, made: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`made` uint8 [m, S, S, 3] holds the cuts image by image."""
    cuts = torch.empty_like(made)
    cuts[torch.from_numpy(_by_image(request.rows))] = made
    there = cuts.to(device, non_blocking=True)
    return augment_crops(there, request.numbers, request.augmentation, request.effects)


def _crops(requests: list[CropRequest], made: list[torch.Tensor]) -> StepCrops:
    views, *local = (crops.contiguous(memory_format=torch.channels_last) for crops in made)
    return StepCrops(views, requests[0].first, *local)


def _one_ahead(make: Callable[[int], StepCrops], steps: range) -> Iterator[StepCrops]:
    """`make` of every step, in a thread of its own, the next one while the last one is being used."""
    with ThreadPoolExecutor(1) as thread:
        made: deque[Future[StepCrops]] = deque()
        for step in steps:
            made.append(thread.submit(make, step))
            if len(made) > 1:
                yield made.popleft().result()
        while made:
            yield made.popleft().result()


Cut = tuple[Augmentation, NDArray[np.float64]]
"""The random numbers [k, VARIATES] of the k crops that are wanted of an image by one augmentation; k may be 0."""
Item = tuple[int, list[Cut]]
"""An image and what is wanted of it: a file is decoded once for all of its crops."""


def _images(requests: list[CropRequest]) -> NDArray[np.int64]:
    return np.unique(np.concatenate([request.rows for request in requests]))


def _by_image(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.argsort(rows, kind="stable")


def _items(requests: list[CropRequest]) -> list[Item]:
    images = _images(requests)
    cuts = zip(*(_cuts(request, images) for request in requests), strict=True)
    return [(image, list(cut_list)) for image, cut_list in zip(images.tolist(), cuts, strict=True)]


def _cuts(request: CropRequest, images: NDArray[np.int64]) -> list[Cut]:
    order = _by_image(request.rows)
    starts = np.searchsorted(request.rows[order], images)
    return [(request.augmentation, numbers) for numbers in np.split(request.numbers[order], starts[1:])]


class _Cuts(Dataset[list[torch.Tensor]]):
    def __init__(self, images: FileImages) -> None:
        self._images = images

    def __getitem__(self, item: Item) -> list[torch.Tensor]:  # type: ignore[override]
        row, cut_list = item
        image = self._images.open(row)
        return [_cut(image, *cut) for cut in cut_list]


def _cut(image: Image.Image, spec: Augmentation, numbers: NDArray[np.float64]) -> torch.Tensor:
    """uint8 [k, size, size, 3]."""
    cuts = np.empty((len(numbers), spec.size, spec.size, 3), dtype=np.uint8)
    for index, u in enumerate(numbers):
        cuts[index] = crop_image(image, u, spec)
    return torch.from_numpy(cuts)


def _joined(items: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    return [torch.cat(cuts) for cuts in zip(*items, strict=True)]
