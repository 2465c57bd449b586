"""The verb `check`: a sampler held to the contract."""

from typing import Annotated

import typer

from benchmark.errors import UserError


def verb(
    sampler: Annotated[
        str, typer.Argument(help="pkg.module:Class, file.py:Class, an entry point or a name; fields: simcore:k=50")
    ],
) -> None:
    """Hold a sampler, yours too, to the contract: a line for every clause, exit code 1 if one is broken."""
    raise typer.Exit(check(sampler))


def check(name: str) -> int:
    """Print a verdict for every clause on the sampler that `name` resolves to; 1 if one is broken, otherwise 0.

    Raises UserError for what `resolve` refuses and for a file of ids, which picks nothing.
    """
    from baselines.contract import check_sampler, verdicts_text
    from benchmark.stages.sample.names import resolve

    plugin = resolve(name)
    if plugin.kind == "ids":
        raise UserError(f"{plugin.name} is a list of ids: there is no sampler in it to check")
    verdicts = check_sampler(plugin.make)
    print(f"{plugin.name} ({plugin.kind})\n{verdicts_text(verdicts)}")
    return int(not all(verdict.passed for verdict in verdicts))
