"""Images of the pool that look like images of the target: the same photograph, perhaps resized or compressed again."""

from dataclasses import dataclass

from benchmark.commands.sample.job import Job
from benchmark.commands.sample.request import Request
from benchmark.execution.display import shown
from benchmark.images.duplicates import Pair, pairs_between
from benchmark.images.looks import look_at_split
from benchmark.specs.wording import counted

SHOWN = 5
"""Pairs that are named."""


@dataclass(frozen=True)
class Likenesses:
    """`pairs` are (target image, pool image), byte for byte the same or nearly."""

    pairs: tuple[Pair, ...]

    @property
    def in_pool(self) -> frozenset[str]:
        """The ids of the pool's images that look like one of the target."""
        return frozenset(pair.second for pair in self.pairs)

    def notes(self, request: Request) -> list[str]:
        """A line on them; none where there are none."""
        if not self.pairs:
            return []
        named = "; ".join(pair_texts(self.pairs))
        count = counted(len(self.in_pool), "image")
        return [f"{count} of pool {request.pool} look like images of target {request.target}: {named}"]


def pair_texts(pairs: tuple[Pair, ...]) -> list[str]:
    """The first `SHOWN` pairs, pool image first, and how many more there are."""
    texts = [f"{pair.second} like {pair.first}" for pair in pairs[:SHOWN]]
    return [*texts, *([f"and {len(pairs) - SHOWN:,} more"] if len(pairs) > SHOWN else [])]


def likenesses(job: Job, jobs: int | None) -> Likenesses:
    """Compare all images of the two folders, in `jobs` processes; what was looked at is kept in the store."""
    target, pool = (job.data.find(*split) for split in job.request.splits)
    with shown() as progress:
        few, many = (look_at_split(items, job.request.store, progress, jobs) for items in (target, pool))
        return Likenesses(tuple(pairs_between(few, many, progress)))
