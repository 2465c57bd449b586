"""One report, five formats."""

from collections.abc import Callable
from typing import Literal, get_args

from benchmark.errors import UnknownName
from benchmark.report.formats.machines import comma_separated, javascript_object
from benchmark.report.formats.people import latex, markdown, text
from benchmark.report.table import TableResult

Format = Literal["text", "md", "latex", "csv", "json"]

_RENDERERS: dict[str, Callable[[TableResult], str]] = {
    "text": text,
    "md": markdown,
    "latex": latex,
    "csv": comma_separated,
    "json": javascript_object,
}


def render(result: TableResult, format: Format) -> str:  # noqa: A002
    """`result` in `format`, ending in a newline. `UnknownName` for a format that is none of the five."""
    if format not in _RENDERERS:
        raise UnknownName("format", format, list(get_args(Format)))
    return _RENDERERS[format](result)
