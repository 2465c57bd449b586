"""The page of the command line, docs/cli.md: what every verb takes, read from the verbs themselves.

Typer prints such a page too; its form changes with Typer's version, and a page in the repository must not.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from benchmark.__main__ import app

NAME = "python -m benchmark"
WIDTH = 118
"""Letters of a line."""


def verbs() -> str:
    """Markdown with a section per verb, below the title of the page."""
    return "\n\n".join(_sections(typer.main.get_command(app()), NAME))


def _sections(command: Any, name: str) -> Iterator[str]:
    """A group has a section of its own before those of its verbs; the suite itself has none."""
    if name != NAME:
        lines = [f"* {_described(each)}" for each in command.params]
        yield "\n\n".join((f"## `{name}`", _paragraphs(command.help or ""), "\n".join(map(_wrapped, lines)))).strip()
    for verb, each in getattr(command, "commands", {}).items():
        yield from _sections(each, f"{name} {verb}")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_wrapped(" ".join(part.split())) for part in text.split("\n\n"))


def _described(parameter: Any) -> str:
    """How it is written, what it is, and its default where that is a value."""
    positional = parameter.param_type_name == "argument"
    name = parameter.name.upper() if positional else " / ".join(parameter.opts + parameter.secondary_opts)
    notes = ["needed"] if parameter.required else []
    if parameter.secondary_opts:
        notes.append(f"default: {(parameter.opts if parameter.default else parameter.secondary_opts)[0]}")
    elif parameter.default not in (None, False, [], ()) and not callable(parameter.default):
        notes.append(f"default: {parameter.default}")
    notes += [f"or the variable {parameter.envvar}"] if parameter.envvar else []
    ending = f" ({'; '.join(notes)})" if notes else ""
    return f"`{name}`: {parameter.help or ''}{ending}"


def _wrapped(text: str) -> str:
    indent = "  " if text.startswith("* ") else ""
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
