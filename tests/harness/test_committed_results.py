"""Every table committed below results/ follows from its records."""

from pathlib import Path

import pytest

from benchmark.report.records import verify

RESULTS = Path(__file__).resolve().parents[2] / "results"
FOLDERS = sorted(path.parent for path in RESULTS.rglob("layout.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(RESULTS)) for folder in FOLDERS])
def test_committed_results_verify(folder):
    found = verify(folder)
    assert found.problems == []
    assert "STAND-IN" not in found.table


def test_the_tables_of_the_readme_are_committed_ones():
    readme = (RESULTS.parent / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith("| X")]
    committed = "".join((folder / "table.md").read_text() for folder in FOLDERS)
    assert rows and all(row in committed for row in rows)
