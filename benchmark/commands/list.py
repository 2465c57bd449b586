"""The verb `list`."""

from typing import Annotated

import typer


def verb(
    what: Annotated[
        str | None,
        typer.Argument(
            help="targets, opensets, tables, variants, samplers, methods, backbones, evaluations, formats, ..."
        ),
    ] = None,
) -> None:
    """What the suite knows: targets, open-sets, tables, variants, profiles, protocols, samplers, methods, backbones,
    evaluations, formats."""
    from benchmark.commands._listing import listing

    print(listing(what))
