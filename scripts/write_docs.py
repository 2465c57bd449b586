"""Write every measured number of README.md and docs/*.md again, from the committed records.

    python -m scripts.write_docs            rewrites the blocks
    python -m scripts.write_docs --check    names the documents that would change, and ends with 1 if there are any

A block stands between two comments. Either the script writes all of it (`docs_blocks`):

    <!-- numbers: accuracy; results/mini/rows -->
    | ...
    <!-- end -->

or it writes the numbers of a text in their order, each with the sign and the decimals that it is written with. They are
named in the comment (`docs_values`); what is no measurement stands there as it does in the text:

    <!-- values in mini/rows: ./flowers12/X/accuracy; 400 -->
    X alone has 52.8 % right after 400 steps.
    <!-- end -->
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from pathlib import Path

from benchmark.errors import UserError
from scripts.docs_blocks import made
from scripts.docs_values import value

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"^<!-- (?P<kind>numbers|values)(?: in (?P<folder>\S+))?:(?P<names>.*?)-->\n(?P<body>.*?)^<!-- end -->$",
    re.M | re.S,
)
MARKER = re.compile(r"<!-- (?:numbers|values|end)\b")
CODE = r"`[^`]*`|\]\([^)]*\)"
NUMBER = r"(?<![\w.])(?<![A-Za-z]-)[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?!\w|-[A-Za-z]|\.\d)"
TOKEN = re.compile(f"{CODE}|(?P<number>{NUMBER})")


class Wrong(ValueError):
    """A block that cannot be written; the message names it and says why."""


def documents() -> list[Path]:
    """The documents that hold measured numbers."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def written(text: str) -> str:
    """`text` with all of its blocks written again. Wrong if one cannot be."""
    page = BLOCK.sub(_block, text)
    if len(MARKER.findall(text)) != 2 * len(BLOCK.findall(text)):
        raise Wrong("a block begins and does not end, or ends and does not begin")
    return page


def _block(match: re.Match[str]) -> str:
    kind, body = match["kind"], match["body"]
    names = [" ".join(name.split()) for name in match["names"].split(";")]
    names = [re.sub(r"(?<!\S)\./", f"{match['folder']}/", name) for name in names]
    try:
        new = f"\n{made(names[0], names[1:])}\n\n" if kind == "numbers" else _with_values(body, names)
    except (KeyError, TypeError, ValueError, OSError, UserError) as error:
        raise Wrong(f"block {kind}: {'; '.join(names)}: {error}") from error
    start, end = (place - match.start() for place in match.span("body"))
    return match[0][:start] + new + match[0][end:]


def _with_values(body: str, names: list[str]) -> str:
    """The text with its numbers written again; one that is named by itself must be in its place."""
    numbers = [match["number"] for match in TOKEN.finditer(body) if match["number"]]
    if len(numbers) != len(names):
        raise Wrong(f"{len(numbers)} numbers ({', '.join(numbers)}) for {len(names)} names ({'; '.join(names)})")
    left = iter(zip(numbers, names, strict=True))
    return TOKEN.sub(lambda match: _number(*next(left)) if match["number"] else match[0], body)


def _number(text: str, name: str) -> str:
    if re.fullmatch(NUMBER, name):
        if text != name:
            raise Wrong(f"the text has {text} where {name} is named")
        return text
    decimals = len(text.partition(".")[2])
    number = round(value(name), decimals) + 0.0  # no -0
    return f"{number:{'+' if text[0] in '+-' else ''}{',' if ',' in text or number >= 1000 else ''}.{decimals}f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; show what differs")
    check = parser.parse_args().check
    differing = 0
    for path in documents():
        old = path.read_text()
        try:
            new = written(old)
        except Wrong as error:
            sys.exit(f"{path.relative_to(ROOT)}: {error}")
        if new == old:
            continue
        differing += 1
        print(f"{path.relative_to(ROOT)} {'differs' if check else 'written'}")
        if check:
            lines = difflib.unified_diff(old.splitlines(True), new.splitlines(True), "as it is", "by the records")
            print("".join(lines))
        else:
            path.write_text(new)
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
