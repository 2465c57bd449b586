"""The rooms of `benchmark/` and who may import whom: docs/architecture.md, held against the syntax trees."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "benchmark"

LINES = (
    ("specs", "errors", "interrupts", "progress", "system"),
    ("registry", "statistics", "training"),
    ("datasets", "methods", "published", "execution"),
    ("images", "pretrain", "report"),
    ("stages",),
    ("evaluations", "sampling"),
    ("planning",),
    ("commands",),
    ("__main__", "__init__"),
)
"""A place imports only places of earlier lines."""
LINE_OF = {place: number for number, line in enumerate(LINES) for place in line}

OTHER_TESTS = {
    "api": "the Python API",
    "architecture": "the order of the code and what is added to it",
    "baselines": "the package baselines/",
    "docs": "the folder docs/",
    "golden": "values that tests compare with",
    "helpers": "modules that several test files import",
    "scripts": "the folder scripts/",
    "smoke": "whole runs of the smoke profile",
}
"""Folders of tests/ that are no room, and what each is about."""

HEAVY = ("torch", "timm", "lightly", "datasets", "pandas", "sklearn")


def place_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of this package that a syntax tree names in imports, late ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "benchmark":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "benchmark")


def arrows() -> Iterator[tuple[Path, str, str, str]]:
    """(file, its place, the module that it imports, that module's place), within the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for module in imported(ast.parse(path.read_text())):
            if module == "benchmark.__version__":
                continue
            place = module.split(".")[1] if "." in module else "__init__"
            yield path, place_of(path), module, place if place in LINE_OF else "__init__"


def test_every_place_has_its_line() -> None:
    places = {place_of(path) for path in PACKAGE.rglob("*.py")}
    assert places == set(LINE_OF)
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_the_tests_have_one_folder_per_room() -> None:
    """A folder of tests/ is a room or one that is named here. A loose file of tests/ tests a loose file."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders - rooms == set(OTHER_TESTS)
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    loose_tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert loose_tests <= modules


def test_names_of_test_files_are_unique() -> None:
    """There are no `__init__.py` files in tests/: a second file of one name would be taken for the first."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_imports_go_to_earlier_lines_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path, place, module, other in arrows()
        if place != other and LINE_OF[other] >= LINE_OF[place]
    ]
    assert not wrong


def test_baselines_import_nothing_of_the_harness() -> None:
    for path in (ROOT / "baselines").rglob("*.py"):
        assert not list(imported(ast.parse(path.read_text()))), path


def test_execution_names_no_image_and_no_method() -> None:
    words = {"pretrain", "images", "methods", "stages", "evaluations", "training", "datasets"}
    for path, place, module, other in arrows():
        assert place != "execution" or other not in words, f"{path.name} imports {module}"


@pytest.mark.parametrize("first", ["specs", "registry", "datasets", "published", "execution", "images", "report"])
def test_light_rooms_load_nothing_heavy(first: str) -> None:
    check_light([first])


def test_stages_evaluations_plans_and_verbs_load_nothing_heavy() -> None:
    check_light(["stages", "evaluations", "sampling", "planning", "commands"])


def check_light(places: list[str]) -> None:
    """Import every module of the places in a new process, and see that no heavy library came with them."""
    code = f"""
import importlib, pkgutil, sys
for place in {places}:
    package = importlib.import_module("benchmark." + place)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
        heavy_by_name = module.name.rpartition(".")[2].startswith("_")
        if not heavy_by_name:
            importlib.import_module(module.name)
print(sorted({set(HEAVY)} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_package_is_shipped() -> None:
    import tomllib

    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = [path.parent for name in ("baselines", "benchmark") for path in (ROOT / name).rglob("__init__.py")]
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders} | {"benchmark._tables"}
    assert set(setup["packages"]) == packages


def test_the_document_shows_these_lines() -> None:
    """The picture in docs/architecture.md is the order that is tested here."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    picture = text.split("```")[1].strip("\n").splitlines()
    assert len(picture) == len(LINES)
    for line, places in zip(picture, LINES, strict=True):
        words = line.split()
        assert words[1 : 1 + len(places)] == list(places)
