"""Text that fits a terminal: lines folded at words, tables in blocks of columns. Elsewhere lines stay whole.

What programs read (Markdown, CSV, JSON, LaTeX) never comes here.
"""

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import TextIO

LEAST = 80
"""Columns that are used on a narrower terminal too."""
USUAL = 120
"""Columns of a table where there is no terminal."""
WHOLE = 10_000
"""Columns of a table that is folded on a terminal alone."""
LEAST_CELL = 12
"""Columns that a folded cell keeps."""


def columns(stream: TextIO) -> int | None:
    """The width of the terminal that `stream` writes to, at least 80; None where it writes to no terminal."""
    return max(LEAST, shutil.get_terminal_size().columns) if stream.isatty() else None


def table_width() -> int:
    """The columns of a table on standard output."""
    return columns(sys.stdout) or USUAL


def folded(text: str, width: int | None) -> str:
    """The lines of `text` folded at spaces to `width`. What is folded stands further to the right than its line. A word
    that is longer, a path for instance, stays whole."""
    return text if width is None else "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    options = {"break_long_words": False, "break_on_hyphens": False}
    return wrap(line, width, subsequent_indent=f"{indent}    ", drop_whitespace=True, **options)  # type: ignore[arg-type]


def show(text: str, end: str = "\n") -> None:
    """Print on standard output, folded where that is a terminal."""
    print(folded(text, columns(sys.stdout)), end=end, flush=True)


def note(text: str) -> None:
    """Print what a reader should know on standard error, folded where that is a terminal."""
    say(f"note: {text}")


def say(text: str) -> None:
    """Print on standard error, folded where that is a terminal."""
    print(folded(text, columns(sys.stderr)), file=sys.stderr, flush=True)


def begin(text: str) -> None:
    """On a terminal, print what begins: for work whose first step, such as the import of torch, takes seconds."""
    if columns(sys.stderr) is not None:
        say(text)


def say_next(purpose: str, command: str) -> None:
    """Print on standard error what may come next, and its command. On a terminal a long one is folded as a shell reads
    it, so that it can be pasted."""
    say(f"next, {purpose}:")
    print(folded_command(f"  {command}", columns(sys.stderr)), file=sys.stderr, flush=True)


def folded_command(command: str, width: int | None) -> str:
    """A command line of a shell, continued by backslashes where it is wider than `width`."""
    if width is None or len(command) <= width:
        return command
    lines = [""]
    # A space within quotes is no place to continue.
    for word in re.findall(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+", command):
        if lines[-1] and len(lines[-1]) + len(word) + 3 > width:
            lines.append("")
        indent = "  " if len(lines) == 1 else "      "
        lines[-1] += f" {word}" if lines[-1] else f"{indent}{word}"
    return " \\\n".join(lines)


def grid(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    align: Sequence[str] = (),
    shares: Sequence[float] = (),
) -> str:
    """A table of at most `width` columns. A wide one comes in several blocks of columns, as few as possible and evenly
    filled, each with the first column. A cell that is too wide for that is folded. `shares` are the parts of the width
    that columns of prose may take."""
    from tabulate import tabulate

    count = max(len(row) for row in (header, *rows))
    padded = [[*row, *[""] * (count - len(row))] for row in (header, *rows)]
    first = min(max(len(row[0]) for row in padded), width // 2)
    most = [first, *[width - first - 4] * (count - 1)]
    if shares:
        most = [int(share * (width - 2 * (count - 1))) - 2 for share in shares]
    heads, *narrow = ([_cell(text, limit) for text, limit in zip(row, most, strict=True)] for row in padded)
    widths = [_width(place, heads, narrow) + 2 for place in range(count)]
    fewest = len(_filled(widths, width + 2))
    even = next(limit for limit in range(width + 3) if len(_filled(widths, limit)) <= fewest)
    sides = [*align, *["left"] * (count - len(align))]
    return "\n\n".join(
        tabulate(
            [[row[place] for place in block] for row in narrow if any(row[place] for place in block[1:])],
            headers=[heads[place] for place in block],
            colalign=[sides[place] for place in block],
            disable_numparse=True,
            preserve_whitespace=True,
        )
        for block in _filled(widths, even)
    )


def _cell(text: str, width: int) -> str:
    return text if len(text) <= width else "\n".join(wrap(text, max(width, LEAST_CELL), break_on_hyphens=False))


def _width(place: int, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """The width of a column: tabulate leaves two spaces beside a heading."""
    wide = [len(line) for row in rows for line in row[place].split("\n")]
    return max([*wide, *(len(line) + 2 for line in header[place].split("\n") if line)], default=0)


def _filled(widths: Sequence[int], limit: int) -> list[list[int]]:
    """Columns after the first, in blocks that are as wide as `limit` allows beside the first (at least one each)."""
    blocks: list[list[int]] = []
    used = limit
    for column, width in enumerate(widths[1:], start=1):
        if used + width > limit:
            blocks.append([0])
            used = widths[0]
        blocks[-1].append(column)
        used += width
    return blocks or [[0]]
