"""`compare` on stand-ins, through the command line: tables, files, reuse of the tables' stages, failures."""

import csv
import json

import numpy as np
import pytest

from benchmark.__main__ import main
from benchmark.execution.store import Store

MINE = '''
"""A sampler from outside: the beginning of the pool, or something wrong."""
import numpy as np
from baselines import Selection

class First:
    def select(self, target, pool, *, budget, seed=0):
        size = budget if isinstance(budget, int) else int(len(pool) * float(budget.rstrip("%")) / 100)
        return Selection(np.arange(size), np.zeros(size, np.float32), "budget")

class Outside(First):
    def select(self, target, pool, *, budget, seed=0):
        return Selection(np.array([len(pool)]), np.zeros(1, np.float32), "budget")

class Raises(First):
    def select(self, target, pool, *, budget, seed=0):
        raise KeyError("nothing here")
'''


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "runs"


@pytest.fixture
def compared(store, tmp_path, capsys):
    def run(*more):
        (tmp_path / "outsiders.py").write_text(MINE)
        small = ["--target", "dtd", "--steps", "6", "--device", "cpu", "--store", str(store)]
        with pytest.raises(SystemExit) as end:
            main(["compare", *small, *more])
        return end.value.code, capsys.readouterr()

    return run


def test_every_sampler_gets_a_line_at_every_budget_and_seed(compared, tmp_path):
    mine = f"{tmp_path / 'outsiders.py'}:First"
    out = tmp_path / "out"
    code, shown = compared("--sampler", mine, "--budget", "5%", "stop", "--seeds", "0", "1", "--out", str(out))
    assert code == 0 and "STAND-IN IMAGES" in shown.out
    values = list(csv.DictReader((out / "comparison.csv").open()))
    purity = {(v["budget"], v["sampler"], v["seed"]): float(v["value"]) for v in values if v["metric"] == "purity"}
    samplers = {sampler for _, sampler, _ in purity}
    assert len(purity) == 3 * 2 * 2 and {"simcore", "random"} < samplers
    sizes = {(v["budget"], v["sampler"], v["seed"]): float(v["value"]) for v in values if v["metric"] == "images"}
    # Without a rule of its own a sampler takes the size that SimCore stopped at.
    assert sizes["stop", "random", "0"] == sizes["stop", "simcore", "0"]
    assert (out / "comparison.png").read_bytes()[:4] == b"\x89PNG"
    scores = json.loads((out / "comparison.json").read_text())["scores"]
    assert all(score["picks_sha256"] and score["keys"]["sample"] for score in scores)
    table = (out / "comparison.md").read_text()
    mean = np.mean([purity["5%", "simcore", seed] for seed in "01"])
    assert f"{mean:.1f} ± " in table and "purity minus simcore's" in table


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
    assert line.count("[") == 1 and line.count("]") == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("Outside", "picked position"), ("Raises", "raised KeyError")],
)
def test_a_bad_sampler_fails_alone_and_is_named(compared, tmp_path, name, said):
    code, shown = compared("--sampler", f"{tmp_path / 'outsiders.py'}:{name}", "--budget", "5%")
    assert code == 1 and name in shown.err and said in shown.err
    lines = {line.split()[0]: line for line in shown.out.splitlines() if line}
    assert "failed" in next(line for first, line in lines.items() if first.endswith(name))
    assert "failed" not in lines["simcore"] and said in shown.out


def test_two_files_of_one_name_are_told_apart(compared, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "outsiders.py").write_text(MINE + "# another version")
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
