"""What can be done after a sample: commands that work when they are pasted into the same terminal."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.commands.sample.request import Exports, Request
from benchmark.execution.run import Machine
from benchmark.images.sources import given_split
from benchmark.planning.profiles import find_profile

PROGRAM = ("python", "-m", "benchmark")


@dataclass(frozen=True)
class NextStep:
    """A command line and what it is good for."""

    purpose: str
    command: str


def next_steps(request: Request, machine: Machine, count: int, total: int) -> tuple[NextStep, ...]:
    """The steps after a sample of `count` of `total` images. None after a sample without a list."""
    if request.out is None:
        return ()
    encoder = request.out.with_name(f"{request.out.stem}-encoder")
    return (
        _sheet(request, machine),
        *_others(request, machine, count, total),
        _pretraining(request, machine, encoder),
        *evaluation_steps(request.target, encoder, request.profile, request.store, machine),
    )


def _pretraining(request: Request, machine: Machine, encoder: Path) -> NextStep:
    """A training on the target and the coreset, exported to a new folder."""
    options: list[tuple[str, object]] = [("target", request.target), ("selection", request.out), ("out", encoder)]
    options += _changed(request, ("profile", "seed", "precision", "store"))
    return NextStep("pretrain on your images and the coreset", _command("pretrain", options, machine))


def _sheet(request: Request, machine: Machine) -> NextStep:
    if request.exports.sheet is not None:
        command = ("python", "-m", "webbrowser", request.exports.sheet.absolute().as_uri())
        return NextStep("look at the nearest and the farthest picks", shlex.join(command))
    assert request.out is not None
    sheet = request.out.with_suffix(".png")
    return NextStep("draw the nearest and the farthest picks", _sampling(request, machine, "--sheet", str(sheet)))


def _others(request: Request, machine: Machine, count: int, total: int) -> Iterator[NextStep]:
    """Another budget, which is twice as large where the pool has as many images, and another sampler."""
    budget = 2 * count if 2 * count <= total else max(1, count // 2)
    sampler = "facility-location" if request.sampler == "simcore" else "simcore"
    yield NextStep("another budget", _sampling(_renamed(request, str(budget), budget=str(budget)), machine))
    changed = _renamed(request, sampler, sampler=sampler, budget=str(count))
    yield NextStep("another sampler, as many images", _sampling(changed, machine))


def _renamed(request: Request, suffix: str, **changes: str) -> Request:
    """The request with changes, and its list under a name that says which."""
    assert request.out is not None
    out = request.out.with_stem(f"{request.out.stem}-{suffix}")
    return replace(request, out=out, exports=Exports(), **changes)  # type: ignore[arg-type]


def _sampling(request: Request, machine: Machine, *more: str) -> str:
    """The command line of a request. Exports are left out: their folders exist by now."""
    options: list[tuple[str, object]] = [("target", request.target), ("pool", request.pool), ("out", request.out)]
    options += _changed(request, ("sampler", "budget", "encoder", "profile", "steps", "seed", "precision", "store"))
    leaks = ("--without-leaks",) if request.without_leaks else ()
    return _command("sample", options, machine, *leaks, *more)


def _changed(request: Request, names: Iterable[str]) -> list[tuple[str, object]]:
    """The options that are not at their defaults."""
    usual = Request(request.target, request.pool)
    return [(name, getattr(request, name)) for name in names if getattr(request, name) != getattr(usual, name)]


def _command(verb: str, options: list[tuple[str, object]], machine: Machine, *more: str) -> str:
    usual = Machine()
    places = {"device": "device", "jobs": "jobs", "run-on": "engine"}
    changed = [option for option, name in places.items() if getattr(machine, name) != getattr(usual, name)]
    options = [*options, *((option, getattr(machine, places[option])) for option in changed)]
    words = [word for name, value in options for word in (f"--{name}", str(value))]
    return shlex.join((*PROGRAM, verb, *words, *more))


def evaluation_steps(target: str, encoder: Path, profile: str, store: Path, machine: Machine) -> Iterator[NextStep]:
    """How good an exported encoder is on the target's labels, where the target is the train split of a data root."""
    place = given_split(Path(target))
    if place is None or find_profile(profile).standins:
        return
    options: list[tuple[str, object]] = [("encoder", encoder), ("target", place.name), ("profile", profile)]
    options += [("data-root", place.root), *([("store", store)] if store != Path("runs") else [])]
    yield NextStep("measure that encoder on the target's labels", _command("evaluate", options, machine))
