"""Names in the code say what a value is: a list of words that name nothing is kept out of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("benchmark", "baselines", "scripts", "tests")

NO_NAMES = {"told", "asked", "alone", "coded", "mine", "theirs", "ours", "found", "wanted"}
"""A name of one of these words alone does not say what it holds."""
NO_PARTS = {"told", "asked", "mine", "theirs", "ours", "wanted"}
"""No part of a name either: `is_told`, `as_asked`."""


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of every function, class, argument, variable and attribute that a syntax tree binds."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.Import() | ast.ImportFrom():
                yield from ((node.lineno, alias.asname) for alias in node.names if alias.asname)


def says_nothing(name: str) -> bool:
    words = name.strip("_").lower()
    return words in NO_NAMES or not NO_PARTS.isdisjoint(words.split("_"))


def test_names_say_what_the_value_is() -> None:
    wrong = []
    for path in (path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))):
        file = path.relative_to(ROOT).as_posix()
        for line, name in names(ast.parse(path.read_text())):
            if says_nothing(name):
                wrong.append(f"{file}:{line}: {name}")
    assert not wrong


@pytest.mark.parametrize(
    "code",
    [
        "def told(): pass",
        "def f(asked): pass",
        "def f(*, _mine=1): pass",
        "class Wanted: pass",
        "found = 1",
        "for ours, theirs in (): pass",
        "self._found = 1",
        "with a as alone: pass",
        "if found := 1: pass",
        "import numpy as ours",
        "def test_it_is_told(): pass",
        "[coded for coded in ()]",
        "match 1:\n case theirs: pass",
        "try: pass\nexcept OSError as mine: pass",
    ],
)
def test_such_names_are_noticed_wherever_they_are_bound(code: str) -> None:
    assert any(says_nothing(name) for _, name in names(ast.parse(code)))


@pytest.mark.parametrize("code", ["found_names = 1", "def test_a_file_is_found(): pass", "let_alone = 1", "house = 1"])
def test_names_that_say_more_are_left(code: str) -> None:
    assert not any(says_nothing(name) for _, name in names(ast.parse(code)))
