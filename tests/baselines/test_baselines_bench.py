"""The benchmark's own parts: what they measure must be the right thing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines import SimCore
from scripts import bench_data, bench_ratios, released_rounds

ROOT = Path(__file__).resolve().parents[2]


def test_the_port_is_the_pseudo_code(reference: Callable[..., Any]) -> None:
    similarity = np.random.default_rng(0).integers(0, 50, (400, 6)).astype(np.float32)
    rounds = released_rounds.released_rounds(np.ascontiguousarray(similarity.T), 101, sort="stable")
    before = [position for one in rounds[:-1] for position in one]
    assert before == reference(similarity, 101).indices[: len(before)]
    assert before == SimCore().select_from_similarity(similarity, budget=101).indices[: len(before)].tolist()
    picked = before + rounds[-1]
    assert len(picked) == len(set(picked)) == 101


def memory_of(block: str) -> int:
    """The peak over a line of code, in a process of its own: what other tests free would count as well."""
    code = f"""
import time
import numpy as np
from scripts.bench_machine import AnonymousMemory
with AnonymousMemory() as memory:
    held = {block}
    time.sleep(0.5)  # it is sampled: what is held for a moment may pass unseen on a busy machine
print(memory.peak)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(run.stdout)


def test_the_memory_of_a_block_is_seen() -> None:
    assert 2**26 < memory_of("np.ones(2**24)") < 2**28  # the array has 2**27 bytes


def test_mapped_files_do_not_count(tmp_path: Path) -> None:
    np.save(tmp_path / "file.npy", np.ones(2**24))
    peak = memory_of(f"np.load({str(tmp_path / 'file.npy')!r}, mmap_mode='r').sum()")
    assert peak < 2**24


def test_features_of_a_pool_are_plausible() -> None:
    blocks = list(bench_data.blocks(10_000, 64, 100, seed=1))
    assert [where.stop - where.start for where, _ in blocks] == [8192, 1808]
    rows = np.concatenate([block for _, block in blocks])
    assert np.unique(rows, axis=0).shape == (10_000, 64)
    near, far = np.percentile(np.linalg.norm(rows - rows.mean(axis=0), axis=1), [5, 95])
    assert far > 1.3 * near
    again = np.concatenate([block for _, block in bench_data.blocks(10_000, 64, 100, seed=1)])
    assert again.tobytes() == rows.tobytes()


def test_ratios_are_of_medians_to_the_best_bare_product() -> None:
    fields = {"d": 64, "dtype": "float16", "mapped": True, "threads": 2, "rows": 1000}
    seconds = {"rows first": [9, 1, 2], "torch": [3, 3, 3], "candidates": [3, 9, 1], "select 1%": [5, 5, 5]}
    cases = [{**fields, "way": way, "seconds": times, "cpu": times} for way, times in seconds.items()]
    *_, line = bench_ratios.ratio_table(cases)
    assert line == "| 64 | float16 | yes | 2 | 1,000 | rows first | 2 | 1.50 | 2.50 | 1.50 | 2.50 |"


@pytest.mark.slow
@pytest.mark.parametrize("case", ["a", "b", "c", "d", "e"])
def test_a_small_run(case: str, tmp_path: Path) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "scripts.bench_samplers", "--cases", case, "--scale", "0.004", "--rounds", "1"]
    saved = tmp_path / "record.json"
    done = subprocess.run(
        [*command, "--work-dir", str(tmp_path), "--save", str(saved)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("| SimCore" in done.stdout) == (case != "e")
    record = json.loads(saved.read_text())
    assert record["machine"]["scale"] == 0.004 and record["machine"]["cpu"] in done.stdout
    assert {one["case"][0] for one in record["cases"]} == {case}
    assert all(len(one["seconds"]) == 1 and min(one["seconds"]) > 0 for one in record["cases"])
    assert list(tmp_path.iterdir()) == [saved]
