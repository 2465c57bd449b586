"""Picks that a BLAS must not move: its kernel, its number of threads and the place of a row in a block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from baselines import SAMPLERS
from baselines.core import top

ROOT = Path(__file__).resolve().parents[2]
BY_POSITION = (
    *("simcore", "simcore-k1", "nearest", "facility-location", "k-centre", "herding"),
    *("classifier", "mahalanobis", "knn", "bloom", "semdedup"),
)
"""Samplers that promise to take the first of rows that are equal."""
EXACT = ("nearest", "facility-location", "k-centre", "herding", "knn", "bloom")
"""Samplers that fit nothing: all that they compute is exact or in a fixed order. Where k-means, a covariance or a
regression is fitted, its last digits are the BLAS's."""

COPIES = 400


def features() -> tuple[np.ndarray, np.ndarray]:
    """Target [40, 33] and a pool [1,300, 33] that holds `COPIES` rows twice, at lengths 1 to 4, in random places."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(900, 33)).astype(np.float32) + np.float32(0.3)
    pool = np.concatenate([rows, 4 * rows[:COPIES]])
    return rng.normal(size=(40, 33)) + 0.4, pool[np.random.default_rng(6).permutation(len(pool))]


def all_picks(names: tuple[str, ...]) -> dict[str, list[int]]:
    target, pool = features()
    return {name: SAMPLERS[name].make().select(target, pool, budget=500).indices.tolist() for name in names}


@pytest.mark.parametrize("name", BY_POSITION)
def test_of_equal_rows_the_first_is_picked_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picks = all_picks((name,))[name]
    place = np.random.default_rng(6).permutation(900 + COPIES)
    row = np.where(place < 900, place, place - 900)
    by_row: dict[int, list[int]] = {}
    for pick in picks:
        by_row.setdefault(int(row[pick]), []).append(pick)
    pairs = [positions for positions in by_row.values() if len(positions) == 2]
    assert len(pairs) > 20 or name == "semdedup"  # which removes one of two equal rows
    assert all(first < second for first, second in pairs)
    monkeypatch.setattr(top, "BLOCK_ROWS", 77)
    assert all_picks((name,))[name] == picks


def test_another_kernel_of_blas_gives_the_same_picks() -> None:
    code = (
        f"import json; from tests.baselines.test_baselines_ties import all_picks; print(json.dumps(all_picks({EXACT})))"
    )
    other = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=other, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == all_picks(EXACT)
