"""The code that the documentation shows runs as it stands."""

import json
import re
from pathlib import Path

import pytest

from baselines.core.clauses import ANSWERS, CLAUSES
from benchmark.__main__ import main
from benchmark.report.blocks import signed
from benchmark.report.measures import CORESET_MEASURES
from benchmark.specs.cells import ACCURACY
from benchmark.statistics import paired_means

ROOT = Path(__file__).resolve().parents[2]
DOCS, RESULTS = ROOT / "docs", ROOT / "results" / "samplers"


def test_the_sampler_of_the_tutorial_keeps_the_contract(tmp_path, monkeypatch, capsys):
    text = (DOCS / "add-a-sampler.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.S)[0]
    assert len(code.splitlines()) < 30
    (tmp_path / "my_sampler.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["check", re.findall(r"benchmark check (\S+)", text)[0]])
    assert end.value.code == 0 and "all 15 clauses hold" in capsys.readouterr().out


def test_the_tutorial_lists_the_clauses_of_the_contract_and_the_columns_of_a_comparison():
    text = (DOCS / "add-a-sampler.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    clauses = rows[1 : rows.index(["column", "what it is", "better"])]
    assert clauses == [[name, clause.asks] for name, clause in {"answers": ANSWERS, **CLAUSES}.items()]
    columns = {name.strip() for row in rows[len(clauses) + 2 :] for name in row[0].split(",")}
    assert {f"{measure.title} {measure.unit}".strip() for measure in (*CORESET_MEASURES, ACCURACY)} <= columns


@pytest.mark.parametrize("name", ["trained", "frozen-trained"])
def test_differences_of_accuracy_in_committed_comparisons_follow_from_their_accuracies(name):
    """Their predictions were not kept, so that the intervals are over seeds alone."""
    comparison = json.loads((RESULTS / name / "comparison.json").read_text())
    accuracies = {}
    for score in comparison["scores"]:
        if score.get("budget") and "accuracy" in score["values"]:
            accuracies.setdefault(score["sampler"], []).append(score["values"]["accuracy"])
    rows = [line.split("|") for line in (RESULTS / name / "comparison.md").read_text().splitlines() if line[:1] == "|"]
    shown = {cells[1].strip(): cells[-2].strip() for cells in rows if len(cells) > 10}
    others = [sampler for sampler in accuracies if sampler != comparison["reference"]]
    assert others
    for sampler in others:
        estimate = paired_means(accuracies[sampler], accuracies[comparison["reference"]])
        value, low, high = (signed(points, 1) for points in (estimate.value, estimate.low, estimate.high))
        assert shown[sampler] == f"{value} [{low}, {high}]"


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_lines_of_prose_are_below_120_characters(path):
    """Tables, code and pictures with their texts may be longer."""
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.S).splitlines()
    assert [line for line in prose if len(line) >= 120 and not line.startswith(("|", "!["))] == []
