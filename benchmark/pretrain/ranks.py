"""Several devices for one run: crops are cut over ranks as over BatchNorm groups, outputs are gathered whole.

Every rank computes the loss of the whole step from all outputs and lets the gradient flow into its own; the sum
over ranks is then the gradient of the one-device step. So the number of devices moves no more than rounding.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing

from benchmark.errors import UserError
from benchmark.method_specs import one_device
from benchmark.pretrain.backbones import groups_of
from benchmark.recipe_specs import Recipe

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Rank `rank` of `size`, each with `groups` / `size` BatchNorm groups of a step."""

    rank: int
    size: int
    groups: int

    def stretches(self, crops: int) -> list[slice]:
        """The crops of each rank: those of its groups, the groups cut as torch.chunk cuts `crops`."""
        step = -(-crops // self.groups) * (self.groups // self.size)
        return [slice(min(crops, rank * step), min(crops, (rank + 1) * step)) for rank in range(self.size)]

    def stretch(self, crops: int) -> slice:
        return self.stretches(crops)[self.rank]

    def gather(self, mine: torch.Tensor) -> torch.Tensor:
        """The rows [all, ...] of all ranks in their order, of which only those of `mine` carry a gradient."""
        if self.size == 1:
            return mine
        length = torch.tensor(len(mine), device=mine.device)
        lengths = [torch.empty_like(length) for _ in range(self.size)]
        dist.all_gather(lengths, length)
        padded = mine.new_zeros((int(max(lengths)), *mine.shape[1:]))
        padded[: len(mine)] = mine.detach()
        received = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(received, padded)
        parts = [rows[: int(count)] for rows, count in zip(received, lengths, strict=True)]
        parts[self.rank] = mine
        return torch.cat(parts)


def usable(recipe: Recipe, devices: int) -> int:
    """How many of `devices` a training can use: they share its BatchNorm groups evenly, or their number would move its
    numbers."""
    if one_device(recipe.method):
        return 1
    groups = groups_of(recipe.augmentation.views * recipe.batch, recipe.batchnorm_group)
    return max(count for count in range(1, devices + 1) if groups % count == 0)


def check(devices: int, groups: int, sizes: set[int]) -> None:
    """Raise UserError unless steps of `sizes` crops in `groups` BatchNorm groups can be spread over `devices`."""
    if devices == 1:
        return
    if groups % devices:
        raise UserError(
            f"{devices} devices cannot share {groups} BatchNorm group(s) evenly; use a number of devices that divides "
            f"it, or a recipe with a smaller batchnorm_group"
        )
    for crops in sizes:
        if any(stretch.start == stretch.stop for stretch in Ranks(0, devices, groups).stretches(crops)):
            raise UserError(f"a last batch of {crops} crops is too small for {devices} devices; use fewer")


@contextmanager
def group(rank: int, size: int, meeting: str, backend: str) -> Iterator[None]:
    """Membership of the process group that meets at the file `meeting`."""
    dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def spread(size: int, backend: str, first: Callable[[int], T], other: Callable[[int], object]) -> T:
    """Call `first(0)` in this process and `other(rank)` in a new one for every further rank, all at once.

    `other` must pickle. An error of rank 0 ends the others; an error of another rank is raised here by the collective
    that misses it.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder, "meeting"))
        spawn = multiprocessing.get_context("spawn")
        others = [spawn.Process(target=_join, args=(rank, size, meeting, backend, other)) for rank in range(1, size)]
        for process in others:
            process.start()
        try:
            return _join(0, size, meeting, backend, first)
        finally:
            for process in others:
                process.join(timeout=30)
                process.kill()


def _join(rank: int, size: int, meeting: str, backend: str, work: Callable[[int], T]) -> T:
    with group(rank, size, meeting, backend):
        return work(rank)
