"""Formats of a report: one file each, its `entry` a `Format`."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.registry import Registry
from benchmark.report.table import TableResult


@dataclass(frozen=True)
class Format:
    """A format by the name that `--format` uses. `render` gives the whole text of a report.

    `suffix` is that of its files, `title` what `list formats` says of it."""

    name: str
    suffix: str
    title: str
    render: Callable[[TableResult], str]


FORMATS: Registry[Format] = Registry("format", "benchmark.report.formats", Format, group="benchmark.formats")


def render(result: TableResult, format: str) -> str:  # noqa: A002
    """`result` in the format of that name, ending in a newline. `UnknownName` for a format that is none."""
    return FORMATS.get(format).render(result)
