"""`import benchmark`: what it loads, what it offers, what comes back, from a script, a thread and this process."""

import ast
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import benchmark
from benchmark.__main__ import app, main
from benchmark.execution.store import Store

ROOT = Path(__file__).resolve().parents[2]
HOOKS = ROOT / "tests" / "execution" / "killed_run"
QUESTION = {"table": "2", "targets": ["cub"], "rows": ["X", "X+simcore(5%)"], "steps": 2, "device": "cpu"}
COLUMNS = {
    "target": "string",
    "row": "string",
    "base_row": "string",
    "length": "Int64",
    "seed": "int64",
    "measure": "string",
    "value": "float64",
    "published": "float64",
    "protocol": "string",
    "n": "Int64",
    "key": "string",
    "data": "string",
    "state": "string",
    "reason": "string",
}
SCRIPT = """
from pathlib import Path
with Path("imported").open("a") as file:
    file.write("once\\n")
import benchmark
result = benchmark.reproduce(store="runs", jobs=2, **{question})
Path("value").write_text(str(result["X", "cub"].value))
"""
CELL = """
import threading, benchmark
values = []
def measure():
    result = benchmark.reproduce(targets="cub", rows="X", steps=1, seeds=1, store="runs", device="cpu")
    values.append(result["X", "cub"].value)
"""
IN_A_THREAD = "thread = threading.Thread(target=measure); thread.start(); thread.join(); print(values)"


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a store that a plain script has filled."""
    place = tmp_path_factory.mktemp("api")
    (place / "script.py").write_text(SCRIPT.format(question=QUESTION))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=place, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def result(folder):
    return benchmark.reproduce(store=folder / "runs", **QUESTION)


def test_a_plain_script_runs_once_though_it_has_no_guard(folder, result):
    assert (folder / "imported").read_text() == "once\n"
    assert float((folder / "value").read_text()) == result["X", "cub"].value
    assert len(list((folder / "runs").glob("pretrain/*/record.json"))) == 2


def test_a_program_without_a_file_may_run_from_a_thread(tmp_path):
    # As in a notebook: the main module has no file. Handlers of signals cannot be set in a thread.
    done = subprocess.run(
        [sys.executable], input=CELL + IN_A_THREAD, cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (value,) = json.loads(done.stdout)
    assert 0 <= value <= 100


def test_a_script_that_is_terminated_ends_as_any_other(tmp_path):
    log = tmp_path / "log"
    log.touch()
    environ = environment(LOG=str(log), WAIT_AT="pretrain:reading", PYTHONPATH=f"{HOOKS}{os.pathsep}{ROOT}")
    process = subprocess.Popen([sys.executable, "-c", CELL + "measure()"], cwd=tmp_path, env=environ)
    end = time.monotonic() + 120
    while "pretrain:reading" not in log.read_text():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM


def test_importing_it_loads_no_library():
    code = "import sys, benchmark; print(benchmark.__version__, *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "benchmark" in loaded
    assert not loaded & {"torch", "pandas", "numpy", "typer", "pydantic", "yaml", "datasets", "timm", "baselines"}


def test_what_it_offers_is_what_type_checkers_see():
    (block,) = (node for node in ast.parse(Path(benchmark.__file__).read_text()).body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {name: f"benchmark.{module}" for name, module in benchmark._MODULES.items()}
    assert sorted(seen) == benchmark.__all__
    for name in benchmark.__all__:
        assert getattr(benchmark, name).__module__ == seen[name] and getattr(benchmark, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'reprodce'"):
        _ = benchmark.reprodce


def test_an_option_of_a_question_is_an_option_of_every_verb_and_function_that_take_it():
    """`tau` is one line in one place: the command line, the Python API and the question have it."""
    from attrs import field, frozen

    from benchmark.commands._options import with_options_of
    from benchmark.commands._query import RunQuery, takes
    from benchmark.planning.query import described

    @frozen(kw_only=True, slots=False)
    class Question(RunQuery):
        tau: float = field(default=0.95, metadata=described("threshold"))

    @takes(Question)
    def ask(question: Question) -> Question:
        return question

    answers = []

    @with_options_of(ask)
    def verb(work):
        answers.append(work())

    program = typer.Typer()
    program.command()(verb)
    typer.main.get_command(program).main(["3", "--tau", "0.9", "--rows", "X"], standalone_mode=False)
    assert inspect.signature(ask).parameters["tau"].default == 0.95
    assert answers == [ask("3", tau=0.9, rows="X")] and answers[0].tau == 0.9


@pytest.mark.parametrize("verb", ["reproduce", "table", "plan", "compare", "evaluate", "sample", "pretrain"])
def test_options_of_a_verb_are_the_functions_with_its_defaults(verb):
    command = typer.main.get_command(app()).commands[verb]
    of_verb = ("format_", "save", "plan", "table_argument")
    options = {option.name: option for option in command.params if option.name not in of_verb}
    # `benchmark.pretrain` is the room of the training loop.
    function = getattr(benchmark, {"pretrain": "pretrain_encoder"}.get(verb, verb))
    parameters = inspect.signature(function).parameters
    assert list(options) == list(parameters)
    for name, option in options.items():
        if (verb, name) == ("sample", "out"):
            # A command without a place for its coreset would leave none.
            assert option.required and parameters[name].default is None
        elif option.required:
            assert parameters[name].default is inspect.Parameter.empty
        else:
            assert option.default == parameters[name].default


def test_the_data_frame_is_long_and_tidy(result):
    frame = result.to_pandas()
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert not frame.duplicated(["target", "row", "seed", "measure"]).any()
    assert set(frame.row) == {"X", "X+OS_simcore_5"} and set(frame.data) == {"stand-in"}
    accuracies = frame[frame.measure == "accuracy"].set_index("row")
    assert accuracies.published.to_dict() == {"X": 29.27, "X+OS_simcore_5": result["X+OS_simcore_5", "cub"].published}
    store = result.store
    for line in accuracies.itertuples():
        record = store.result("evaluate", line.key).record
        assert (line.value, line.n) == (record.metrics["accuracy"], record.metrics["n"])
    purity = frame[frame.measure == "purity"].iloc[0]
    images = frame[frame.measure == "images"].iloc[0]
    assert purity.n == images.value == 100 and store.result("purity", purity.key) is not None


def test_a_cell_is_found_by_id_variant_or_title(result):
    cells = [result[name, "cub"] for name in ("X+simcore(5%)", "X+OS_simcore_5", "X + SimCore, p = 5 %")]
    assert cells[0] == cells[1] == cells[2] and cells[0] != result["X", "cub"]
    (record,) = cells[0].records
    assert (record.seed, record.measure, record.value) == (0, "accuracy", cells[0].value)
    assert record.record.key == record.key and cells[0].state == "measured"


@pytest.mark.parametrize(
    ("row", "target", "near"), [("X+simcor(5%)", "cub", r"did you mean X\+simcore\(5%\)"), ("X", "cubs", "mean cub")]
)
def test_a_name_that_the_table_does_not_have_is_an_error_with_near_names(result, row, target, near):
    with pytest.raises(benchmark.UnknownName, match=near):
        result[row, target]


def test_a_hole_has_a_line_without_a_value(folder, result):
    table = benchmark.table(targets=["cub"], rows=("X", "OS"), steps=2, store=folder / "runs")
    frame = table.to_pandas()
    assert len(frame[frame.row == "OS"]) == 1
    frame = frame[frame.measure == "accuracy"].set_index("row")
    assert frame.state.to_dict() == {"X": "measured", "OS": "missing"}
    assert np.isnan(frame.value["OS"]) and frame.value["X"] == result["X", "cub"].value
    assert table["OS", "cub"].value is None and frame.n.isna().to_dict() == {"X": False, "OS": True}


def test_it_renders_what_the_verb_prints(folder, result, capsys):
    question = ["--targets", "cub", "--rows", "X", "X+simcore(5%)", "--steps", "2", "--store", str(folder / "runs")]
    with pytest.raises(SystemExit):
        main(["table", "2", *question, "--format", "md"])
    assert capsys.readouterr().out == result.render("md")
    with pytest.raises(benchmark.UnknownName, match="unknown format"):
        result.render("html")


def test_a_plan_tells_what_is_done_and_runs_nothing(folder):
    question = {name: value for name, value in QUESTION.items() if name != "device"}
    planned = benchmark.plan(store=folder / "runs", **{**question, "seeds": (0, 1)})
    frame = planned.to_pandas()
    assert frame.groupby("seed").done.all().to_dict() == {0: True, 1: False}
    assert 0 < planned.hours_left < planned.hours
    assert len(list((folder / "runs").glob("pretrain/*/record.json"))) == 2


def test_a_comparison_comes_back_as_a_table(folder):
    place = {"store": folder / "runs", "steps": 2, "device": "cpu"}
    result = benchmark.compare("cub", "nearest", against="random", budget="5%", **place)
    assert type(result) is type(benchmark.table(rows="X", targets="cub", store=folder / "runs"))
    frame, cell = result.to_pandas(), result["X+nearest(5%)", "cub"]
    shown = frame[(frame.row == "X+nearest(5%)") & (frame.measure == "purity")].iloc[0]
    assert [shown.value] == cell.values("purity") and cell.value is None and cell.records == ()
    assert Store(folder / "runs").result("purity", shown.key) is not None
    other = result["X+random(5%)", "cub"].values("purity")[0]
    assert result.difference("X+nearest(5%)", "X+random(5%)", "cub") == pytest.approx(shown.value - other)
    assert {"coverage", "facility_location", "mmd2", "seconds", "images", "ceiling"} <= set(frame.measure)
    result.save(folder / "comparison")
    assert result.render("csv") == (folder / "comparison" / "table.csv").read_text() and not result.failed
    with pytest.raises(benchmark.UnknownName, match=r"did you mean X\+nearest\(5%\)"):
        result["X+nearst(5%)", "cub"]


def test_a_variant_of_any_sampler_is_a_row_of_a_table(folder, monkeypatch):
    monkeypatch.chdir(folder)
    Path("mine.py").write_text(
        "import numpy as np\nfrom baselines import Selection\n\n\nclass Last:\n"
        "    def __init__(self, offset=0):\n        self.offset = offset\n\n"
        "    def select(self, target, pool, *, budget, seed=0):\n"
        "        picks = np.arange(len(pool) - budget - self.offset, len(pool) - self.offset)\n"
        "        return Selection(picks, np.zeros(budget, np.float32), 'budget')\n"
    )
    fields = {"targets": "cub", "store": "runs", "train": False, "coreset_metrics": True, "steps": 2}
    rows = ["X+./mine.py:Last:offset=3(20)", "X+random(5%)"]
    planned = benchmark.plan(rows=rows, **fields).to_pandas()
    assert list(planned.row) == ["X+OS_rand_5", "X+mine.py:Last:offset=3(20)"] and list(planned.pool_images) == [
        100,
        20,
    ]
    result = benchmark.reproduce(rows=rows, device="cpu", **fields)
    assert result["X+mine.py:Last:offset=3(20)", "cub"].values("images") == [20.0]


def test_a_coreset_comes_back_as_values_and_is_written_where_it_is_said(tmp_path):
    random = np.random.default_rng(0)
    for name, count in (("mine", 10), ("pool", 20)):
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    coreset = benchmark.sample(
        tmp_path / "mine", tmp_path / "pool", budget=5, profile="smoke", steps=1, store=tmp_path / "runs", device="cpu"
    )
    assert coreset.written == () and len(set(coreset.ids)) == 5 and coreset.scores.dtype == np.float32
    again = benchmark.sample(
        tmp_path / "mine",
        tmp_path / "pool",
        tmp_path / "picks.txt",
        budget="5",
        profile="smoke",
        steps=1,
        store=tmp_path / "runs",
        device="cpu",
    )
    assert again.ids == coreset.ids and [path.suffix for path in again.written] == [".txt", ".csv", ".md", ".png"]
    frame = again.to_pandas()
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "rank": "int64",
        "id": "string",
        "score": "float32",
    }
    assert tuple(frame.id) == again.ids and list(frame["rank"]) == [1, 2, 3, 4, 5]
    assert again.render() == (tmp_path / "picks.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "22"}, "unknown table '22'"),
        ({"targets": "cubb"}, "did you mean cub"),
        ({"steps": 0}, "steps is 0: give 1 or more"),
        ({"jobs": 0}, "jobs is 0: give 1 or more"),
        ({"seeds": -1}, "seeds is -1: give 0 or more"),
        ({"precision": "float23"}, "unknown precision 'float23'; did you mean float32"),
    ],
)
def test_a_mistake_is_a_user_error_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(benchmark.UserError, match=message):
        benchmark.reproduce(store=tmp_path / "runs", **{**QUESTION, **options})
    assert not (tmp_path / "runs").exists()


def test_the_code_of_the_documentation_runs(folder, monkeypatch, capsys):
    # In the folder whose store holds these stages.
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.S)
    names = {}
    exec(code, names)
    printed = capsys.readouterr().out
    assert names["cell"] == names["result"]["X+OS_simcore_5", "cub"] and names["cell"].state == "measured"
    assert set(names["frame"].measure) >= {"accuracy", "purity", "images", "exposures"}
    assert "unknown table '22'" in printed and names["result"].render("md") in printed
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (block,) = (block for block in blocks if "benchmark.reproduce" in block)
    monkeypatch.setattr(benchmark, "reproduce", lambda **question: benchmark.table(**question, steps=2))
    exec(block, names)


def test_a_published_table_is_typed():
    table = benchmark.load_table("2")
    assert table.cells()["X", "cub"] == 29.27 and table.columns[0] == "aircraft" and len(table.rows) == 10
