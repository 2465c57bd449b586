"""Images per second of pretraining: the bare step of the model, our trainer, and solo-learn's own training.

    python -m scripts.bench_pretrain --profile mini --methods simclr --backbone resnet18
    python -m scripts.bench_pretrain --profile smoke --save results/bench/pretrain-smoke-methods.json
    python -m scripts.bench_pretrain --profile mini --methods simclr --backbone all --compile --contiguous

A row is a method of a profile on a network. Its contenders take turns, round by round, so that a busy machine slows
them alike; each is a process of its own, whose peak memory is its own. Rates are medians over rounds, ratios medians of
each round's ratio, with the least and the largest. solo-learn takes part where it can be imported, with the faster of
its numbers of workers; its images are those that we crop from, small JPEG files, which spares it the decoding of large
ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import torch
from tabulate import tabulate

from benchmark.errors import UserError
from benchmark.methods import METHODS
from benchmark.planning.profiles import MINI, SMOKE, Profile
from benchmark.pretrain.engines import ENGINES, find_engine
from benchmark.specs.recipes import Precision, Recipe, Steps
from benchmark.training.backbone_names import NETWORKS
from scripts.bench_process_pairs import Case, ContenderProcess, Failed, lay_out
from scripts.bench_record import add_options, save
from scripts.race_table import BARE, COMPILED, CONTIGUOUS, SOLO, TRAINER, table

PROFILES = {profile.name: profile for profile in (SMOKE, MINI)}
LONGEST = 200
"""Steps of a round at most: solo-learn's one epoch has to last."""


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=PROFILES, default=MINI.name)
    parser.add_argument("--methods", nargs="+", metavar="NAME", default=METHODS.names())
    parser.add_argument(
        "--backbone", nargs="+", metavar="NAME", default=[None], help="registered, of timm, or all; default: published"
    )
    parser.add_argument("--engine", help="of the bare step and our trainer; default: the method's in the profile")
    parser.add_argument("--size", type=int, help="of crops, in pixels; default: the profile's")
    parser.add_argument(
        "--precision", choices=get_args(Precision), help="default: the profile's; bfloat16 crawls on a CPU without it"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of the bare step in a round")
    parser.add_argument("--steps", type=int, help="in a round, instead of --seconds")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 0], help="of solo-learn's DataLoader, to try")
    parser.add_argument("--no-solo", action="store_true", help="leave solo-learn out")
    parser.add_argument("--compile", action="store_true", help="also a bare step whose backbone is torch.compile'd")
    parser.add_argument("--contiguous", action="store_true", help="also a bare step that is not channels_last")
    parser.add_argument("--format", choices=("text", "md"), default="text")
    add_options(parser)
    return parser.parse_args(given)


# Rows ----------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Row:
    """What was measured of one recipe: images per second by contender and round; MiB; why something is missing."""

    method: str
    recipe: Recipe | None
    rates: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    memory: dict[str, float | None] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def cases(self, profile: str) -> list[dict[str, Any]]:
        """A case for every contender and round, as `race_table` reads them; none for a row that was not measured."""
        if self.recipe is None:
            return []
        recipe, crops = self.recipe, self.recipe.augmentation
        shared = {"profile": profile, "method": self.method, "network": recipe.backbone.full_name, "px": crops.size}
        shared |= {"batch": recipe.batch, "precision": recipe.precision, "threads": recipe.threads}
        return [
            {**shared, "contender": name, "round": at, "images_per_second": rate, "peak_mib": self.memory.get(name)}
            for name, rates in self.rates.items()
            for at, rate in enumerate(rates, 1)
        ]


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """A row for every method and network that differ; one that cannot be trained says why."""
    seen: set[tuple[str, Recipe]] = set()
    backbones = list(NETWORKS) if options.backbone == ["all"] else options.backbone
    for method in options.methods:
        for backbone in backbones:
            try:
                recipe = _recipe(PROFILES[options.profile], method, backbone, options)
            except UserError as error:
                yield Row(method, None, notes=[str(error)])
                continue
            if (method, recipe) not in seen:
                seen.add((method, recipe))
                yield Row(method, recipe)


def _recipe(profile: Profile, method: str, backbone: str | None, options: argparse.Namespace) -> Recipe:
    recipe = profile.setup(method, backbone, options.engine).recipe
    find_engine(recipe.engine).maker(getattr(recipe.method, "inner", recipe.method).kind)
    # As many steps as nobody will take: contenders are stopped.
    changes: dict[str, object] = {"length": Steps(steps=10**6)}
    if options.precision:
        changes["precision"] = options.precision
    if options.size:
        crops = recipe.augmentation
        assert isinstance(crops.stored, int)
        sizes = {"size": options.size, "stored": round(crops.stored * options.size / crops.size)}
        changes["augmentation"] = crops.model_copy(update=sizes)
        if recipe.backbone.image_size:
            changes["backbone"] = recipe.backbone.model_copy(update={"image_size": options.size})
    return recipe.model_copy(update=changes)


# Races ---------------------------------------------------------------------------------------------------------------


class Race:
    """The contenders of a row that are still in it. Who fails is out, and the row says why."""

    def __init__(self, row: Row, case: Case, options: argparse.Namespace) -> None:
        self.row, self.options, self.batch = row, options, case.recipe.batch
        self.processes = {
            name: ContenderProcess(place, case, given) for name, place, given in _contenders(case.recipe, options)
        }

    def run(self) -> None:
        """A round that warms up and decides how long the others are, then the others."""
        for name in list(self.processes):
            self._ask(name, "ready")
        first = {name: self._ask(name, "rate", self.options.steps or 3) for name in list(self.processes)}
        steps = self.options.steps or max(3, min(LONGEST, round(self.options.seconds * (first[BARE] or 0.0))))
        self._choose(first)
        for _ in range(self.options.rounds):
            for name in list(self.processes):
                if rate := self._ask(name, "rate", steps):
                    self.row.rates.setdefault(name, []).append(rate * self.batch)
        for name in list(self.processes):
            self.row.memory[name] = self._ask(name, "finish")

    def _ask(self, name: str, what: str, *given: int) -> float | None:
        if name not in self.processes:
            return None
        try:
            answer: float | None = getattr(self.processes[name], what)(*given)
            return answer
        except Failed as error:
            self._out(name)
            self.row.notes.append(f"{name}: {error}")
            return None

    def _out(self, name: str) -> None:
        self.processes.pop(name).leave()

    def _choose(self, first: dict[str, float | None]) -> None:
        """Keep the faster solo-learn, under its plain name."""
        candidates = sorted(
            (name for name in self.processes if name.startswith(SOLO)), key=lambda name: first[name] or 0.0
        )
        for slower in candidates[:-1]:
            self._out(slower)
        for best in candidates[-1:]:
            self.processes[SOLO] = self.processes.pop(best)
            self.row.notes.append(best)

    def stop(self) -> None:
        for name in list(self.processes):
            self._out(name)


def _contenders(recipe: Recipe, options: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Name, place in the code and options of each; solo-learn has no LCR."""
    module = "scripts.bench_our_training"
    yield BARE, f"{module}:bare", {}
    yield TRAINER, f"{module}:trainer", {}
    if options.compile:
        yield COMPILED, f"{module}:bare", {"compiled": True}
    if options.contiguous:
        yield CONTIGUOUS, f"{module}:bare", {"contiguous": True}
    there = all(importlib.util.find_spec(name) for name in ("solo", "lightning"))
    if there and recipe.method.kind in ENGINES.get("solo-learn").methods() and not options.no_solo:
        for workers in options.workers:
            yield f"{SOLO} with {workers} workers", "scripts.bench_solo:solo", {"workers": workers}


def race(row: Row, options: argparse.Namespace) -> None:
    """Fill the row."""
    if row.recipe is None:
        return
    with tempfile.TemporaryDirectory() as name:
        case = Case(row.recipe, Path(name))
        lay_out(case)
        match = Race(row, case, options)
        try:
            match.run()
        finally:
            match.stop()


# Report --------------------------------------------------------------------------------------------------------------


def report(done: list[Row], options: argparse.Namespace) -> str:
    """A table, a line on what all of its rows share, the notes of the rows."""
    header, lines = table([case for row in done for case in row.cases(options.profile)], marked=True)
    style = "github" if options.format == "md" else "simple"
    text = tabulate(lines, header, tablefmt=style, disable_numparse=True)
    notes = [f"{row.method}{_network(row)}: {note}" for row in done for note in row.notes]
    recipe = next((row.recipe for row in done if row.recipe), None)
    if recipe is None:
        return "\n".join(notes)
    crops = recipe.augmentation
    shared = f"crops of {crops.size} px from {crops.stored} px, batch {recipe.batch}, {recipe.precision}"
    versions = f"{recipe.threads} thread, torch {torch.__version__}, {options.rounds} rounds"
    return "\n".join([f"{text}\n\nProfile {options.profile}: {shared}, {versions}.", *notes])


def _network(row: Row) -> str:
    return f" on {row.recipe.backbone.full_name}" if row.recipe else ""


def main() -> None:
    options = arguments()
    done: list[Row] = []
    for row in rows(options):
        race(row, options)
        done.append(row)
        # A long run shows what it has so far.
        print(report(done[-1:], options), file=sys.stderr, flush=True)
    print(report(done, options))
    cases = [case for row in done for case in row.cases(options.profile)]
    if options.save and cases:
        save(options.save, cases, options.load)


if __name__ == "__main__":
    main()
