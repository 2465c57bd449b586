"""The options that verbs share, and how their values are spelled on a command line."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from benchmark.planning.query import Query
from benchmark.specs.recipes import Precision

TableOption = Annotated[str, typer.Option("--table", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
TableArgument = Annotated[str, typer.Argument(metavar="N", help="2, 3, 4, 5, figure3 or another of 'list tables'")]
ProfileOption = Annotated[str, typer.Option("--profile", help="smoke, mini or paper")]
ProtocolOption = Annotated[str | None, typer.Option("--protocol", help="released or clean; default: the profile's")]
Targets = Annotated[list[str] | None, typer.Option("--targets", help="names; default: the table's columns")]
Rows = Annotated[list[str] | None, typer.Option("--rows", help="row ids or variants; default: all of the table")]
OpenSetOption = Annotated[
    str | None, typer.Option("--openset", help="a registered open-set or a folder of the data root")
]
Seeds = Annotated[list[int] | None, typer.Option("--seeds", min=0, help="0 1 2 or 0,1,2; default: 0")]
Controls = Annotated[bool, typer.Option("--controls", help="add the control rows")]
Steps = Annotated[
    int | None, typer.Option("--steps", min=1, help="optimiser steps of every row instead of the profile's")
]
Method = Annotated[str | None, typer.Option("--method", help="one of `list methods`, instead of each row's own")]
BackboneName = Annotated[str | None, typer.Option("--backbone", help="one of `list backbones`, or any name of timm")]
EngineOption = Annotated[
    str | None, typer.Option("--engine", help="solo-learn or lightly; default: the method's in the profile")
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option("--precision", help="of training, instead of the profile's; float32 where a CPU has no fast bfloat16"),
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
    str | None, typer.Option("--evaluation", help="one of `list evaluations`, instead of each row's own")
]
Format = Annotated[str, typer.Option("--format", help="text, md, latex, csv, json or another of `list formats`")]
Save = Annotated[
    Path | None, typer.Option("--save", help="also write the records, pick lists and table to this folder")
]
Sampler = Annotated[
    str, typer.Option("--sampler", help="a name of `list samplers`, pkg.module:Class, file.py:Class, a file of ids")
]
Encoder = Annotated[
    str | None,
    typer.Option("--encoder", help="timm:NAME, timm:NAME=FILE or runs/pretrain/<key>; default: pretrain on the target"),
]


def query_of(
    table: TableOption = "2",
    profile: ProfileOption = "smoke",
    protocol: ProtocolOption = None,
    targets: Targets = None,
    rows: Rows = None,
    openset: OpenSetOption = None,
    seeds: Seeds = None,
    controls: Controls = False,
    steps: Steps = None,
    method: Method = None,
    backbone: BackboneName = None,
    engine: EngineOption = None,
    precision: PrecisionOption = None,
    data_root: DataRoot = None,
    store: StorePath = Path("runs"),
    evaluation: EvaluationOption = None,
) -> Query:
    """The options that `plan`, `reproduce` and `table` share, as the question that they make."""
    return Query(
        table,
        profile,
        protocol,
        targets=tuple(targets or ()),
        rows=tuple(rows or ()),
        openset=openset,
        seeds=tuple(seeds or (0,)),
        controls=controls,
        steps=steps,
        method=method,
        backbone=backbone,
        engine=engine,
        precision=precision,
        data_root=data_root,
        store=store,
        evaluation=evaluation,
    )


def with_query(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb(query, ...)` as a command: the options of `query_of` take the place of its first parameter."""
    shared = dict(inspect.signature(query_of).parameters)
    if verb.__module__.endswith(".table"):
        shared["table"] = shared["table"].replace(annotation=TableArgument)
    _, *own = inspect.signature(verb).parameters.values()

    def command(**values: object) -> None:
        query = query_of(**{name: values.pop(name) for name in shared})  # type: ignore[arg-type]
        verb(query, **values)

    # Typer reads a command's options from its signature and annotations.
    parameters = [*shared.values(), *own]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__name__, command.__doc__ = verb.__name__, verb.__doc__
    return command


COMMAS = {"--targets", "--rows", "--seeds", "--budget"}
LISTS = COMMAS | {"--target", "--sampler", "--against"}
"""Options that take several values; in a folder's name and between a sampler's fields a comma is no separator."""


def spread_lists(arguments: list[str]) -> list[str]:
    """`--targets a b,c` as `--targets a --targets b --targets c`, which is what click understands."""
    spread: list[str] = []
    current: str | None = None
    for argument in arguments:
        if argument.startswith("-") and not argument.lstrip("-").isdigit():
            name, equals, value = argument.partition("=")
            current = name if name in LISTS else None
            spread += [] if current and not equals else [argument]
            if not (current and equals):
                continue
            spread.pop()
            argument = value
        if current is None:
            spread.append(argument)
        else:
            parts = argument.split(",") if current in COMMAS else [argument]
            spread += [word for part in parts if part for word in (current, part)]
    return spread
