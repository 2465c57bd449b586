"""The card of a coreset: what was sampled, from what, how, and what came of it, in Markdown."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.commands.sample.advice import advice
from benchmark.commands.sample.job import Job
from benchmark.commands.sample.likenesses import Likenesses, pair_texts
from benchmark.commands.sample.request import Request
from benchmark.execution.record import Record
from benchmark.images.items import folder_of
from benchmark.images.sources import Source
from benchmark.sampling.coresets import WHOLE
from benchmark.specs.stages import Images
from benchmark.specs.wording import counted
from benchmark.stages.sample.text import picked_text, sampler_text


@dataclass(frozen=True)
class CardMeasure:
    """A measure of a coreset on the card. `close`: it says how close the coreset is to the target."""

    title: str
    larger_is_better: bool
    close: bool = True


METRICS = {
    "facility_location": CardMeasure("facility location: sum of the next line (equation 2)", True, close=False),
    "target_to_picks": CardMeasure("your images to the nearest pick, mean cosine", True),
    "picks_to_target": CardMeasure("picks to your nearest image, mean cosine", True),
    "coverage_radius": CardMeasure("coverage radius: your farthest image from its nearest pick", False),
    "density": CardMeasure("density (Naeem et al. 2020)", True, close=False),
    "coverage": CardMeasure("coverage (Naeem et al. 2020)", True),
    "mmd2": CardMeasure("squared MMD to your images, KID's kernel", False),
    "near_duplicates": CardMeasure("share of picks with a near-duplicate among the picks", False, close=False),
}
QUALITY = {
    "effective_rank": CardMeasure("effective rank (RankMe, Garrido et al. 2023)", True),
    "alignment": CardMeasure("alignment of two views (Wang and Isola 2020)", False),
    "uniformity": CardMeasure("uniformity (Wang and Isola 2020)", False),
}
FOLDERS = 10
"""Folders of the pool that are listed."""


@dataclass(frozen=True)
class CardFacts:
    """All that a card says: the question, `positions` int64 [m] of the picks in the pool's `source`, pairs that look
    alike, and the records of the job's stages by name (None: it was not measured)."""

    request: Request
    job: Job
    positions: NDArray[np.int64]
    source: Source
    alike: Likenesses
    records: Mapping[str, Record | None]

    @property
    def sampled(self) -> Record:
        """The record of the picks."""
        record = self.records["picks"]
        assert record is not None
        return record

    def metrics(self, name: str) -> Mapping[str, Any]:
        """What a stage measured; empty where it did not."""
        record = self.records[name]
        return {} if record is None else record.metrics


def card(facts: CardFacts) -> str:
    """The card's text, from the records of its stages."""
    sections = (_question(facts), _coreset(facts), _folders(facts), _encoder(facts), advice(facts.job))
    lines = [line for section in sections for line in (*section, "")]
    return "\n".join([*lines, f"Stage {facts.sampled.key[:12]}; {_versions(facts.sampled)}."]) + "\n"


def verdict(coreset: Mapping[str, Any], random: Mapping[str, Any]) -> str:
    """ "closer to your images than a random draw on 4 of 5 measures"; empty where nothing was measured."""
    compared = [(name, one) for name, one in METRICS.items() if one.close and name in coreset and name in random]
    if not compared:
        return ""
    better = sum((coreset[name] > random[name]) if one.larger_is_better else (coreset[name] < random[name])
                 for name, one in compared)  # fmt: skip
    return f"closer to your images than a random draw of as many on {better} of {len(compared)} measures"


def _question(facts: CardFacts) -> Iterator[str]:
    request, draw = facts.request, facts.sampled.identity["spec"]
    yield from ("# Coreset card", "")
    yield f"* target: {request.target}, {_images(facts.job.images('targets'))}"
    yield f"* pool: {request.pool}, {_images(facts.job.images('opensets'))}"
    yield f"* encoder: {facts.job.encoder_text}"
    budget = draw["budget"] or "stopping rule"
    yield f"* sampler: {sampler_text(draw['sampling'])}, budget {budget}, seed {draw['seed']}"
    yield f"* picked: {picked_text(facts.sampled.metrics)}"
    if facts.request.without_leaks:
        yield "* without the pool's images that look like test images of the target"
    if facts.alike.pairs:
        picked = sum(facts.source.manifest.ids[place] in facts.alike.in_pool for place in facts.positions)
        count = counted(len(facts.alike.in_pool), "image")
        yield f"* {count} of the pool look like your own, {picked:,} of them are picks: " + "; ".join(
            pair_texts(facts.alike.pairs)
        )
    else:
        yield "* no image of the pool looks like one of yours"


def _images(images: Images) -> str:
    return f"{counted(images.count or 0, 'image')}, manifest {images.key[:12]}"


# The coreset beside others -------------------------------------------------------------------------------------------
def _coreset(facts: CardFacts) -> Iterator[str]:
    columns = [facts.metrics(name) for name in ("coreset", "random", "pool")]
    if not any(name in columns[0] for name in METRICS):
        yield "Nothing is measured of a target or a coreset of a single image."
        return
    pool = facts.job.images("opensets").count or 0
    whole = "whole pool" if pool <= WHOLE else f"{WHOLE:,} of the pool"
    yield from ("## The coreset", "", f"**It is {verdict(columns[0], columns[1])}.**", "")
    yield from _table(METRICS, ("coreset", "random, as many", whole), columns)
    yield from ("", "↑ larger is better, ↓ smaller is better; features are those of the encoder.")


def _table(
    measures: Mapping[str, CardMeasure], heads: Sequence[str], columns: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """A line for every measure that the first column has, a column for each of `columns`."""
    yield f"| measure | better | {' | '.join(heads)} |"
    yield f"| --- | :-: |{' ---: |' * len(heads)}"
    for name, measure in measures.items():
        if name in columns[0]:
            values = (f"{column[name]:,.4g}" if name in column else "-" for column in columns)
            yield f"| {measure.title} | {'↑' if measure.larger_is_better else '↓'} | {' | '.join(values)} |"


def _folders(facts: CardFacts) -> Iterator[str]:
    """Where the picks come from: by the pool's labels of sources, else by its outermost folders."""
    sources = facts.job.data.sources(facts.request.pool)
    origins = None if sources is None else facts.job.data.origins(sources)
    names = origins or [folder_of(item) for item in facts.source.manifest.ids]
    of_pool, of_picks = Counter(names), Counter(names[place] for place in facts.positions)
    if len(of_pool) < 2:
        return
    yield from ("## Where the picks come from", "", "| folder | coreset | pool |", "| --- | ---: | ---: |")
    shown = sorted(of_pool, key=lambda name: (-of_picks[name], -of_pool[name], name))[:FOLDERS]
    for name in shown:
        yield _shares(name or ".", of_picks[name], of_pool[name], facts)
    rest = len(of_pool) - len(shown)
    if rest:
        picks, pool = (sum(counts.values()) - sum(counts[name] for name in shown) for counts in (of_picks, of_pool))
        yield _shares(f"{rest:,} more", picks, pool, facts)


def _shares(name: str, picks: int, pool: int, facts: CardFacts) -> str:
    of_picks, of_pool = 100 * picks / len(facts.positions), 100 * pool / len(facts.source)
    return f"| {name} | {of_picks:.1f} % | {of_pool:.1f} % |"


# The encoder ---------------------------------------------------------------------------------------------------------
def _encoder(facts: CardFacts) -> Iterator[str]:
    columns = [facts.metrics(name) for name in ("encoder", "random_weights") if facts.records[name] is not None]
    yield from ("## The encoder", "")
    trained = facts.metrics("training")
    if "seconds" in trained and trained["steps"]:
        steps = counted(trained["steps"], "step")
        yield from (f"Pretrained for {steps} in {trained['seconds']:,.0f} s. `--steps` trains longer.", "")
    if not columns or "alignment" not in columns[0]:
        yield "How good it is without labels was not measured."
        return
    yield from _table(QUALITY, ("encoder", "random weights")[: len(columns)], columns)
    yield from ("", "Read the three together: a network that gives all images one feature is perfectly aligned.")


def _versions(record: Record) -> str:
    packages = record.environment["packages"]
    return ", ".join(f"{name} {packages[name]}" for name in ("python", "numpy", "torch") if name in packages)
