"""A sampler of the user's held to the contract, in a process of its own: one that ends its process is named too."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.errors import UserError
from benchmark.interrupts import leave_to_run

_CODE = (
    "import sys; sys.path[:] = {path!r}; from benchmark.commands._tried import main; main({pipe}, {name!r}, {whole})"
)


@dataclass(frozen=True)
class TriedSampler:
    """What the contract says of a sampler. `verdicts` have the fields of `baselines.contract.Verdict`."""

    name: str
    kind: str
    verdicts: list[dict[str, Any]]


def tried(name: str, *, whole: bool) -> TriedSampler:
    """The sampler that `name` resolves to, held to the whole contract, or to what a coreset needs: then the verdicts
    are those of broken clauses. The process does not import the caller's script.

    Raises UserError for what `resolve` refuses, for a file of ids, which picks nothing, and EndedProcess.
    """
    answers, pipe = os.pipe()
    code = _CODE.format(path=[str(folder) for folder in sys.path], pipe=pipe, name=name, whole=whole)
    process = subprocess.Popen([sys.executable, "-c", code], pass_fds=(pipe,))
    os.close(pipe)
    try:
        with os.fdopen(answers) as file:
            text = file.read()
        exitcode = process.wait()
    finally:
        process.kill()
    with suppress(ValueError):
        answer = json.loads(text)
        if "error" in answer:
            raise UserError(answer["error"])
        return TriedSampler(**answer)
    end = f"ended its process with exit code {exitcode}"
    raise EndedProcess(f"{name} {end}: a sampler returns a Selection or raises an error")


class EndedProcess(UserError):
    """The sampler ended the process that tried it."""


def main(pipe: int, name: str, whole: bool) -> None:
    """Write the verdicts to the pipe, or the text of a UserError, as JSON."""
    leave_to_run()
    try:
        answer = asdict(_judged(name, whole))
    except UserError as error:
        answer = {"error": str(error)}
    with os.fdopen(pipe, "w") as file:
        json.dump(answer, file)


def _judged(name: str, whole: bool) -> TriedSampler:
    from baselines.contract import broken_answers, check_sampler
    from benchmark.stages.sample.names import resolve

    plugin = resolve(name)
    if plugin.kind == "ids":
        raise UserError(f"{plugin.name} is a list of ids: there is no sampler in it to check")
    verdicts = check_sampler(plugin.make) if whole else broken_answers(plugin.make)
    return TriedSampler(plugin.name, plugin.kind, [asdict(verdict) for verdict in verdicts])
