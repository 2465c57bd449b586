"""Plant faults one by one in a copy of the tree and see whether the fast tests notice: `python scripts/mutants.py`.

    --only NAME ...     these mutants alone (part of a name is enough)
    --whole             every fast test for every mutant, not only those named beside it (an hour each)
    --list              names and places, nothing is run

A mutant is code that must be there and what takes its place. The code is looked for as a syntax tree below
`benchmark` and `baselines`, so that neither layout nor the folder of a module matters. It must stand in exactly one
place (where `every`, in one or more: each of them is then a mutant of its own). The tests named are run without any
mutant first, and must pass. Exit code 0: all were caught; 1: some survive; 2: code or tests are not there, or tests
fail without a mutant.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.mutant_list import MUTANTS, Mutant  # noqa: E402

PACKAGES = ("benchmark", "baselines")
COPIED = (*PACKAGES, "tests", "tables", "scripts", "docs", "results", "README.md", "pyproject.toml")


class MutantError(Exception):
    """The code to replace is gone or stands in several places, or the tests say nothing."""


# Planting ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where code stands: byte offsets in a file."""

    file: Path
    start: int
    stop: int


def parsed(code: str) -> ast.AST:
    """The one expression or statement that `code` is."""
    (statement,) = ast.parse(code).body
    return statement.value if isinstance(statement, ast.Expr) else statement


def places(root: Path, code: str) -> list[Place]:
    """Where `code` stands below the packages of `root`, whatever its layout."""
    pattern = parsed(code)
    shape = ast.dump(pattern)
    matches = []
    for file in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        text = file.read_bytes()
        starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
        for node in nodes(text).get(type(pattern), ()):
            if ast.dump(node) == shape:
                start = starts[node.lineno - 1] + node.col_offset
                matches.append(Place(file, start, starts[node.end_lineno - 1] + node.end_col_offset))
    return matches


@cache
def nodes(text: bytes) -> dict[type, list[ast.AST]]:
    """The nodes of a module's syntax tree by their types."""
    by_type: dict[type, list[ast.AST]] = {}
    for node in ast.walk(ast.parse(text)):
        by_type.setdefault(type(node), []).append(node)
    return by_type


def find(root: Path, mutant: Mutant) -> list[Place]:
    """The places that `mutant` changes. MutantError where it would change none, or more than it should."""
    matches = places(root, mutant.before)
    if not matches or (len(matches) > 1 and not mutant.every):
        where = ", ".join(str(place.file.relative_to(root)) for place in matches) or "nowhere"
        raise MutantError(f"{mutant.name}: this code must stand in one place and stands in {where}:\n{mutant.before}")
    return matches


def plant(place: Place, after: str) -> bytes:
    """Put `after` in the place; what the file held before."""
    before = place.file.read_bytes()
    changed = before[: place.start] + after.encode() + before[place.stop :]
    ast.parse(changed)
    place.file.write_bytes(changed)
    return before


# Running -------------------------------------------------------------------------------------------------------------


def copy_tree(to: Path) -> None:
    """All that the tests need, without what earlier runs left."""
    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=ignored)
        else:
            shutil.copy(source, to / name)


def environment(root: Path) -> dict[str, str]:
    # No bytecode: a file changed twice within a second could otherwise be taken for the one before.
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}


def run_tests(root: Path, tests: Iterable[str]) -> tuple[int, str]:
    """The exit code of pytest on `tests` (none: all fast ones), up to the first failure, and what failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=root, env=environment(root), capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    reason = lines[0].split(" - ")[0] if lines else "\n".join((done.stdout + done.stderr).splitlines()[-5:])
    return done.returncode, reason


def keep_sources(root: Path) -> None:
    """Let the copy's own kept hashes of sources be those of the mutant: that test would notice any change of code."""
    command = [sys.executable, "scripts/golden.py", "--update"]
    subprocess.run(command, cwd=root, env=environment(root), check=True)


def try_place(root: Path, mutant: Mutant, place: Place, whole: bool) -> tuple[bool, str]:
    """Whether the tests notice `mutant` in `place`, and what was seen. MutantError where pytest could not run them."""
    before = plant(place, mutant.after)
    try:
        keep_sources(root)
        code, reason = run_tests(root, () if whole else mutant.tests)
    finally:
        place.file.write_bytes(before)
    if code not in (0, 1):
        raise MutantError(f"{mutant.name}: the tests could not be run:\n{reason}")
    return code == 1, reason


def try_all(root: Path, mutants: Iterable[Mutant], whole: bool) -> tuple[list[str], int]:
    """Try every mutant in the copy `root`, a line for each: those that survive, and how many there were."""
    survivors, tried = [], 0
    for mutant in mutants:
        for place in find(root, mutant):
            started = time.monotonic()
            caught, reason = try_place(root, mutant, place, whole)
            name = f"{mutant.name} ({place.file.relative_to(root)})"
            result = f"caught by {reason.removeprefix('FAILED ')}" if caught else "SURVIVES"
            print(f"{name}: {result} ({time.monotonic() - started:.0f} s)", flush=True)
            survivors += [] if caught else [name]
            tried += 1
    return survivors, tried


def check_tests(root: Path, mutants: Iterable[Mutant]) -> None:
    """MutantError unless the tests pass without any mutant."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    code, reason = run_tests(root, tests)
    if code:
        raise MutantError(f"without a mutant the tests do not pass:\n{reason}")
    print(f"without a mutant all pass: {', '.join(tests)}", flush=True)


def chosen(names: list[str]) -> list[Mutant]:
    matching = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    if not matching:
        raise MutantError(f"no mutant is called {' or '.join(names)}: see --list")
    return matching


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    try:
        mutants = chosen(options.only)
        for mutant in mutants:
            matches = find(ROOT, mutant)
            if options.list:
                print(f"{mutant.name}: {', '.join(str(place.file.relative_to(ROOT)) for place in matches)}")
        if options.list:
            return 0
        with tempfile.TemporaryDirectory() as folder:
            copy_tree(Path(folder))
            check_tests(Path(folder), mutants)
            survivors, tried = try_all(Path(folder), mutants, options.whole)
    except MutantError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{tried - len(survivors)} of {tried} mutants caught; survive: {', '.join(survivors) or 'none'}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
