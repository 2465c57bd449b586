"""What installs the suite: lower bounds, the versions behind committed numbers, the lines of the documentation."""

import json
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmark.pretrain.engines import ENGINES
from scripts import constraints

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}
EXTRA = {Requirement(line).name: Requirement(line) for line in PROJECT["optional-dependencies"]["solo-learn"]}


@pytest.fixture
def written():
    """The text that the script makes of records with these versions, by folder."""

    def text(root, records):
        for number, (folder, packages) in enumerate(records):
            place = root / "results" / folder / "records" / f"{number}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps({"kind": "pretrain", "environment": {"packages": packages}}))
        return constraints.constraints(root / "results").splitlines()

    return text


def test_the_constraints_are_the_versions_of_the_committed_records():
    text = constraints.constraints(ROOT / "results")
    assert (ROOT / "constraints.txt").read_text() == text
    pinned = [Requirement(line) for line in text.splitlines() if not line.startswith("#")]
    assert {"torch", "torchvision", "numpy", "timm", "lightly", "scikit-learn"} <= {one.name for one in pinned}
    for one in pinned:
        (exact,) = one.specifier
        requirement = DEPENDENCIES.get(one.name) or EXTRA[one.name]
        assert exact.operator == "==" and exact.version in requirement.specifier, one.name


def test_records_that_differ_are_named_with_their_folders(written, tmp_path):
    lines = written(
        tmp_path,
        [("a", {"torch": "2.15.0", "python": "3.11.7"}), ("b", {"torch": "2.15.0"}), ("c", {"torch": "2.4.0"})],
    )
    assert [line for line in lines if "torch" in line] == ["# torch 2.4.0: results/c", "torch==2.15.0"]
    assert "# python 3.11.7" in lines


def test_the_line_that_installs_solo_learn_is_the_printed_one_and_names_all_that_it_imports():
    engine = ENGINES.get("solo-learn")
    assert f"```\n{engine.install}\n```" in (ROOT / "docs" / "engines.md").read_text()
    first = engine.install.split(" && ")[0]
    named = {word for word in first.removeprefix("pip install ").split() if not word.startswith('"')}
    assert named == set(EXTRA)
    assert set(engine.modules) - {"solo"} <= named


def test_the_readme_names_the_line_that_installs_the_versions_behind_its_numbers():
    text = (ROOT / "README.md").read_text()
    assert "`pip install -e . -c constraints.txt`" in text
    assert "--profile paper --engine lightly" in text
