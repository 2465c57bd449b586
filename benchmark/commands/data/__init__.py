"""The verb group `data`: one file per verb of it, found by listing this folder."""

import importlib
import pkgutil

import typer


def group() -> typer.Typer:
    """The verbs below `data`: each module of this folder has one, called `verb`."""
    made = typer.Typer(no_args_is_help=True, help="From the official downloads to a data root that is checked.")
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            made.command(module.name)(importlib.import_module(f"{__name__}.{module.name}").verb)
    return made
