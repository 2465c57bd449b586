"""Write `constraints.txt`: the package versions behind the committed numbers, read from the records below `results/`.

    python -m scripts.constraints            # writes constraints.txt
    pip install -e . -c constraints.txt      # installs those versions

Every record holds the versions that it was made with. Where records differ, the version of most records stands, and a
comment names the others with their folders.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOT_ON_THE_INDEX = {
    "python": "",
    "simcore-benchmark": "",
    "solo-learn": " (from its repository: docs/engines.md)",
}
"""Recorded, but nothing that pip could install by that version; in brackets where it comes from."""

VersionCounts = dict[str, dict[str, Counter[str]]]
"""By package and version: how many records of which folder have it."""


def packages_in(value: Any) -> Iterator[dict[str, str]]:
    """The versions of every record in a parsed JSON file, however deep it lies."""
    if isinstance(value, dict):
        if isinstance(value.get("packages"), dict):
            yield value["packages"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from packages_in(part)


def versions(results: Path) -> VersionCounts:
    """What the records below `results` (*.json, *.jsonl) were made with."""
    counts: VersionCounts = defaultdict(lambda: defaultdict(Counter))
    for path in sorted(results.rglob("*.json*")):
        text = path.read_text()
        documents = text.splitlines() if path.suffix == ".jsonl" else [text]
        folder = path.parent if path.parent.name != "records" else path.parent.parent
        for packages in (one for document in documents for one in packages_in(json.loads(document))):
            for name, version in packages.items():
                counts[name][version][str(folder.relative_to(results.parent))] += 1
    return counts


def constraints(results: Path) -> str:
    """The text of `constraints.txt`."""
    by_package = versions(results)
    lines = [
        "# The package versions behind the committed numbers in results/. Written by `python -m scripts.constraints`.",
        "# Use: pip install -e . -c constraints.txt",
    ]
    for name, source in NOT_ON_THE_INDEX.items():
        if name in by_package:
            lines.append(f"# {name} {', '.join(sorted(by_package[name]))}{source}")
    for name in sorted(by_package.keys() - NOT_ON_THE_INDEX):
        most, *others = sorted(by_package[name], key=lambda version: (-by_package[name][version].total(), version))
        lines += [f"# {name} {other}: {', '.join(sorted(by_package[name][other]))}" for other in others]
        lines.append(f"{name}=={most}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text(constraints(ROOT / "results"))
