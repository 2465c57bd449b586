"""Running the stages of a plan: on which device, with how many workers, into which store."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.specs.folding import note
from benchmark.specs.stages import Stage
from benchmark.system import cores


@dataclass(frozen=True)
class Machine:
    """Where stages run. Nothing of it is part of a key. `jobs` of None: a worker per core, or one on a GPU. `engine`
    is the execution engine by name."""

    device: str = "auto"
    jobs: int | None = None
    engine: str = "local"


@dataclass(frozen=True)
class Work:
    """Stages to run into `store`, the data they read, and where the local files that specs name by SHA-256 are.

    `in_turn`: most stages wait for one another, so that each may use all cores.
    """

    stages: Iterable[Stage]
    store: Path
    data: Any
    local: Mapping[str, str] = field(default_factory=dict)
    in_turn: bool = False


def execute(work: Work, machine: Machine) -> list[str]:
    """Run the stages that are not finished. Returns the keys of the stages that failed."""
    # Imported here: the store is written to only once all names and data are known to be good.
    from benchmark.execution.display import make_screen
    from benchmark.execution.engines import EXECUTION_ENGINES, Job
    from benchmark.execution.environment import command_line
    from benchmark.execution.store import open_store
    from benchmark.execution.worker import Context

    engine = EXECUTION_ENGINES.get(machine.engine)
    device, devices = find_device(machine.device)
    stages = tuple(work.stages)
    needs = [stage.kind.needs(stage.spec) for stage in stages]
    if device == "cpu" and any(one.bfloat16 for one in needs):
        _warn_of_slow_bfloat16()
    command = command_line()
    store = open_store(work.store, command)
    for line in store.put_all_aside(stages):
        note(line)
    jobs = machine.jobs
    if jobs is None:
        threads = max((one.threads for one in needs), default=1)
        jobs = 1 if device != "cpu" else max(1, cores() // threads)
    workers = max(1, cores() // (1 if work.in_turn else jobs))
    context = Context(store.root, work.data, device, devices, workers=workers, local=work.local, command=command)
    states = engine.start(Job(store, context, jobs, make_screen()))(stages)
    return [key for key, state in states.items() if state == "failed"]


def _warn_of_slow_bfloat16() -> None:
    import torch

    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        note(
            "this CPU has no instructions for bfloat16 and takes ten times as long in it; --precision float32 is "
            "another recipe (other keys, other numbers) that does not"
        )


def check_stages(stages: Iterable[Stage], *, installed: bool = True) -> None:
    """Raise UserError, before any work, for a stage that cannot run. `installed`: also where a package is not
    installed."""
    for stage in stages:
        stage.kind.check(stage.spec, installed=installed)


def check_machine(machine: Machine) -> None:
    """Raise UserError, before any work, for an unknown engine and for a device that is not there."""
    from benchmark.execution.engines import EXECUTION_ENGINES

    EXECUTION_ENGINES.get(machine.engine)
    find_device(machine.device)


def find_device(name: str) -> tuple[str, int]:
    """The device to run on and how many of it: "auto" takes every GPU there is, else the CPU."""
    if name == "cpu":
        return name, 1
    import torch

    count = torch.cuda.device_count()
    if name == "auto":
        return ("cuda", count) if count else ("cpu", 1)
    named = re.fullmatch(r"cuda(?::(\d+))?", name, re.ASCII)
    if named is None:
        raise UserError(f"unknown device '{name}'; known: auto, cpu, cuda, cuda:N")
    if int(named[1] or 0) >= count:
        raise UserError(f"device {name} is not there ({count} CUDA devices found); use --device cpu")
    return name, count if name == "cuda" else 1
