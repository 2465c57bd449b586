"""scripts/bench_evaluate.py: what it times gives the results of the references that it is timed against."""

from pathlib import Path

import numpy as np
import pytest

from scripts import bench_evaluate as bench


def measured(result: object) -> dict[str, object]:
    """A measurement of a second with this result."""
    return {"result": result, "seconds": 1.0}


def test_both_ways_of_every_case_agree(tmp_path: Path) -> None:
    train, test = (bench.read(bench.rows_file(tmp_path, name, 300, 32, 6)) for name in ("train", "test"))
    assert train[0].shape == (300, 32) and set(train[1]) == set(range(6)) and not np.array_equal(train[0], test[0])
    reference, own = measured(bench.faiss_votes(train, test)), measured(bench.our_votes(train, test))
    assert bench.same_classes(reference, own) == {"same classes, k = 20": 1.0, "same classes, k = 200": 1.0}
    precision = measured(bench.plain_precision(test)), measured(bench.our_precision(test))
    assert bench.same_precision(*precision)["largest difference"] < 1e-3
    assert bench.our_regression(train) == pytest.approx(bench.sklearn_regression(train), abs=1e-6)


def test_a_wrong_result_would_show(tmp_path: Path) -> None:
    rows = bench.read(bench.rows_file(tmp_path, "test", 300, 32, 6))
    wrong = rows[0][::-1].copy(), rows[1]
    classes = measured(bench.faiss_votes(rows, rows)), measured(bench.our_votes(wrong, rows))
    assert bench.same_classes(*classes)["same classes, k = 20"] < 0.9
    precision = measured(bench.plain_precision(rows)), measured(bench.our_precision(wrong))
    assert bench.same_precision(*precision)["largest difference"] > 1


def test_fine_tuning_and_the_bare_step_train_on_as_many_images() -> None:
    tuning = bench.Tuning("smoke", 3)
    bare, own = (measured(way(tuning)()["result"]) for way in (bench.bare_steps, bench.our_steps))
    assert bare["result"]["images"] == own["result"]["images"] == 3 * 32
    assert 0 < own["result"]["loss"] < 10 and 0 < bare["result"]["loss"] < 10
    assert bench.share_of_bare(bare, own | {"seconds": 2.0}) == {"images": 96, "share of the bare step": 0.5}
    with pytest.raises(ValueError, match="the bare step saw 96 images and fine-tuning 64"):
        bench.share_of_bare(bare, measured({"images": 64}))
