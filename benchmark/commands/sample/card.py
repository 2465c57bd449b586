"""The card of a coreset: what was sampled, from what, how, and what came of it, in Markdown."""

from collections.abc import Mapping
from typing import Any

from benchmark.commands.sample.request import Request
from benchmark.execution.record import Record
from benchmark.specs.stages import Images
from benchmark.specs.wording import counted
from benchmark.stages.sample.text import picked_text, sampler_text

METRICS = {
    "facility_location": "facility location: sum over target images of the largest cosine to a pick (equation 2)",
    "target_to_picks": "the same as a mean",
    "picks_to_target": "mean over picks of the largest cosine to a target image",
    "coverage_radius": "coverage radius: largest cosine distance from a target image to its nearest pick",
    "density": "density (Naeem et al. 2020)",
    "coverage": "coverage (Naeem et al. 2020)",
    "mmd2": "squared MMD to the target, KID's kernel in the encoder's space",
    "near_duplicates": "share of picks with a near-duplicate among the picks",
}


def card(request: Request, encoder: str, sampled: Record, measured: Record, images: Mapping[str, Images]) -> str:
    """The card's text, from the records of its `sample` and `measure` stages."""
    draw, metrics = sampled.identity["spec"], sampled.metrics
    lines = [
        "# Coreset card",
        "",
        f"* target: {request.target}, {_images(images['target'])}, manifest {images['target'].key[:12]}",
        f"* pool: {request.pool}, {_images(images['pool'])}, manifest {images['pool'].key[:12]}",
        f"* encoder: {encoder}",
        f"* sampler: {sampler_text(draw['sampling'])}, budget {draw['budget'] or 'stopping rule'}, seed {draw['seed']}",
        f"* picked: {picked_text(metrics)}",
        "",
        *_table(measured.metrics),
        "",
        f"Stage {sampled.key[:12]}; {_versions(sampled)}.",
    ]
    return "\n".join(lines) + "\n"


def _table(metrics: Mapping[str, Any]) -> list[str]:
    rows = [f"| {name} | {value:,.4g} |" for name, value in _rows(metrics)]
    if not rows:
        return ["Nothing is measured of a target or a coreset of a single image."]
    return ["| metric | value |", "| --- | ---: |", *rows]


def _images(images: Images) -> str:
    return counted(images.count or 0, "image")


def _rows(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    shares: Mapping[str, float] = metrics.get("sources", {})
    named = [(f"share from {source}", share) for source, share in sorted(shares.items(), key=lambda one: -one[1])]
    return [(METRICS[name], metrics[name]) for name in METRICS if name in metrics] + named


def _versions(record: Record) -> str:
    packages = record.environment["packages"]
    return ", ".join(f"{name} {packages[name]}" for name in ("python", "numpy", "torch") if name in packages)
