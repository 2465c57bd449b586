"""Effective rank, alignment and uniformity against their definitions, a case by hand and bounds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import geometry
from baselines.core.selection import FeatureError
from baselines.geometry import alignments, effective_rank, uniformity


def rankme(x):
    singular = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    shares = singular / singular.sum() + 1e-7
    return math.exp(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize("shape", [(40, 7), (7, 40), (500, 30)])
def test_the_effective_rank_is_rankmes_by_singular_values(shape):
    x = np.random.default_rng(1).normal(size=shape) * np.geomspace(1, 1e-3, shape[1])
    assert effective_rank(x.astype(np.float32)).value == pytest.approx(rankme(x.astype(np.float32)), rel=1e-5)


def test_orthogonal_rows_of_one_length_have_full_rank_and_equal_rows_rank_one():
    assert effective_rank(np.eye(12, dtype=np.float32)).value == pytest.approx(12, rel=1e-4)
    assert effective_rank(np.tile(np.arange(1.0, 9.0), (50, 1))).value == pytest.approx(1, abs=1e-4)


def test_two_directions_of_unequal_strength_by_hand():
    """Singular values 3 and 1: shares 3/4 and 1/4."""
    x = np.array([[3.0, 0.0], [0.0, 1.0]])
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert effective_rank(x).value == pytest.approx(expected, rel=1e-5)


def test_the_error_is_that_of_drawing_other_rows():
    random = np.random.default_rng(2)
    scale = np.geomspace(1, 0.01, 12)
    draws = [effective_rank(random.normal(size=(200, 12)) * scale * random.gamma(1, size=(200, 1))) for _ in range(60)]
    spread = np.std([draw.value for draw in draws])
    assert spread / 1.5 < np.mean([draw.error for draw in draws]) < spread * 1.5
    few = effective_rank(np.eye(3))
    assert few.error is None and few.value == pytest.approx(3, rel=1e-4)


def test_alignment_by_hand_and_by_its_definition():
    one = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    other = np.array([[5.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert alignments(one, other) == pytest.approx([0, 2, 4])
    with pytest.raises(ValueError, match="3 first views and 2 second views are no pairs"):
        alignments(one, other[:2])


def test_uniformity_by_hand_and_by_its_definition():
    """Opposite points: |x - y|^2 = 4, so log(exp(-8)) = -8 at t = 2; the same place gives 0."""
    assert uniformity(np.array([[1.0, 0.0], [-2.0, 0.0]])).value == pytest.approx(-8)
    assert uniformity(np.ones((9, 3))).value == pytest.approx(0)
    x = np.random.default_rng(3).normal(size=(60, 4))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    squares = ((unit[:, None] - unit[None]) ** 2).sum(2)[np.triu_indices(60, 1)]
    measured = uniformity(x)
    assert measured.value == pytest.approx(math.log(np.exp(-2 * squares).mean()))
    assert math.log(measured.potentials.mean()) == pytest.approx(measured.value)
    with pytest.raises(ValueError, match="two rows"):
        uniformity(x[:1])


def test_the_error_of_uniformity_is_that_of_drawing_other_rows():
    random = np.random.default_rng(4)
    draws = [uniformity(random.normal(size=(150, 3)) + np.eye(3)[0]) for _ in range(60)]
    spread = np.std([draw.value for draw in draws])
    assert spread / 1.5 < np.mean([draw.error for draw in draws]) < spread * 1.5


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(1, 8), st.integers(1, 9), st.integers(0, 10**6))
def test_blocks_move_nothing_and_bounds_hold(n, d, block, seed):
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(2, n, d)).astype(np.float32)
    whole = effective_rank(x).value, uniformity(x).value, alignments(x, y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "BLOCK_ROWS", block)
        cut = effective_rank(x).value, uniformity(x).value, alignments(x, y)
    assert cut[:2] == pytest.approx(whole[:2], rel=1e-6, abs=1e-9) and cut[2] == pytest.approx(whole[2])
    assert 0.999 <= whole[0] <= min(n, d) * 1.001
    assert -8 - 1e-9 <= whole[1] <= 1e-9
    assert (whole[2] >= 0).all() and (whole[2] <= 4 + 1e-9).all()


@pytest.mark.parametrize("measure", [effective_rank, uniformity, lambda x: alignments(x, x)])
def test_rows_without_a_direction_are_refused_by_number(measure):
    for value in (np.nan, 0.0):
        x = np.ones((5, 3))
        x[3] = value
        with pytest.raises(FeatureError, match="row 3"):
            measure(x)
