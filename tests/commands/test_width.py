"""On a terminal of 80 columns every text fits: of every verb, on a finished small store."""

import sys

import pytest

from benchmark.__main__ import main
from benchmark.specs import folding

SMALL = ["--targets", "dtd", "--steps", "6"]
ROWS = ["--rows", "X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop"]
ENCODER = "pretrain dtd X"

TEXTS = {
    "list": ["list"],
    "show a table": ["show", "2"],
    "show a large table": ["show", "lcr-table2"],
    "show a recipe": ["show", "recipe", "byol"],
    "show a small recipe": ["show", "recipe", "all4one", "--profile", "mini"],
    "show a sampler": ["show", "simcore"],
    "status": ["status", "--store", "STORE"],
    "status --check": ["status", "--check", "--store", "STORE"],
    "table": ["table", "2", *SMALL, *ROWS, "--store", "STORE"],
    "table of many targets": ["table", "2", "--store", "STORE"],
    "table of coresets": ["table", "2", *SMALL, *ROWS, "--coreset-metrics", "--store", "STORE"],
    "plan": ["plan", "2", *SMALL, *ROWS, "--store", "STORE"],
    "plan of the paper": ["plan", "2", "--profile", "paper", "--targets", "cub", "--store", "STORE"],
    "reproduce": ["reproduce", "2", *SMALL, *ROWS, "--device", "cpu", "--store", "STORE"],
    "run": ["run", "--variant", "X", "--target", "dtd", "--steps", "6", "--device", "cpu", "--store", "STORE"],
    "compare --plan": ["compare", "--plan", "--target", "dtd", "--sampler", "herding", "k-centre", "--store", "STORE"],
    "verify": ["verify", "results/budget/birds70-1600"],
    "check": ["check", "random"],
    "data where": ["data", "where"],
    "an error": ["plan", "--targets", "nothing-of-this-name", "--store", "STORE"],
}


@pytest.fixture
def terminal(monkeypatch):
    """Standard output and error are a terminal of 80 columns, whatever pytest does with them."""
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.setattr(folding, "columns", lambda stream: 80)


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_fits_80_columns(name, terminal, finished_small_run, capsys, monkeypatch):
    _, store = finished_small_run
    # A path is a word that is not folded.
    monkeypatch.chdir(store.root.parent) if "results" not in " ".join(TEXTS[name]) else None
    arguments = [store.root.name if word == "STORE" else word for word in TEXTS[name]]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    # Another text than the verb's own would prove nothing.
    assert end.value.code == (2 if name in ("an error", "data where") else 0)
    shown = capsys.readouterr()
    lines = [*shown.out.splitlines(), *shown.err.splitlines()]
    assert lines and [line for line in lines if len(line) > 80] == []


def test_a_stream_that_is_no_terminal_is_not_folded(capsys):
    folding.note("word " * 40)
    assert folding.columns(sys.stderr) is None and len(capsys.readouterr().err.splitlines()) == 1


def test_a_narrow_terminal_is_taken_for_one_of_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = type("Terminal", (), {"isatty": lambda self: True})()
    assert folding.columns(stream) == 80


def test_what_is_folded_stands_to_the_right_and_paths_stay_whole():
    path = "/" + "folder/" * 20
    assert (
        folding.folded(f"  key {'word ' * 5}{path} end", 30)
        == f"  key word word word word word\n      {path}\n      end"
    )


def test_a_wide_table_comes_in_blocks_and_no_cell_is_cut():
    header = ["row", *(f"column {place}" for place in range(9))]
    rows = [["X", *("1234567.89" for _ in range(9))], ["a name of several words " * 4, *("" for _ in range(9))]]
    text = folding.grid(header, rows, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("1234567.89") == 9 and all(title in text for title in header)


def test_a_run_says_what_begins_before_it_loads_torch(terminal, tmp_path, capsys, monkeypatch):
    from benchmark.commands import _measure

    def stop(machine):
        raise KeyboardInterrupt

    monkeypatch.setattr(_measure, "check_machine", stop)
    monkeypatch.setattr("os._exit", sys.exit)
    with pytest.raises(SystemExit):
        main(["reproduce", "2", *SMALL, "--rows", "X", "--store", str(tmp_path / "runs")])
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "table2, profile smoke: 1 cell; loading torch, then the images"
