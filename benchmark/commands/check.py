"""The verb `check`: a sampler held to the contract."""

from typing import Annotated

import typer

from benchmark.specs.folding import begin
from benchmark.specs.folding import show as show_text


def verb(
    sampler: Annotated[
        str, typer.Argument(help="pkg.module:Class, file.py:Class, an entry point or a name; fields: simcore:k=50")
    ],
) -> None:
    """Hold a sampler, yours too, to the contract: a line for every clause, exit code 1 if one is broken."""
    begin(f"trying {sampler} on small features")
    raise typer.Exit(check(sampler))


def check(name: str) -> int:
    """Print a verdict for every clause on the sampler that `name` resolves to; 1 if one is broken, otherwise 0.

    Raises UserError as `tried` does.
    """
    from baselines.contract import Verdict, verdicts_text
    from benchmark.commands._tried import tried

    sampler = tried(name, whole=True)
    verdicts = [Verdict(**verdict) for verdict in sampler.verdicts]
    show_text(f"{sampler.name} ({sampler.kind})\n{verdicts_text(verdicts)}")
    return int(not all(verdict.passed for verdict in verdicts))
