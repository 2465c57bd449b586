"""What a record names of the machine, and devices by name."""

import subprocess
from pathlib import Path

import pytest
import torch

from benchmark.errors import UserError
from benchmark.execution import environment
from benchmark.execution.run import find_device


def git(folder: Path, *arguments: str) -> str:
    own = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    return subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_package_below_a_repository_of_somebody_else_is_not_of_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment in the folder of a project: git finds the project's commit, which says nothing of this suite."""
    installed = tmp_path / "venv/benchmark/environment.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    (tmp_path / "own.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "own.py")
    git(tmp_path, "commit", "-q", "-m", "a project")
    monkeypatch.setattr(environment, "__file__", str(installed))
    assert environment.commit.__wrapped__() == {}
    git(tmp_path, "add", "venv")
    git(tmp_path, "commit", "-q", "-m", "a checkout")
    revision = git(tmp_path, "rev-parse", "HEAD").strip()
    assert environment.commit.__wrapped__() == {"commit": revision, "dirty": False}
    installed.write_text("changed = True")
    assert environment.commit.__wrapped__() == {"commit": revision, "dirty": True}


@pytest.mark.parametrize("name", ["cuda:", "cuda:x", "cuda:-1", "cuda0", "cudax", "tpu"])
def test_a_device_that_is_no_name_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=f"unknown device '{name}'; known: auto, cpu, cuda, cuda:N"):
        find_device(name)


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    named = {name: find_device(name) for name in ("auto", "cuda", "cuda:1", "cpu")}
    assert named == {"auto": ("cuda", 2), "cuda": ("cuda", 2), "cuda:1": ("cuda:1", 1), "cpu": ("cpu", 1)}
    with pytest.raises(UserError, match="cuda:2 is not there"):
        find_device("cuda:2")


def test_a_record_names_the_gpu_that_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: f"card of {device}")
    assert environment.hardware.__wrapped__("cuda:1")["gpu"] == "card of cuda:1"
