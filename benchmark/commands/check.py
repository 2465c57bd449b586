"""The verb `check`: a sampler held to the contract."""

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Annotated

import typer

from benchmark.errors import UserError
from benchmark.interrupts import leave_to_run


def verb(
    sampler: Annotated[
        str, typer.Argument(help="pkg.module:Class, file.py:Class, an entry point or a name; fields: simcore:k=50")
    ],
) -> None:
    """Hold a sampler, yours too, to the contract: a line for every clause, exit code 1 if one is broken."""
    raise typer.Exit(check(sampler))


def check(name: str) -> int:
    """Print a verdict for every clause on the sampler that `name` resolves to; 1 if one is broken, otherwise 0.

    The sampler runs in a process of its own, so that one that ends its process is named too. Raises UserError for
    that, for what `resolve` refuses and for a file of ids, which picks nothing.
    """
    spawn = multiprocessing.get_context("spawn")
    answers, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_answer, args=(name, sender))
    process.start()
    sender.close()
    try:
        answer = _received(answers)
        process.join()
    finally:
        process.kill()
    if answer is None:
        end = f"ended its process with exit code {process.exitcode}"
        raise UserError(f"{name} {end}: a sampler returns a Selection or raises an error")
    text, broken = answer
    if broken is None:
        raise UserError(text)
    print(text)
    return int(broken)


def _received(answers: Connection) -> tuple[str, bool | None] | None:
    """What the process sent; nothing if it ended before."""
    with suppress(EOFError):
        text, broken = answers.recv()
        return text, broken
    return None


def _answer(name: str, sender: Connection) -> None:
    """Send the verdicts as text and whether a clause is broken, or the text of a UserError and None."""
    leave_to_run()
    try:
        sender.send(_judge(name))
    except UserError as error:
        sender.send((str(error), None))


def _judge(name: str) -> tuple[str, bool]:
    from baselines.contract import check_sampler, verdicts_text
    from benchmark.stages.sample.names import resolve

    plugin = resolve(name)
    if plugin.kind == "ids":
        raise UserError(f"{plugin.name} is a list of ids: there is no sampler in it to check")
    verdicts = check_sampler(plugin.make)
    text = f"{plugin.name} ({plugin.kind})\n{verdicts_text(verdicts)}"
    return text, not all(verdict.passed for verdict in verdicts)
