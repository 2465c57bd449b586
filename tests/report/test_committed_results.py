"""Every table committed below results/ follows from its records."""

import json
import re
from pathlib import Path

import pytest

from benchmark.comparison.outcome import Line, Outcome, Score
from benchmark.comparison.report import render
from benchmark.report.records import verify

RESULTS = Path(__file__).resolve().parents[2] / "results"
COMPARISONS = sorted(path.parent for path in RESULTS.rglob("comparison.json"))
FOLDERS = sorted(path.parent for path in RESULTS.rglob("layout.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(RESULTS)) for folder in FOLDERS])
def test_committed_results_verify(folder):
    found = verify(folder)
    assert found.problems == []
    assert "STAND-IN" not in found.table


@pytest.mark.parametrize("folder", COMPARISONS, ids=[folder.name for folder in COMPARISONS])
def test_committed_comparisons_follow_from_their_scores(folder):
    """All but the intervals of accuracies, whose answers by test image are not kept."""
    saved = json.loads((folder / "comparison.json").read_text())
    groups = {}
    for score in saved["scores"]:
        place = (score["sampler"], score.get("budget"), score["target"])
        groups.setdefault(place, []).append(Score(*place, score["seed"], score["values"]))
    lines = tuple(Line(*place, tuple(scores)) for place, scores in groups.items())
    seeds = tuple(sorted({score["seed"] for score in saved["scores"]}))
    outcome = Outcome(saved["title"], saved["reference"], lines, saved["standins"], seeds, saved["packages"])
    committed, again = (folder / "comparison.md").read_text(), render(outcome, "md")
    assert table_cells(committed) == table_cells(again)


def table_cells(text):
    """Every row of every table as {column: cell}, without the differences of accuracies."""
    rows = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        header, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
        rows += [{k: v for k, v in zip(header, line, strict=True) if "accuracy minus" not in k} for line in lines]
    assert rows
    return rows
