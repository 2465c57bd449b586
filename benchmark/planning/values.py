"""Values as a command line or a caller of the Python API may give them, checked and in one form."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from benchmark.errors import UserError, one_of
from benchmark.specs.recipes import Precision

PathLike = str | os.PathLike[str]


def text(value: str | int) -> str:
    """The name of a table, which may be given as a number."""
    return str(value)


def names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name or several as a tuple; None as an empty one."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def texts(value: str | int | Sequence[str] | None) -> tuple[str, ...]:
    """One budget or several as they are written on a command line; None as an empty tuple."""
    return names(str(value) if isinstance(value, int) else value)


def seeds_of(value: int | Sequence[int] | None) -> tuple[int, ...]:
    """One seed or several as a tuple; without any seed 0. UserError for a negative one."""
    return numbers("seeds", value, 0) or (0,)


def lengths(value: int | Sequence[int] | None) -> tuple[int, ...]:
    """One length of training or several, in optimiser steps. UserError for one below 1."""
    return numbers("steps", value, 1)


def jobs_of(value: int | None) -> int | None:
    """A number of worker processes. UserError for one below 1."""
    return at_least("jobs", value, 1)


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


def optional_path(value: PathLike | None) -> Path | None:
    """`value` as a path."""
    return None if value is None else Path(value)


def to_path(value: PathLike) -> Path:
    """`value` as a path."""
    return Path(value)
