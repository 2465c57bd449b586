"""Features: the backbone's pooled output for every image, in eval mode, streamed to disk block by block."""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset

from baselines.core.threads import in_order
from benchmark.progress import Progress, silent
from benchmark.specs.recipes import Embedding
from benchmark.training.augment import evaluation_image, evaluation_squares, normalise
from benchmark.training.backbones import feature_dimension
from benchmark.training.image_views import FileImages, TrainingImages
from benchmark.training.numerics import autocast, fixed

BLOCK = 128
"""Images per forward pass: fixed, because kernels chosen by batch size may differ in their last digits."""
MOST_BLOCKS = 4
"""Blocks that are computed at a time on a CPU: each holds the activations of a forward pass."""


def embed(
    encoder: nn.Module,
    images: TrainingImages,
    spec: Embedding,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    path: Path | None = None,
    workers: int = 2,
) -> NDArray[np.float32]:
    """Features float32 [N, d] of all `images` in their order, not normalised; `encoder` is left in eval mode.

    With `path`, a .npy file is written there and its memory map returned: memory does not grow with N. `workers`
    processes decode `FileImages`. On a CPU as many threads, at most `MOST_BLOCKS`, each take whole blocks: the features
    are those of one thread.
    """
    with fixed(spec.threads):
        encoder = encoder.to(device).eval()
        shape = (len(images), feature_dimension(encoder))
        features = _empty(path, shape)
        done = 0
        blocks = evaluation_blocks(images, spec, torch.device(device), workers)
        threads = min(workers, MOST_BLOCKS) if torch.device(device).type == "cpu" else 1
        with closing(_forwarded(encoder, blocks, spec, threads)) as parts:
            for part in parts:
                features[done : done + len(part)] = part
                done += len(part)
                progress("images", done, len(images))
    if isinstance(features, np.memmap):
        features.flush()
    return features


def _forwarded(
    encoder: nn.Module, blocks: Iterator[torch.Tensor], spec: Embedding, threads: int
) -> Generator[NDArray[np.float32]]:
    """The features of every block, in order, `threads` blocks at a time."""

    def features_of(block: torch.Tensor) -> NDArray[np.float32]:
        # How many threads a kernel takes is a setting of the thread that calls it.
        torch.set_num_threads(spec.threads)
        return forward(encoder, block, spec)

    return in_order(features_of, blocks, threads, ahead=1)


def _empty(path: Path | None, shape: tuple[int, int]) -> NDArray[np.float32]:
    if path is None:
        return np.empty(shape, dtype=np.float32)
    features: NDArray[np.float32] = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    _take_room(path, features.nbytes)
    return features


def _take_room(path: Path, nbytes: int) -> None:
    """Give a file of holes all its blocks: a full disk is then an error here, and not a signal at some later write."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                    raise
        file.seek(size - nbytes)
        for done in range(0, nbytes, 2**20):
            file.write(bytes(min(2**20, nbytes - done)))


def forward(encoder: nn.Module, block: torch.Tensor, spec: Embedding) -> NDArray[np.float32]:
    """Features float32 [n, d] of normalised images [n, 3, crop, crop], without gradients, in the encoder's mode."""
    with torch.no_grad(), autocast(block.device, spec.precision):
        features = encoder(block.contiguous(memory_format=torch.channels_last))
    array: NDArray[np.float32] = features.float().cpu().numpy()
    return array


def evaluation_blocks(
    images: TrainingImages, spec: Embedding, device: torch.device, workers: int = 2
) -> Iterator[torch.Tensor]:
    """All images in order, resized, cropped and normalised: float32 [at most BLOCK, 3, crop, crop] on `device`."""
    if isinstance(images, FileImages):
        yield from _from_files(images, spec, device, workers)
        return
    for start in range(0, len(images), BLOCK):
        squares = images.take(np.arange(start, min(start + BLOCK, len(images))))
        yield evaluation_squares(torch.from_numpy(squares).to(device), spec.resize, spec.crop)


def _from_files(images: FileImages, spec: Embedding, device: torch.device, workers: int) -> Iterator[torch.Tensor]:
    for block in DataLoader(_Crops(images, spec), batch_size=BLOCK, num_workers=workers):
        planes = block.to(device, non_blocking=True).permute(0, 3, 1, 2)
        yield normalise(planes.to(torch.float32, memory_format=torch.contiguous_format).div_(255.0))


class _Crops(Dataset[torch.Tensor]):
    def __init__(self, images: FileImages, spec: Embedding) -> None:
        self._images, self._spec = images, spec

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> torch.Tensor:
        crop = evaluation_image(self._images.open(index), self._spec.resize, self._spec.crop)
        return torch.from_numpy(crop.copy())
