"""scripts/bench_evaluate.py: what it times gives the results of the references that it is timed against."""

from pathlib import Path

import numpy as np
import pytest

from scripts import bench_evaluate as bench


def test_both_ways_of_every_case_agree(tmp_path: Path) -> None:
    train, test = (bench.read(bench.rows_file(tmp_path, name, 300, 32, 6)) for name in ("train", "test"))
    assert train[0].shape == (300, 32) and set(train[1]) == set(range(6)) and not np.array_equal(train[0], test[0])
    reference, own = bench.faiss_votes(train, test), bench.our_votes(train, test)
    assert bench.same_classes(reference, own) == {"same classes, k = 20": 1.0, "same classes, k = 200": 1.0}
    assert bench.same_precision(bench.plain_precision(test), bench.our_precision(test))["largest difference"] < 1e-3
    assert bench.our_regression(train) == pytest.approx(bench.sklearn_regression(train), abs=1e-6)


def test_a_wrong_result_would_show(tmp_path: Path) -> None:
    rows = bench.read(bench.rows_file(tmp_path, "test", 300, 32, 6))
    wrong = rows[0][::-1].copy(), rows[1]
    assert bench.same_classes(bench.faiss_votes(rows, rows), bench.our_votes(wrong, rows))["same classes, k = 20"] < 0.9
    assert bench.same_precision(bench.plain_precision(rows), bench.our_precision(wrong))["largest difference"] > 1
