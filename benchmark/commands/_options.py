"""The options that verbs share, and how their values are spelled on a command line."""

import inspect
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from benchmark.specs.recipes import Precision

T = TypeVar("T")

TableOption = Annotated[str, typer.Option("--table", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
TableArgument = Annotated[str, typer.Argument(metavar="N", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
ProfileOption = Annotated[str, typer.Option("--profile", help="smoke, mini or paper")]
ProtocolOption = Annotated[str | None, typer.Option("--protocol", help="released or clean; default: the profile's")]
Targets = Annotated[list[str] | None, typer.Option("--targets", help="names; default: the table's columns")]
Rows = Annotated[
    list[str] | None,
    typer.Option("--rows", help="row ids or variants, of any sampler: 'X+my.py:Mine(5%)'; default: all of the table"),
]
OpenSetOption = Annotated[
    str | None,
    typer.Option("--openset", help="a registered open-set, a folder of the data root, or NAME[FILE OF CLASSES]"),
]
Seeds = Annotated[list[int] | None, typer.Option("--seeds", min=0, help="0 1 2 or 0,1,2; default: 0")]
Controls = Annotated[bool, typer.Option("--controls", help="add the control rows")]
Steps = Annotated[
    list[int] | None,
    typer.Option("--steps", min=1, help="400 1600: lengths of every row, in optimiser steps; default: the profile's"),
]
Method = Annotated[str | None, typer.Option("--method", help="one of `list methods`, instead of each row's own")]
BackboneName = Annotated[str | None, typer.Option("--backbone", help="one of `list backbones`, or any name of timm")]
EngineOption = Annotated[
    str | None, typer.Option("--engine", help="solo-learn or lightly; default: the method's in the profile")
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option("--precision", help="of training, instead of the profile's; many CPUs are slow in bfloat16"),
]
DataRoot = Annotated[Path | None, typer.Option("--data-root", envvar="BENCHMARK_DATA", help="folder of real images")]
StorePath = Annotated[Path, typer.Option("--store", help="where results are kept")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="worker processes; default: one per core, or one on a GPU")
]
RunOn = Annotated[
    str, typer.Option("--run-on", help="what runs the stages: local or another of `list execution-engines`")
]
EvaluationOption = Annotated[
    list[str] | None, typer.Option("--evaluation", help="of `list evaluations`, instead of each row's own")
]
WithoutLeaks = Annotated[
    bool, typer.Option("--without-leaks", help="drop what `data check` found of test images from the open-set")
]
InitialWeights = Annotated[
    str | None,
    typer.Option(
        "--initial-weights",
        help="timm:NAME[=FILE], a checkpoint file or an export, for rows that were not trained from random weights",
    ),
]
Train = Annotated[bool, typer.Option("--train/--no-train", help="pretrain on X and every coreset, and evaluate")]
CoresetMetrics = Annotated[bool, typer.Option("--coreset-metrics", help="measure every coreset too")]
Format = Annotated[str, typer.Option("--format", help="text, md, latex, csv, json, svg or another of `list formats`")]
Save = Annotated[
    Path | None, typer.Option("--save", help="also write the records, pick lists and table to this folder")
]
Sampler = Annotated[
    str, typer.Option("--sampler", help="a name of `list samplers`, pkg.module:Class, file.py:Class, a file of ids")
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="released[=FOLDER], timm:NAME[=FILE], a checkpoint file, an export, a key or label of the store, or "
        "random; default: pretrain on the target",
    ),
]
RowEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="measure this encoder as a published row, in place of its training: released[=FOLDER] (the authors'), "
        "timm:NAME[=FILE], a checkpoint file, an export, a key or label of the store, or random",
    ),
]


OPTIONS: dict[str, Any] = {
    "table": TableOption,
    "profile": ProfileOption,
    "protocol": ProtocolOption,
    "targets": Targets,
    "rows": Rows,
    "openset": OpenSetOption,
    "seeds": Seeds,
    "controls": Controls,
    "steps": Steps,
    "method": Method,
    "backbone": BackboneName,
    "engine": EngineOption,
    "precision": PrecisionOption,
    "data_root": DataRoot,
    "store": StorePath,
    "device": Device,
    "jobs": Jobs,
    "encoder": Encoder,
    "evaluation": EvaluationOption,
    "train": Train,
    "coreset_metrics": CoresetMetrics,
    "run_on": RunOn,
    "without_leaks": WithoutLeaks,
    "initial_weights": InitialWeights,
}
"""Options by the name of a parameter of the Python API."""


def with_options_of(function: Callable[..., T], **own: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`verb(work, ...)` as a command whose options are the parameters of `function`, by their names and defaults, and
    then the verb's own. `work()` calls `function` with what was given.

    `own` are options that take the place of those of `OPTIONS`. A `Required` one
    has no default.
    """
    parameters = [_option(parameter, own) for parameter in inspect.signature(function).parameters.values()]
    names = [parameter.name for parameter in parameters]

    def make(verb: Callable[..., None]) -> Callable[..., None]:
        def command(**values: object) -> None:
            work = partial(function, **{name: values.pop(name) for name in names})
            verb(work, **values)

        # Typer reads a command's options from its signature and annotations.
        _, *of_verb = inspect.signature(verb).parameters.values()
        shown = [*parameters, *(parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in of_verb)]
        command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
        command.__name__, command.__doc__ = verb.__name__, verb.__doc__
        return command

    return make


def _option(parameter: inspect.Parameter, own: Mapping[str, Any]) -> inspect.Parameter:
    required = isinstance(own.get(parameter.name), Required)
    option = own[parameter.name].option if required else own.get(parameter.name, OPTIONS.get(parameter.name))
    default = parameter.empty if required else parameter.default
    return parameter.replace(annotation=option, kind=parameter.KEYWORD_ONLY, default=default)


@dataclass(frozen=True)
class Required:
    """An option that the command line asks for where the function has a default."""

    option: Any


COMMAS = {"--targets", "--rows", "--seeds", "--steps", "--budget", "--evaluation"}
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
