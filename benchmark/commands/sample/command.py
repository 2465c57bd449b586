"""From two folders of images to a coreset: a table of one row, whose picks are written where the user says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.commands.sample.card import CardFacts, card
from benchmark.commands.sample.curve import curve_of
from benchmark.commands.sample.estimate import Estimate, estimate
from benchmark.commands.sample.job import Job, check_weights, notes, prepare, read
from benchmark.commands.sample.leaks import leak_line, search
from benchmark.commands.sample.likenesses import likenesses
from benchmark.commands.sample.next_steps import NextStep, next_steps
from benchmark.commands.sample.output import Coreset, write
from benchmark.commands.sample.request import Request
from benchmark.errors import UserError, one_of
from benchmark.execution.record import Record
from benchmark.execution.run import Machine, Work, execute
from benchmark.execution.store import Store
from benchmark.specs.artefacts import POSITIONS, SCORES
from benchmark.specs.folding import note, say
from benchmark.specs.stages import Stage

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class SampledCoreset:
    """A coreset. `ids` name m images of the pool, in pick order; `scores` float32 [m] are the sampler's, in that order.

    `card` says in Markdown what was sampled from what. `metrics` are the coreset's, as the card lists them (cosines and
    shares from 0 to 1), `random_metrics` those of a random draw of as many images. `written` are the files and folders
    that were written, `key` is the key of the sample's stage. `next_steps` are command lines that go on from here,
    where a list was written.
    """

    ids: tuple[str, ...]
    scores: NDArray[np.float32]
    card: str
    metrics: Mapping[str, Any]
    written: tuple[Path, ...]
    key: str
    next_steps: tuple[NextStep, ...] = ()
    random_metrics: Mapping[str, Any] | None = None

    def to_pandas(self) -> "pandas.DataFrame":
        """The picks as a data frame: rank from 1 (int64), id (string) and score (float32)."""
        # Imported here: it takes longer to import than the rest of the package.
        import pandas

        ranks = np.arange(1, len(self.ids) + 1, dtype=np.int64)
        ids = pandas.array(list(self.ids), dtype="string")
        return pandas.DataFrame({"rank": ranks, "id": ids, "score": self.scores})

    def render(self, format: str = "md") -> str:  # noqa: A002
        """The card. UnknownName for a format other than "md"."""
        one_of("format", format, ("md",))
        return self.card


def sample(request: Request, machine: Machine) -> SampledCoreset:
    """Sample, measure, write. A failed stage is a UserError with its last line."""
    job = prepare(request, machine, say)
    check_weights(job.all_stages, Store(request.store))
    say(estimate(job, machine).text)
    job = read(job)
    if request.without_leaks:
        before = job.images("opensets").count or 0
        job = search(job, machine.jobs)
        note(leak_line(before, job))
    for line in notes(job):
        note(line)
    execute(Work(job.all_stages, request.store, job.data, job.planner.names.local, in_turn=True), machine)
    store = Store(request.store)
    _check_finished(store, job)
    alike = likenesses(job, machine.jobs)
    for line in alike.notes(request):
        note(line)
    picks = job.stages.picks
    positions, scores = (np.load(store.file(picks, name)) for name in (POSITIONS, SCORES))
    source = job.data.verified_source(job.images("opensets"))
    facts = CardFacts(request, job, positions, source, alike, {key: _record(store, one) for key, one in _parts(job)})
    curve = curve_of(picks, store.record(picks))
    coreset = Coreset(source, positions, scores, card(facts), curve)
    written = write(coreset, job.data.verified_source(job.images("targets")), request.out, request.exports)
    steps = next_steps(request, machine, len(positions), len(source))
    measured, random = (store.record(one).metrics for one in (job.stages.coreset, job.stages.random))
    return SampledCoreset(tuple(coreset.ids), scores, coreset.card, measured, written, picks.key, steps, random)


def plan(request: Request, machine: Machine) -> tuple[list[str], Estimate]:
    """What lies in the two folders, and what a sample would do; no image is read and nothing is written."""
    lines: list[str] = []
    job = prepare(request, machine, lines.append)
    return lines, estimate(job, machine)


def _parts(job: Job) -> list[tuple[str, Stage | None]]:
    names = ("picks", "coreset", "random", "pool", "encoder", "random_weights")
    return [*((name, getattr(job.stages, name)) for name in names), ("training", job.encoder.stage)]


def _record(store: Store, stage: Stage | None) -> Record | None:
    return store.record(stage) if stage is not None and store.has(stage) else None


def _check_finished(store: Store, job: Job) -> None:
    """UserError where a stage failed. How good the encoder is may stay unknown: the coreset does not need it."""
    unneeded = {job.stages.encoder.key, job.stages.random_weights.key if job.stages.random_weights else ""}
    for stage in job.all_stages:
        crash = None if stage.key in unneeded or store.has(stage) else store.crash(stage.key)
        if crash is not None:
            raise UserError(crash.reason)
