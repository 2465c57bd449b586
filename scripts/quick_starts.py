"""Run the quick starts of README.md as they are printed, and write what they print again.

    python -m scripts.quick_starts          some minutes; run it when a line that a quick start prints has changed

A quick start is a `console` block: a command, and below it some lines of its output. "…" stands for lines that are
left out. Files that a command takes are there: a Python block whose first line names it, and two folders of
rendered stand-ins, `my_birds` (100 birds) and `my_pool` (500 images of birds, cars, aircraft and other things). A shown
line is known by its words: where only numbers differ, it is written again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.images.standins.root import Rendered

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n\$ (?P<command>.*)\n(?P<shown>[^`]*?)^```$", re.M)
FILE = re.compile(r"^```python\n# (?P<name>\w+\.py)\n(?P<code>.*?)^```$", re.M | re.S)
FOLDERS = {"my_birds": Rendered("targets", "cub", "train"), "my_pool": Rendered("opensets", "webfg", "train")}
LEFT_OUT = "…"


class QuickStart(NamedTuple):
    """A command line of the README and the lines that it shows of its output."""

    command: str
    shown: tuple[str, ...]


def quick_starts(text: str) -> list[QuickStart]:
    """The quick starts of a README, in their order."""
    return [QuickStart(match["command"], tuple(match["shown"].splitlines())) for match in BLOCK.finditer(text)]


def prepare(text: str, place: Path) -> None:
    """Write to the folder `place` what the quick starts of a README take."""
    for match in FILE.finditer(text):
        (place / match["name"]).write_text(match["code"])
    for folder, items in FOLDERS.items():
        for item in items.ids:
            path = place / folder / item
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(items.read(item))


def written_again(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """The shown lines as they were printed now. ValueError for a line that was not printed, or not in this order."""
    left, lines = iter(printed), []
    for line in shown:
        lines.append(line if line == LEFT_OUT else _next(left, line))
    return lines


def _next(printed: Iterator[str], shown: str) -> str:
    for line in printed:
        if words(line) == words(shown):
            return line.rstrip()
    raise ValueError(f"no line was printed, after those before it, like: {shown}")


def words(line: str) -> str:
    """A line without its numbers, the width of its columns, and the key and the address that differ by machine."""
    line = re.sub(r"file://\S*/|\b[0-9a-f]{12}\b", "…", line)
    return re.sub(r"[-+]?\d[\d,.]*|-{3,}|\s+", " ", line).replace("  ", " ").strip()


def run(command: str, place: Path) -> list[str]:
    """The lines of what a command prints to both streams, in the folder `place`."""
    words_ = command.replace("python", sys.executable, 1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words_, shell=True, cwd=place, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout.splitlines()


def main() -> None:
    text = README.read_text()
    with tempfile.TemporaryDirectory() as folder:
        prepare(text, Path(folder))
        for start in quick_starts(text):
            printed = run(start.command, Path(folder))
            print("\n".join(printed), flush=True)
            lines = written_again(start.shown, printed)
            text = text.replace("\n".join(start.shown), "\n".join(lines))
    README.write_text(text)


if __name__ == "__main__":
    main()
