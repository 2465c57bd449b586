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
from benchmark.interrupts import leave_to_run
from benchmark.specs.recipes import Recipe
from benchmark.training.backbones import groups_of

T = TypeVar("T")


@dataclass(frozen=True)
class DeviceSplit:
    """Rank `rank` of `size`, each with `groups` / `size` BatchNorm groups of a step."""

    rank: int
    size: int
    groups: int

    def rows(self, crops: int) -> int:
        """The rows of a group of a step of `crops` crops, as torch.chunk cuts them; the last group may have fewer."""
        return -(-crops // self.groups)

    def stretches(self, crops: int) -> list[slice]:
        """The crops of each rank: those of its groups."""
        step = self.rows(crops) * (self.groups // self.size)
        return [slice(min(crops, rank * step), min(crops, (rank + 1) * step)) for rank in range(self.size)]

    def stretch(self, crops: int) -> slice:
        return self.stretches(crops)[self.rank]

    def first_says(self, value: bool, device: torch.device) -> bool:
        """The `value` of rank 0, on every rank; all of them must ask at the same step."""
        if self.size == 1:
            return value
        said = torch.tensor(int(value), device=device)
        dist.broadcast(said, 0)
        return bool(said)

    def gather(self, own_rows: torch.Tensor) -> torch.Tensor:
        """The rows [all, ...] of all ranks in their order, of which only `own_rows` carry a gradient."""
        if self.size == 1:
            return own_rows
        length = torch.tensor(len(own_rows), device=own_rows.device)
        lengths = [torch.empty_like(length) for _ in range(self.size)]
        dist.all_gather(lengths, length)
        padded = own_rows.new_zeros((int(max(lengths)), *own_rows.shape[1:]))
        padded[: len(own_rows)] = own_rows.detach()
        received = [torch.empty_like(padded) for _ in lengths]
        dist.all_gather(received, padded)
        parts = [rows[: int(count)] for rows, count in zip(received, lengths, strict=True)]
        parts[self.rank] = own_rows
        return torch.cat(parts)


def usable(recipe: Recipe, devices: int, batches: set[int]) -> int:
    """How many of `devices` a training in batches of `batches` images can use without its numbers moving."""
    return max(count for count in range(1, devices + 1) if not _obstacle(recipe, count, batches))


def check(recipe: Recipe, devices: int, batches: set[int]) -> None:
    """Raise UserError unless a training in batches of `batches` images can be spread over `devices`."""
    if why := _obstacle(recipe, devices, batches):
        raise UserError(why)


def _obstacle(recipe: Recipe, devices: int, batches: set[int]) -> str:
    """Why so many devices would move the numbers of a training; nothing where they would not."""
    if devices == 1:
        return ""
    if recipe.method.one_device or recipe.augmentation.local is not None:
        local = "with local crops " if recipe.augmentation.local is not None else ""
        return f"method {recipe.method.kind} {local}trains on one device only, not on {devices}"
    if recipe.backbone.drop_path:
        return f"{recipe.backbone.name} drops paths at random for each rank: it trains on one device, not {devices}"
    views = recipe.augmentation.views
    groups = groups_of(views * recipe.batch, recipe.batchnorm_group)
    if groups % devices:
        return (
            f"{devices} devices cannot share {groups} BatchNorm group(s) evenly; use a number of devices that divides "
            f"it, or a recipe with a smaller batchnorm_group"
        )
    device_split = DeviceSplit(0, devices, groups)
    for crops in (views * batch for batch in batches):
        # Also a group of one row: it has no variance, and one device then normalises all of the step at once.
        empty = any(stretch.start == stretch.stop for stretch in device_split.stretches(crops))
        if empty or crops % device_split.rows(crops) == 1 or device_split.rows(crops) == 1:
            return f"a last batch of {crops} crops is too small for {devices} devices; use fewer"
    return ""


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

    `other` must pickle. The new processes import the main module of this one, if that is a file; a worker's is none,
    so no script of a caller runs again. An error of rank 0 ends the others; an error of another rank is raised here by
    the collective that misses it.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = str(Path(folder, "meeting"))
        spawn = multiprocessing.get_context("spawn")
        others = [
            spawn.Process(target=_join_from_outside, args=(rank, size, meeting, backend, other))
            for rank in range(1, size)
        ]
        for process in others:
            process.start()
        try:
            return _join(0, size, meeting, backend, first)
        finally:
            for process in others:
                process.join(timeout=30)
                process.kill()


def _join_from_outside(rank: int, size: int, meeting: str, backend: str, work: Callable[[int], T]) -> None:
    leave_to_run()
    _join(rank, size, meeting, backend, work)


def _join(rank: int, size: int, meeting: str, backend: str, work: Callable[[int], T]) -> T:
    with group(rank, size, meeting, backend):
        return work(rank)
