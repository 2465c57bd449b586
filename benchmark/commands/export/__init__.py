"""The verb `export`: a trained encoder for timm and the Hub, with a card."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands._options import StorePath
from benchmark.specs.folding import begin
from benchmark.specs.folding import show as show_text


def verb(
    key: Annotated[
        str,
        typer.Argument(
            help="key (eight or more digits) or label of a training, or of an evaluation or a coreset that rests on one"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="new folder for weights, configuration and card")],
    store: StorePath = Path("runs"),
) -> None:
    """A trained encoder as a folder that timm and the Hub load, with a card that says what it was trained on."""
    from benchmark.commands.export._command import export as take_out

    begin("loading torch, then the weights")
    show_text(take_out(key, out, store))
