"""`python -m benchmark check`: verdicts on someone's sampler, exit code 0 or 1, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
SAMPLER = """
import numpy as np
from baselines import Selection, parse_budget

class MySampler:
    def select(self, target, pool, *, budget, seed=0):
        if budget is None:
            raise ValueError("no stopping rule")
        picks = np.random.default_rng(seed).permutation(len(pool))[: parse_budget(budget, len(pool))]
        return Selection(picks, np.zeros(len(picks), np.float32), "budget")

class Unseeded(MySampler):
    def select(self, target, pool, *, budget, seed=0):
        return super().select(target, pool, budget=budget, seed=None)

class Raises:
    def select(self, target, pool, *, budget, seed=0):
        raise KeyError("weights")

class Leaves:
    def select(self, target, pool, *, budget, seed=0):
        import os
        os._exit(3)
"""


def run(*arguments, cwd):
    """The command itself, in a process and a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", "check", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg" / "my_module.py").write_text(SAMPLER)
    return tmp_path


@pytest.mark.parametrize("origin", ["my_pkg.my_module", "my_pkg/my_module.py"])
def test_a_sampler_that_keeps_the_contract(folder, origin):
    done = run(f"{origin}:MySampler", cwd=folder)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        lines[0]
        == {
            "my_pkg.my_module": "my_pkg.my_module:MySampler (module)",
            "my_pkg/my_module.py": "my_module.py:MySampler (file)",
        }[origin]
    )
    assert len(lines) == 17 and lines[-1] == "all 15 clauses hold"
    assert all(line.startswith("pass  ") and ": " in line for line in lines[1:-1])


def test_a_broken_clause_is_named_and_the_exit_code_tells(folder):
    done = run("my_pkg.my_module:Unseeded", cwd=folder)
    lines = done.stdout.splitlines()
    (broken,) = [place for place, line in enumerate(lines) if line.startswith("FAIL")]
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[broken].startswith("FAIL  same seed, same picks: a second call")
    assert lines[broken + 1].startswith("      asked: the same inputs and seed give the same picks")
    assert lines[broken + 2].startswith("      write: rng = np.random.default_rng(seed)")
    assert done.stdout.splitlines()[-1] == "1 of 15 clauses broken"


def test_a_sampler_that_raises_gets_a_verdict_and_no_traceback(folder):
    done = run("my_pkg.my_module:Raises", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "FAIL  answers: raised KeyError: 'weights'; no other clause was tried"
    assert lines[-1] == "1 of 1 clause broken"


def test_a_registered_sampler_with_fields(capsys):
    with pytest.raises(SystemExit) as end:
        main(["check", "simcore:k=7,tau=0.9"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("simcore:k=7,tau=0.9 (registry)\npass  answers: ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "my_pkg.my_module:MySample",
            "my_pkg.my_module has no 'MySample'; its samplers: Leaves, MySampler, Raises, Unseeded",
        ),
        (
            "my_pkg.my_module:Leaves",
            "my_pkg.my_module:Leaves ended its process with exit code 3: a sampler returns a Selection or ",
        ),
        ("simcor", "unknown sampler 'simcor'; did you mean simcore"),
        ("picks.txt", "picks.txt is a list of ids: there is no sampler in it to check"),
    ],
)
def test_what_cannot_be_checked_is_one_line_and_exit_code_2(folder, name, message):
    (folder / "picks.txt").write_text("a\n")
    done = run(name, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1
