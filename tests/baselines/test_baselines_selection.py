from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baselines import BudgetError, FeatureError, Random, Sampler, Selection, SimCore, parse_budget
from baselines.core.selection import CHECK_ROWS, NotASelection, as_selection, check_features


def test_import_needs_numpy_alone() -> None:
    code = "import sys; before = set(sys.modules); import baselines; print(*set(sys.modules) - before)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in done.stdout.split()} - set(sys.stdlib_module_names)
    assert packages == {"baselines", "numpy"}


def test_samplers_meet_the_protocol() -> None:
    samplers: list[Sampler] = [SimCore(k=1), Random()]
    for sampler in samplers:
        picks = sampler.select(np.eye(3), np.eye(3), budget=2, seed=1)
        assert isinstance(picks, Selection)
        assert len(picks) == 2


@pytest.mark.parametrize(
    ("budget", "images"),
    [(1, 1), (200, 200), (np.int64(7), 7), ("5%", 10), ("0.5%", 1), ("100%", 200), ("1.9%", 3), (None, None)],
)
def test_budget_forms(budget: int | str | None, images: int | None) -> None:
    assert parse_budget(budget, 200) == images


def test_share_is_exact_where_floats_are_not() -> None:
    assert int(0.29 * 100) == 28  # what float arithmetic makes of 29 %
    assert parse_budget("29%", 100) == 29
    assert parse_budget("1%", 1_281_167) == 12_811


@given(st.decimals("0.0001", "100", places=4), st.integers(1, 10**7))
@example(Decimal("57.0000"), 100)
def test_share_is_the_exact_floor(percent: Decimal, n_pool: int) -> None:
    exact = int(percent * 10_000) * n_pool // 1_000_000
    if exact:
        assert parse_budget(f"{percent}%", n_pool) == exact
    else:
        with pytest.raises(BudgetError, match="0 images"):
            parse_budget(f"{percent}%", n_pool)


@pytest.mark.parametrize(
    "budget",
    [
        *(True, False, np.True_, 1.0, 0.05, float("nan"), 0, -3, 201, [5], b"5%"),
        *("0%", "0.4%", "101%", "-5%", "1e1%", "5%%", "5.%", "%"),
        *("5", "", "five%", "5 %", " 5%", "5%\n", "\u0665%", "9" * 5000 + "%"),
    ],
)
def test_bad_budget_is_one_line_with_the_value(budget: object) -> None:
    with pytest.raises(BudgetError) as caught:
        parse_budget(budget, 200)  # type: ignore[arg-type]
    message = str(caught.value)
    assert repr(budget) in message
    assert ": give " in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones(4), r"target must be 2-d \[rows, d\], got shape \(4,\)"),
        (np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.ones((0, 4)), "target is empty"),
        (np.ones((4, 0)), "d >= 1"),
        (np.ones((4, 2), dtype=np.int64), "float16, float32 or float64, got int64"),
        (np.ones((4, 2), dtype=np.longdouble), "float16, float32 or float64"),
        ([[1.0, 2.0], [np.nan, 1.0]], "target row 1 has NaN or infinity"),
        ([[1.0, 2.0], [1.0, -np.inf]], "target row 1 has NaN or infinity"),
        ([[1.0, 2.0], [3.0, 1.0], [0.0, -0.0]], "target row 2 is all zero"),
    ],
)
def test_bad_features_are_named(features: object, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        check_features(np.asarray(features), "target")


def test_bad_row_is_named_by_its_place_in_the_whole_table() -> None:
    features = np.ones((CHECK_ROWS + 5, 2), dtype=np.float16)
    assert check_features(features, "pool", dim=2) == (CHECK_ROWS + 5, 2)
    features[CHECK_ROWS + 3, 1] = np.nan
    with pytest.raises(FeatureError, match=f"pool row {CHECK_ROWS + 3} "):
        check_features(features, "pool")


def test_other_dimension_is_refused() -> None:
    with pytest.raises(FeatureError, match="pool has 3 columns, expected 2"):
        check_features(np.ones((4, 3)), "pool", dim=2)


def test_selection_refuses_what_is_not_a_selection() -> None:
    scores = np.zeros(2, dtype=np.float32)
    with pytest.raises(ValueError, match="unique"):
        Selection(np.array([3, 3]), scores, "budget")
    for wrong in ([3.0, 4.0], np.array([True, False]), ["3", "4"], [[3, 4]], [[3], [4, 5]], 3):
        with pytest.raises(NotASelection, match=r"indices must be integers \[m\], got "):
            Selection(wrong, scores, "budget")  # type: ignore[arg-type]
    with pytest.raises(NotASelection, match=r"scores must be numbers \(2,\)"):
        Selection(np.array([3, 4]), np.zeros(3, dtype=np.float32), "budget")


def test_selection_casts_positions_and_scores() -> None:
    for indices, scores in (([3, 4], [0.5, 1]), (np.array([3, 4], np.uint16), np.array([0.5, 1], np.float64))):
        selection = Selection(indices, scores, "budget")  # type: ignore[arg-type]
        assert (selection.indices.dtype, selection.scores.dtype) == (np.int64, np.float32)
        assert selection.indices.tolist() == [3, 4] and selection.scores.tolist() == [0.5, 1]
    assert len(Selection([], [], "exhausted")) == 0  # type: ignore[arg-type]


def test_positions_alone_are_a_selection_whose_scores_are_0() -> None:
    for answer in (np.array([3, 4], np.int32), [3, 4], (3, 4)):
        selection = as_selection(answer, 2)
        assert selection.indices.tolist() == [3, 4] and selection.scores.tolist() == [0, 0]
        assert (selection.stopped_by, as_selection(answer, None).stopped_by) == ("budget", "threshold")
    given = Selection(np.array([3]), np.ones(1, np.float32), "exhausted")
    assert as_selection(given, 1) is given
    with pytest.raises(NotASelection, match="select returned a NoneType"):
        as_selection(None, 2)
