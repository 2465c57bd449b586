"""Every table committed below results/ follows from its records."""

import json
import re
from pathlib import Path
from statistics import fmean

import pytest

from benchmark.errors import UserError
from benchmark.report.records import verify

RESULTS = Path(__file__).resolve().parents[2] / "results"
OLD = sorted(path.parent for path in RESULTS.rglob("comparison.json"))
FOLDERS = sorted(path.parent for path in RESULTS.rglob("layout.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(RESULTS)) for folder in FOLDERS])
def test_committed_results_verify(folder):
    verified = verify(folder)
    assert verified.problems == []
    assert "STAND-IN" not in verified.table


@pytest.mark.parametrize("folder", OLD, ids=[folder.name for folder in OLD])
def test_numbers_of_the_old_format_follow_from_their_scores(folder):
    """Comparisons had no records before they were tables; `verify` says so in one line."""
    with pytest.raises(UserError, match=r"is of the old format: comparison\.json has numbers alone"):
        verify(folder)
    assert "of the old format" in (folder / "README.md").read_text()
    groups = {}
    for score in json.loads((folder / "comparison.json").read_text())["scores"]:
        groups.setdefault((score["target"], score.get("budget"), score["sampler"]), []).append(score["values"])
    shown = list(shown_means(folder))
    assert {place for place, _, _ in shown} == set(groups)
    for place, name, text in shown:
        values = [values[name] for values in groups[place] if name in values]
        digits = len(text.partition(".")[2])
        assert text == "-" or float(text.replace(",", "")) == pytest.approx(fmean(values), abs=0.51 * 10**-digits)


MEASURES = {
    "images": "images",
    "purity %": "purity",
    "X to picks": "target_to_picks",
    "coverage": "coverage",
    "MMD²": "mmd2",
    "near-dup.": "near_duplicates",
    "accuracy %": "accuracy",
}


def shown_means(folder):
    """((target, budget, sampler), measure, mean as it is written) of every table of a comparison."""
    text = (folder / "comparison.md").read_text()
    for target, rule, table in re.findall(r"^\*\*(\w+), (.*?)(?: \(.*)?\*\*\n\n((?:\|.*\n)+)", text, re.M):
        budget = {"stopping rule": "stop", "without a coreset": None}.get(rule, rule.removeprefix("budget "))
        header, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines())
        for line in lines:
            cells = dict(zip(header, line, strict=True))
            for title, name in MEASURES.items():
                if cells.get(title):
                    yield (target, budget, line[0]), name, cells[title].partition(" ")[0]
