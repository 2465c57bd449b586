"""The verb `list`."""

from typing import Annotated

import typer

from benchmark.specs.folding import show as show_text


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

    show_text(listing(what))
