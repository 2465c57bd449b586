"""The options of verbs, and how their values are spelled on a command line.

Those of a question are fields of the classes of `benchmark.planning.query`; others stand here.
"""

import inspect
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from attrs import Attribute, fields, fields_dict

from benchmark.commands._query import ENCODER_FORMS, RunQuery
from benchmark.commands._values import DATA_ROOT
from benchmark.errors import UserError

T = TypeVar("T")


def typer_option(attribute: "Attribute[Any]") -> Any:
    """A field of a question as the option `--name`."""
    words = attribute.metadata["help"]
    variable = DATA_ROOT if attribute.name == "data_root" else None
    return typer.Option(f"--{attribute.name.replace('_', '-')}", envvar=variable, help=words)


def _annotated(attribute: "Attribute[Any]") -> Any:
    several: dict[Any, Any] = {tuple[str, ...]: list[str], tuple[int, ...]: list[int]}
    kind: Any = several.get(attribute.type, attribute.type)
    if attribute.type in several and attribute.default is None:
        kind |= None
    return Annotated[kind, typer_option(attribute)]


_QUESTION = fields_dict(RunQuery)
DataRoot = Annotated[Path | None, typer_option(_QUESTION["data_root"])]
StorePath = Annotated[Path, typer_option(_QUESTION["store"])]
Format = Annotated[str, typer.Option("--format", help="text, md, latex, csv, json, svg or another of `list formats`")]
Save = Annotated[
    Path | None, typer.Option("--save", help="also write the records, pick lists and table to this folder")
]
Sampler = Annotated[
    str, typer.Option("--sampler", help="a name of `list samplers`, pkg.module:Class, file.py:Class, a file of ids")
]
Encoder = Annotated[str | None, typer.Option("--encoder", help=ENCODER_FORMS)]

OPTIONS: dict[str, Any] = {name: _annotated(one) for name, one in _QUESTION.items()} | {"encoder": Encoder}
"""Options by the name of a parameter of the Python API, for functions that take no question."""

TABLE, TABLE_ARGUMENT = "table", "table_argument"
TableArgument = Annotated[
    str | None, typer.Argument(metavar="[N]", help="the table, as --table names it", show_default=False)
]


def with_options_of(function: Callable[..., T], **own: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`verb(work, ...)` as a command whose options are the parameters of `function`, by their names and defaults, and
    then the verb's own. `work()` calls `function` with what was given.

    Options of a question (`benchmark.commands._query.takes`) are what its class says. `own` are options that take the
    place of those of `OPTIONS`. A `Required` one has no default. A table may be named without `--table` too.
    """
    question = getattr(function, "options", None)
    known = {one.name: _annotated(one) for one in fields(question)} if question else {**OPTIONS, **own}
    parameters = [_option(parameter, known) for parameter in inspect.signature(function).parameters.values()]
    names = [parameter.name for parameter in parameters]
    argument = inspect.Parameter(TABLE_ARGUMENT, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=TableArgument)
    first = [argument] if TABLE in names else []

    def make(verb: Callable[..., None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            if first:
                values[TABLE] = _table(values.pop(TABLE_ARGUMENT), values[TABLE], typer_default(TABLE, parameters))
            work = partial(function, **{name: values.pop(name) for name in names})
            verb(work, **values)

        # Typer reads a command's options from its signature and annotations.
        _, *of_verb = inspect.signature(verb).parameters.values()
        shown = [*first, *parameters, *(parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in of_verb)]
        command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        command.__name__, command.__doc__ = verb.__name__, verb.__doc__
        return command

    return make


def typer_default(name: str, parameters: list[inspect.Parameter]) -> Any:
    """The default of the parameter of that name."""
    return next(parameter.default for parameter in parameters if parameter.name == name)


def _table(argument: str | None, option: str, default: str) -> str:
    """The table that is named with `--table` or without. UserError where both name one, and not the same."""
    if argument is not None and option not in (default, argument):
        raise UserError(f"the table is named twice, {argument} and --table {option}: name it once")
    return option if argument is None else argument


def _option(parameter: inspect.Parameter, known: Mapping[str, Any]) -> inspect.Parameter:
    option = known[parameter.name]
    required = isinstance(option, Required)
    annotation, default = (option.option, parameter.empty) if required else (option, parameter.default)
    return parameter.replace(annotation=annotation, kind=parameter.KEYWORD_ONLY, default=default)


@dataclass(frozen=True)
class Required:
    """An option that the command line asks for where the function has a default."""

    option: Any


COMMAS = {"--targets", "--rows", "--seeds", "--steps", "--budget", "--evaluation", "--references"}
"""Options whose values a comma separates; in a folder's name and between a sampler's fields it is no separator."""
COMMA = re.compile(r",(?![A-Za-z_]\w*=)(?![^\[\]()]*[\])])")
"""A comma between values: none that stands before a sampler's field or in a list of numbers."""


def spread_lists(arguments: list[str], lists: Container[str]) -> list[str]:
    """`--targets a b,c` as `--targets a --targets b --targets c`, which is what click understands. `lists` are the
    options of the verb that take several values."""
    spread: list[str] = []
    current: str | None = None
    for argument in arguments:
        if argument.startswith("-") and not argument.lstrip("-").isdigit():
            name, equals, value = argument.partition("=")
            current = name if name in lists else None
            spread += [] if current and not equals else [argument]
            if not (current and equals):
                continue
            spread.pop()
            argument = value
        if current is None:
            spread.append(argument)
        else:
            parts = COMMA.split(argument) if current in COMMAS else [argument]
            spread += [word for part in parts if part for word in (current, part)]
    return spread
