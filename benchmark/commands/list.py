"""The verb `list`."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import DataRoot, StorePath
from benchmark.specs.folding import show as show_text


def verb(
    what: Annotated[
        str | None,
        typer.Argument(
            help="targets, opensets, tables, variants, samplers, methods, backbones, evaluations, formats, ..."
        ),
    ] = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
) -> None:
    """What the suite knows, and what a data root has beside it: targets, open-sets, tables, variants, profiles,
    protocols, samplers, methods, backbones, evaluations, formats."""
    from benchmark.commands._data_root import data_of
    from benchmark.commands._listing import listing

    show_text(listing(what, data_of(data_root, store)))
