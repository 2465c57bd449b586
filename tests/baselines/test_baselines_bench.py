"""The benchmark's own parts: what they measure must be the right thing."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from baselines import SimCore

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_port_is_the_pseudo_code(reference: Callable[..., Any]) -> None:
    similarity = np.random.default_rng(0).integers(0, 50, (400, 6)).astype(np.float32)
    rounds = script("released_rounds").released_rounds(np.ascontiguousarray(similarity.T), 101, sort="stable")
    before = [position for one in rounds[:-1] for position in one]
    assert before == reference(similarity, 101).indices[: len(before)]
    assert before == SimCore().select_from_similarity(similarity, budget=101).indices[: len(before)].tolist()
    picked = before + rounds[-1]
    assert len(picked) == len(set(picked)) == 101


def test_the_memory_of_a_block_is_seen() -> None:
    machine = script("bench_machine")
    with machine.AnonymousMemory() as memory:
        held = np.ones(2**24)
        time.sleep(0.5)  # it is sampled: on a busy machine what is held for a moment may pass unseen
        del held
    assert 2**26 < memory.peak < 2**28  # the array has 2**27 bytes


def test_mapped_files_do_not_count(tmp_path: Path) -> None:
    np.save(tmp_path / "file.npy", np.ones(2**24))
    file = np.load(tmp_path / "file.npy", mmap_mode="r")
    with script("bench_machine").AnonymousMemory() as memory:
        total = file.sum()
    assert total == 2**24
    assert memory.peak < 2**24


def test_features_of_a_pool_are_plausible() -> None:
    data = script("bench_data")
    blocks = list(data.blocks(10_000, 64, 100, seed=1))
    assert [where.stop - where.start for where, _ in blocks] == [8192, 1808]
    rows = np.concatenate([block for _, block in blocks])
    assert np.unique(rows, axis=0).shape == (10_000, 64)
    near, far = np.percentile(np.linalg.norm(rows - rows.mean(axis=0), axis=1), [5, 95])
    assert far > 1.3 * near
    again = np.concatenate([block for _, block in data.blocks(10_000, 64, 100, seed=1)])
    assert again.tobytes() == rows.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a", "b", "c", "d"])
def test_a_small_run(case: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "scripts.bench_samplers", "--cases", case, "--scale", "0.004", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--work-dir", str(tmp_path)], cwd=SCRIPTS.parent, capture_output=True, text=True, check=True
    )
    assert "| SimCore" in done.stdout
    assert list(tmp_path.iterdir()) == []
