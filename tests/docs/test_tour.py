"""The notebook docs/tour.ipynb: what it shows is what it gives."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "docs" / "tour.ipynb"
nbformat = pytest.importorskip("nbformat", reason="the extra `test` has it")


def outputs(notebook):
    """The texts of a notebook's outputs and the kinds of its pictures, in their order."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = "image/png" in output.get("data", {})
            shown.append("picture" if picture else output.get("text") or output["data"]["text/plain"])
    return shown


def words(text):
    return re.sub(r"[\d.]+|\s+", " ", re.sub(r"\w+__\d+/\d+\.png", "image", text)).split()


def test_it_shows_outputs_of_stand_ins_and_nothing_of_the_machine():
    notebook = nbformat.read(TOUR, as_version=4)
    assert "stand-ins" in notebook.cells[0].source and "nothing about the paper" in notebook.cells[0].source
    shown = outputs(notebook)
    assert shown.count("picture") == 2 and len(shown) == 6
    assert "X+OS_simcore_5" in shown[2] and "purity" in shown[2]
    assert not re.search(r"/(?:work|root|home|tmp)/|Traceback", TOUR.read_text())
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == list(range(1, 8))


@pytest.mark.slow
def test_it_runs_and_gives_what_it_shows(tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(TOUR, as_version=4)
    shown = outputs(notebook)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    given = outputs(notebook)
    assert given[:2] == shown[:2]  # the claims and the published values
    assert [words(text) for text in given] == [words(text) for text in shown]
