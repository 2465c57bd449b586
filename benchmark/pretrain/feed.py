"""Augmented crops for every step, on the device that trains: from square caches, or from files by worker processes.

A step's crops are those of view 1 followed by those of view 2, and every crop has its own random numbers by its place
in that row; a rank of several devices makes only its stretch of it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from benchmark.images.augment import augment, augment_crops, crop_image, uniforms
from benchmark.pretrain.images import FileImages, SquareImages, TrainingImages
from benchmark.specs import Augmentation

VIEWS = 2
Stretch = Callable[[int], slice]
"""From the number of a step's crops to the ones that this rank makes."""


@dataclass(frozen=True)
class Request:
    """The crops one step needs: `rows` int64 [m], the image of each; `numbers` float64 [m, VARIATES]."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.float64]


@dataclass(frozen=True)
class Feed:
    """`images` by the order `rows(step)`, augmented by numbers that depend on `key` and the step alone."""

    images: TrainingImages
    augmentation: Augmentation
    rows: Callable[[int], NDArray[np.int64]]
    key: tuple[int, ...]
    stretch: Stretch
    device: torch.device
    workers: int = 0
    views: int = VIEWS

    def request(self, step: int) -> Request:
        """What this rank has to make for step `step`."""
        rows = np.tile(self.rows(step), self.views)
        mine = self.stretch(len(rows))
        return Request(rows[mine], uniforms((*self.key, step), len(rows))[mine])

    def crops(self, start: int, stop: int) -> Iterator[torch.Tensor]:
        """Normalised float32 crops [m, 3, S, S] of steps start .. stop - 1."""
        images = self.images
        if isinstance(images, SquareImages):
            return _one_ahead(lambda step: self._from_squares(images, step), range(start, stop))
        return self._from_files(images, range(start, stop))

    def _from_squares(self, images: SquareImages, step: int) -> torch.Tensor:
        request = self.request(step)
        squares = torch.from_numpy(images.take(request.rows)).to(self.device)
        return augment(squares, request.numbers, self.augmentation)

    def _from_files(self, images: FileImages, steps: range) -> Iterator[torch.Tensor]:
        loader = DataLoader(
            _Crops(images, self.augmentation),
            batch_sampler=(_items(self.request(step)) for step in steps),  # type: ignore[arg-type]
            collate_fn=torch.cat,
            num_workers=self.workers,
        )
        for step, made in zip(steps, loader, strict=True):
            request = self.request(step)
            crops = torch.empty_like(made)
            crops[torch.from_numpy(_by_image(request.rows))] = made
            yield augment_crops(crops.to(self.device, non_blocking=True), request.numbers, self.augmentation)


def _one_ahead(make: Callable[[int], torch.Tensor], steps: range) -> Iterator[torch.Tensor]:
    """`make` of every step, in a thread of its own, the next one while the last one is being used."""
    with ThreadPoolExecutor(1) as thread:
        made: deque[Future[torch.Tensor]] = deque()
        for step in steps:
            made.append(thread.submit(make, step))
            if len(made) > 1:
                yield made.popleft().result()
        while made:
            yield made.popleft().result()


Item = tuple[int, NDArray[np.float64]]
"""An image and the random numbers [k, VARIATES] of the k crops wanted of it: a file is decoded once for both views."""


def _by_image(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.argsort(rows, kind="stable")


def _items(request: Request) -> list[Item]:
    images, starts = np.unique(np.sort(request.rows), return_index=True)
    numbers = np.split(request.numbers[_by_image(request.rows)], starts[1:])
    return list(zip(images.tolist(), numbers, strict=True))


class _Crops(Dataset[torch.Tensor]):
    def __init__(self, images: FileImages, augmentation: Augmentation) -> None:
        self._images, self._augmentation = images, augmentation

    def __getitem__(self, item: Item) -> torch.Tensor:  # type: ignore[override]
        row, numbers = item
        image = self._images.open(row)
        return torch.from_numpy(np.stack([crop_image(image, u, self._augmentation) for u in numbers]))
