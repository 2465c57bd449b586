"""Values as a caller of the Python API may give them, checked and in one form."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmark.errors import UserError, one_of
from benchmark.planning.query import Query
from benchmark.specs.recipes import Precision

if TYPE_CHECKING:
    from benchmark.execution.run import Machine

PathLike = str | os.PathLike[str]
DATA_ROOT = "BENCHMARK_DATA"
"""The environment variable that stands for a data root that is not given."""


def names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name or several as a tuple; None as an empty one."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def seeds_of(value: int | Sequence[int] | None) -> tuple[int, ...]:
    """One seed or several as a tuple; without any seed 0. UserError for a negative one."""
    return numbers("seeds", value, 0) or (0,)


def numbers(name: str, value: int | Sequence[int] | None, least: int) -> tuple[int, ...]:
    """One number or several as a tuple; None as an empty one. UserError for one below `least`."""
    given = (value,) if isinstance(value, int) else tuple(value or ())
    for one in given:
        at_least(name, one, least)
    return given


def at_least(name: str, value: int | None, least: int) -> int | None:
    """`value`; UserError if it is below `least`."""
    if value is not None and value < least:
        raise UserError(f"{name} is {value}: give {least} or more")
    return value


def precision_of(value: str | None) -> Precision | None:
    """`value` as a precision of training; UnknownName if it is none."""
    if value is None:
        return None
    known: tuple[Precision, ...] = get_args(Precision)
    return one_of("precision", value, known)  # type: ignore[type-var]


def path_of(value: PathLike | None) -> Path | None:
    """`value` as a path."""
    return None if value is None else Path(value)


def data_root_of(value: PathLike | None) -> Path | None:
    """`value` as a path; without one the folder that BENCHMARK_DATA names."""
    return path_of(value or os.environ.get(DATA_ROOT) or None)


def machine_of(device: str, jobs: int | None, run_on: str) -> "Machine":
    """Where stages run. UserError for a number of workers below 1."""
    from benchmark.execution.run import Machine

    return Machine(device, at_least("jobs", jobs, 1), run_on)


def query_of(
    table: str,
    profile: str,
    protocol: str | None,
    targets: str | Sequence[str] | None,
    rows: str | Sequence[str] | None,
    openset: str | None,
    seeds: int | Sequence[int] | None,
    controls: bool,
    steps: int | Sequence[int] | None,
    method: str | None,
    backbone: str | None,
    engine: str | None,
    precision: str | None,
    data_root: PathLike | None,
    store: PathLike,
    evaluation: str | Sequence[str] | None = None,
    train: bool = True,
    coreset_metrics: bool = False,
    without_leaks: bool = False,
    initial_weights: str | None = None,
    encoder: str | None = None,
) -> Query:
    """The question that the options make which `plan`, `reproduce` and `table` share."""
    return Query(
        table=str(table),
        profile=profile,
        protocol=protocol,
        targets=names(targets),
        rows=names(rows),
        openset=openset,
        seeds=seeds_of(seeds),
        controls=controls,
        steps=numbers("steps", steps, 1),
        method=method,
        backbone=backbone,
        engine=engine,
        precision=precision_of(precision),
        data_root=data_root_of(data_root),
        store=Path(store),
        evaluations=names(evaluation),
        train=train,
        coreset_metrics=coreset_metrics,
        without_leaks=without_leaks,
        initial_weights=initial_weights,
        encoder=encoder,
    )
