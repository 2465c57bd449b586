"""Two folders of noise, a store, and `sample` on them: what the tests of `sample` and `pretrain` share."""

import pytest
from noise_folders import POOL, save_noise

from benchmark.__main__ import main
from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for number in range(12):
        save_noise(root / "mine" / f"{number:02d}.png", number, "blue")
    for number in range(POOL):
        colour = "red" if number % 3 else "blue"
        save_noise(root / "pool" / f"part{number % 2}" / f"{number:02d}.png", 100 + number, colour)
    return root


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "runs"


def run_here(work, machine):
    """Run stages in this process: workers of their own take seconds to start."""
    store = open_store(work.store)
    for stage in work.stages:
        if not store.has(stage):
            run_stage(Task(stage, store, work.data, "cpu", local=work.local))


@pytest.fixture
def without_workers(monkeypatch):
    monkeypatch.setattr("benchmark.commands.sample.command.execute", run_here)
    monkeypatch.setattr("benchmark.commands._pretrained.execute", run_here)


@pytest.fixture
def sampled(without_workers, folders, store, tmp_path, capsys):
    """Run `sample` on the two folders: exit code and what was printed."""

    def run(*more, target="mine", pool="pool", out="coreset.txt"):
        places = ["--target", str(folders / target), "--pool", str(folders / pool), "--out", str(tmp_path / out)]
        small = ["--profile", "smoke", "--steps", "2", "--device", "cpu", "--store", str(store)]
        with pytest.raises(SystemExit) as end:
            main(["sample", *places, *small, *more])
        return end.value.code, capsys.readouterr()

    return run
