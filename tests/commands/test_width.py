"""On a terminal of 80 columns every text fits: of every verb, on a finished small store."""

import shlex
import shutil
import sys

import pytest
from in_process import execute_here
from noise_folders import save_noise

from benchmark.__main__ import main
from benchmark.report.records import Verified
from benchmark.specs import folding

SMALL = ["--targets", "dtd", "--steps", "6"]
ROWS = ["--rows", "X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop"]

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


def too_long(capsys):
    """The lines that were printed and are too long."""
    shown = capsys.readouterr()
    lines = [*shown.out.splitlines(), *shown.err.splitlines()]
    assert lines
    return [line for line in lines if len(line) > 80]


@pytest.fixture
def here(terminal, finished_small_run, tmp_path, monkeypatch):
    """A copy of the small store in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_small_run[1].root, "runs")
    for module in ("_measure", "_evaluated"):
        monkeypatch.setattr(f"benchmark.commands.{module}.execute", execute_here)


ENCODER = "X, dtd, seed 0"
WORKING = {
    "compare": ["compare", "--target", "dtd", "--sampler", "simcore", "--against", "random", "--budget", "5%"],
    "evaluate": ["evaluate", "--encoder", ENCODER, "--target", "dtd", "--evaluation", "knn", "geometry"],
    "export": ["export", ENCODER, "--out", "encoder"],
}
MORE = {"compare": ["--steps", "6", "--device", "cpu"], "evaluate": ["--device", "cpu"], "export": []}


@pytest.mark.parametrize("name", WORKING)
def test_what_works_on_a_store_fits(name, here, capsys):
    with pytest.raises(SystemExit) as end:
        main([*WORKING[name], *MORE[name]])
    assert end.value.code == 0 and too_long(capsys) == []


def test_a_sample_and_what_follows_fit(terminal, without_workers, folders, tmp_path, capsys, monkeypatch):
    """The card comes as tables, and a long command in lines that a shell reads as one."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "pool"):
        (tmp_path / name).symlink_to(folders / name)
    words = ["sample", "--target", "mine", "--pool", "pool", "--out", "coreset.txt", "--profile", "smoke"]
    words += ["--steps", "2", "--device", "cpu", "--budget"]
    with pytest.raises(SystemExit) as end:
        main([*words, "7"])
    shown = capsys.readouterr()
    lines = [*shown.out.splitlines(), *shown.err.splitlines()]
    assert end.value.code == 0 and [line for line in lines if len(line) > 80] == []
    assert "| " not in shown.out and " \\\n      --" in shown.err
    for more in (["7", "--plan"], ["0"]):
        with pytest.raises(SystemExit):
            main([*words, *more])
        assert too_long(capsys) == []


@pytest.mark.parametrize("words", [["data", "check"], ["data", "shrink", "--out", "small", "--size", "16"]])
def test_verbs_of_data_fit(words, terminal, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        name = f"a-class-with-quite-a-long-name-{number % 2}/{number}.png"
        for split in ("train", "test"):
            save_noise(tmp_path / "data/targets/birds-of-a-long-name" / split / name, number, "blue")
        save_noise(tmp_path / "data/opensets/mixed/train" / name, number, "red")
    with pytest.raises(SystemExit) as end:
        main([*words, "--data-root", "data", "--jobs", "1"])
    assert end.value.code == 0 and too_long(capsys) == []


def test_a_folded_command_is_the_same_command():
    command = "  python -m benchmark sample --target 'my birds of a feather' --pool my_pool --out coreset-of-birds.txt"
    text = folding.folded_command(command, 50)
    assert len(text.splitlines()) > 1 and max(map(len, text.splitlines())) <= 50
    assert shlex.split(text.replace("\\\n", " ")) == shlex.split(command)
    assert folding.folded_command(command, None) == command


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


@pytest.mark.parametrize("verb", ["sample", "pretrain"])
def test_what_lies_in_the_folders_is_said_before_torch_is_loaded(
    verb, terminal, folders, tmp_path, capsys, monkeypatch
):
    def stop(machine):
        raise KeyboardInterrupt

    module = "sample.job" if verb == "sample" else "_pretrained"
    monkeypatch.setattr(f"benchmark.commands.{module}.check_machine", stop)
    monkeypatch.setattr("os._exit", sys.exit)
    monkeypatch.chdir(folders)
    picks = tmp_path / "picks.txt"
    picks.write_text("# pool: pool\npart0/00.png\n")
    more = ["--pool", "pool"] if verb == "sample" else ["--selection", str(picks)]
    with pytest.raises(SystemExit):
        main([verb, "--target", "mine", "--out", str(tmp_path / "out"), "--store", str(tmp_path / "runs"), *more])
    shown = capsys.readouterr().err.splitlines()
    assert shown[:2] == ["target: 12 images in mine", "pool: 60 images in 2 folders of pool"]


@pytest.mark.parametrize("words", [["check", "random"], ["verify", "results/budget/birds70-1600"]])
def test_verbs_that_take_seconds_say_what_begins(words, terminal, capsys, monkeypatch):
    monkeypatch.setattr("benchmark.commands.check.check", lambda sampler: 0)
    monkeypatch.setattr("benchmark.report.records.verify", lambda folder, form: Verified("a table", [], "all"))
    with pytest.raises(SystemExit):
        main(words)
    assert words[1] in capsys.readouterr().err.splitlines()[0]
