"""The verb `show`: all that is known of one name."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import DataRoot, StorePath
from benchmark.specs.folding import show as show_text


def verb(
    name: Annotated[
        list[str], typer.Argument(help="any name that `list` shows, `recipe METHOD`, or the key or label of a stage")
    ],
    profile: Annotated[str, typer.Option("--profile", help="of a recipe: paper, mini or smoke")] = "paper",
    store: StorePath = Path("runs"),
    data_root: DataRoot = None,
) -> None:
    """All that is known of one name: a dataset and what the data root has of it, a published table, a variant, profile,
    protocol, recipe or stage."""
    from benchmark.commands.show.names import describe

    text = describe(" ".join(name), store, profile, data_root)
    # JSON is for programs, and stays as it is.
    print(text) if text.startswith("{") else show_text(text)
