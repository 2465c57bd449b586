"""`compare` on stand-ins, through the command line: tables, records, reuse of the tables' stages, failures."""

import csv

import numpy as np
import pytest

from benchmark.__main__ import main
from benchmark.execution.store import Store
from benchmark.report.records import verify
from scripts import docs_blocks, docs_values

SAMPLER_FILE = '''
"""A sampler from outside: the beginning of the pool, or something wrong."""
import os
import signal
import sys
import numpy as np
from baselines import Selection

class First:
    def select(self, target, pool, *, budget, seed=0):
        size = budget if isinstance(budget, int) else int(len(pool) * float(budget.rstrip("%")) / 100)
        return Selection(np.arange(size), np.zeros(size, np.float32), "budget")

class Outside(First):
    def select(self, target, pool, *, budget, seed=0):
        return Selection(np.array([len(pool)]), np.zeros(1, np.float32), "budget")

class Positions(First):
    def select(self, target, pool, *, budget, seed=0):
        return super().select(target, pool, budget=budget).indices.tolist()

class Twice(Positions):
    def select(self, target, pool, *, budget, seed=0):
        return [0, *super().select(target, pool, budget=budget)[:-1]]

class Mask(First):
    def select(self, target, pool, *, budget, seed=0):
        return np.arange(len(pool)) < 5

class Nothing(First):
    def select(self, target, pool, *, budget, seed=0):
        pass

class Raises(First):
    def select(self, target, pool, *, budget, seed=0):
        raise KeyError("nothing here")

class Ends(First):
    def select(self, target, pool, *, budget, seed=0):
        sys.exit("no licence\\nfound")

class Quits(First):
    def select(self, target, pool, *, budget, seed=0):
        os._exit(self.code)
    code = 3

class QuitsWell(Quits):
    code = 0

class Crashes(First):
    def select(self, target, pool, *, budget, seed=0):
        os.kill(os.getpid(), signal.SIGSEGV)

class Interrupts(First):
    def select(self, target, pool, *, budget, seed=0):
        raise KeyboardInterrupt
'''


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "runs"


@pytest.fixture
def compared(store, tmp_path, capsys):
    def run(*more):
        (tmp_path / "outsiders.py").write_text(SAMPLER_FILE)
        small = ["--target", "dtd", "--steps", "6", "--device", "cpu", "--store", str(store)]
        with pytest.raises(SystemExit) as end:
            main(["compare", *small, *more])
        return end.value.code, capsys.readouterr()

    return run


def test_every_sampler_gets_a_line_at_every_budget_and_seed(compared, tmp_path, capsys):
    own_sampler = f"{tmp_path / 'outsiders.py'}:First"
    out = tmp_path / "out"
    code, shown = compared("--sampler", own_sampler, "--budget", "5%", "stop", "--seeds", "0", "1", "--save", str(out))
    assert code == 0 and "STAND-IN IMAGES" in shown.out
    values = {(v["variant"], v["seed"]): v for v in csv.DictReader((out / "table.csv").open())}
    samplers = ("simcore", "random", "outsiders.py:First")
    assert set(values) == {(f"X+{one}({size})", seed) for one in samplers for size in ("5%", "stop") for seed in "01"}
    # 45 of the 2,000 stand-ins are relatives of dtd, whatever is picked of them.
    assert {float(v["base_rate"]) for v in values.values()} == {2.25}
    assert max(float(v["purity"]) for v in values.values()) > 2.3
    # Without a rule of its own a sampler takes the size that SimCore stopped at.
    sizes = {place: float(v["images"]) for place, v in values.items()}
    assert sizes["X+random(stop)", "0"] == sizes["X+simcore(stop)", "0"]
    assert (out / "picture.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list((out / "picks").iterdir())) == len(values) == 12
    table = (out / "table.md").read_text()
    mean = np.mean([float(values["X+simcore(5%)", seed]["purity"]) for seed in "01"])
    assert f"{mean:.1f} ± " in table and "purity minus simcore's" in table and "purity minus random's" in table
    # The documentation is written from what is saved.
    scores = docs_values.scores(out)
    assert {(f"X+{one['sampler']}({one['budget']})", str(one["seed"])) for one in scores} == set(values)
    assert scores[0]["sampler"] == "simcore" and scores[0]["values"]["base_rate"] == 2.25
    assert docs_blocks.comparison(str(out), "dtd", "stopping rule").count("\n| ") == 1 + 3
    # No path of this machine is among what may be committed.
    assert not [path for path in out.rglob("*.json") if str(tmp_path) in path.read_text()]
    assert verify(out).problems == []
    picks = next((out / "picks").iterdir())
    picks.write_text(picks.read_text().replace("/", "|", 1))
    with pytest.raises(SystemExit) as end:
        main(["verify", str(out)])
    assert end.value.code == 2 and "the pick list" in capsys.readouterr().err


def test_what_would_run_is_shown_and_nothing_is_run(compared, tmp_path):
    code, shown = compared("--sampler", "herding", "--budget", "5%", "--plan", "--store", str(tmp_path / "empty"))
    assert code == 0 and not (tmp_path / "empty").exists()
    text = " ".join(shown.out.split())
    assert "X+herding(5%)" in text and "1 pretrain (0 in the store)" in text
    assert "2 embed (0 in the store)" in text and "3 measure (0 in the store)" in text


def test_the_tables_own_stages_are_used_again(compared, store):
    compared("--sampler", "random", "--budget", "5%")
    before = len(Store(store).finished("pretrain"))
    with pytest.raises(SystemExit):
        rows = ["--targets", "dtd", "--rows", "X+OS_simcore_5", "X", "--steps", "6"]
        main(["reproduce", *rows, "--device", "cpu", "--store", str(store)])
    # The retrieval encoder is the X row; only X + SimCore is trained anew.
    assert len(Store(store).finished("pretrain")) == before + 1


def test_training_adds_accuracy_with_a_paired_interval(compared):
    code, shown = compared("--sampler", "random", "--budget", "5%", "--train", "--format", "md")
    assert code == 0 and "X alone" in shown.out and "accuracy minus simcore's" in shown.out
    line = next(line for line in shown.out.splitlines() if line.startswith("| random"))
    # Purity of one seed has a difference without an interval.
    assert line.count("[") == 1 and line.count("]") == 1


@pytest.mark.slow
def test_what_is_trained_verifies_and_a_foreign_network_is_a_row(compared, tmp_path):
    command = ["--sampler", "random", "--against", "random", "--budget", "5%", "--train", "--encoder", "untrained"]
    code, shown = compared(*command, "--save", str(tmp_path / "out"))
    assert code == 0 and "frozen untrained" in shown.out
    verified = verify(tmp_path / "out")
    assert verified.problems == [] and "3 accuracies from predictions, 1 pick lists" in verified.checked


def test_positions_and_a_list_of_them_are_an_answer(compared, tmp_path):
    own_sampler = f"{tmp_path / 'outsiders.py'}"
    options = ["--against", f"{own_sampler}:First", "--budget", "5%", "--save", str(tmp_path / "out")]
    code, shown = compared("--sampler", f"{own_sampler}:Positions", *options)
    assert code == 0 and shown.out
    picks = [path.read_text().splitlines()[1:] for path in (tmp_path / "out" / "picks").iterdir()]
    assert len(picks[0]) == 100 and all(one == picks[0] for one in picks)


@pytest.mark.parametrize(
    ("name", "said", "line"),
    [
        ("Outside", "picks are in range: budget 37: pick 600 is not one of the 600 rows", "picks = np.argsort("),
        ("Twice", "answers: indices must be unique: the same image was picked twice", "return Selection("),
        ("Mask", "answers: indices must be integers [m], got bool (600,)", "return Selection("),
        ("Nothing", "answers: select returned a NoneType, not a baselines.Selection and not an array", "return Sel"),
    ],
)
def test_a_sampler_whose_answers_are_no_coresets_is_refused_before_anything_runs(compared, tmp_path, name, said, line):
    own_sampler = f"{tmp_path / 'outsiders.py'}:{name}"
    code, shown = compared("--sampler", own_sampler, "--budget", "5%", "--store", str(tmp_path / "new"))
    assert code == 2 and len(shown.err.splitlines()) == 1 and not (tmp_path / "new").exists()
    assert f"sampler outsiders.py:{name} breaks the contract, {said}" in shown.err
    assert f"; write: {line}" in shown.err and f"'check {own_sampler}' tries every clause" in shown.err


BAD = {
    "Raises": "raised KeyError",
    "Ends": "outsiders.py:Ends raised SystemExit: no licence found",
    "Quits": "the worker process exited by itself with code 3",
    "QuitsWell": "the worker process exited by itself with code 0",
    "Crashes": "the worker process died of SIGSEGV",
    "Interrupts": "the worker process exited by itself with code 1",
}


@pytest.mark.slow
def test_bad_samplers_fail_alone_and_are_named_with_what_they_did(compared, tmp_path):
    code, shown = compared("--sampler", *(f"{tmp_path / 'outsiders.py'}:{name}" for name in BAD), "--budget", "5%")
    lines: dict[str, str] = {}
    for line in filter(None, shown.out.splitlines()):
        lines.setdefault(line.split()[0], line)
    words = " ".join(shown.out.split())
    failures = [line for line in shown.err.splitlines() if line.startswith("FAILED")]
    assert code == 1 and len(failures) == len(BAD) and "failed" not in lines["simcore"]
    for name, said in BAD.items():
        (failure,) = (line for line in failures if f"outsiders.py:{name}(5%)" in line)
        assert said in failure and said in words and "out of memory" not in failure
        assert "failed" in lines[f"outsiders.py:{name}"]


def test_two_files_of_one_name_have_two_names(compared, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "outsiders.py").write_text(SAMPLER_FILE + "# another version")
    names = [f"{tmp_path / folder / 'outsiders.py'}:First" for folder in (".", "other")]
    code, shown = compared("--sampler", *names, "--budget", "5%")
    assert code == 2 and "two samplers are called outsiders.py:First" in shown.err


def test_names_are_checked_first(compared):
    for arguments, said in (
        (["--sampler", "simcor"], "simcore"),
        (["--sampler", "random", "--budget", "200%"], "at most"),
        (["--sampler", "random", "--openset", "imagenot"], "did you mean imagenet"),
        (["--sampler", "random", "--format", "pdf"], "format"),
    ):
        code, shown = compared(*arguments)
        assert code == 2 and said in shown.err.splitlines()[-1]
