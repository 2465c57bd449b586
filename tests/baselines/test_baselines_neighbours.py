from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

import baselines.core.neighbours as module
from baselines import FeatureError
from baselines.core.neighbours import densities, nearest_rows
from baselines.core.scoring import unit_rows


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), n_table=st.integers(1, 60), block=st.integers(1, 25), data=st.data())
def test_nearest_rows_are_those_of_all_cosines(n: int, n_table: int, block: int, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, n_table))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    queries, table = unit_rows(rng.standard_normal((n, 4))), rng.standard_normal((n_table, 4))
    before, module.SEARCH_ROWS = module.SEARCH_ROWS, block
    try:
        positions, cosines = nearest_rows(queries, table, m, "pool")
    finally:
        module.SEARCH_ROWS = before
    expected = queries @ unit_rows(table).T
    assert positions.tolist() == np.argsort(-expected, axis=1)[:, :m].tolist()
    np.testing.assert_allclose(cosines, -np.sort(-expected, axis=1)[:, :m], atol=1e-6)
    assert cosines.dtype == np.float32


@pytest.mark.parametrize("order", ["any", "nearest last"])
def test_what_a_block_has_beyond_its_share_is_found(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEARCH_ROWS", 500)
    rng = np.random.default_rng(4)
    queries, table = unit_rows(rng.standard_normal((5, 6))), rng.standard_normal((3000, 6))
    if order == "nearest last":
        table = table[np.argsort(unit_rows(table) @ queries[0])]
    positions, _ = nearest_rows(queries, table, 400, "pool")
    assert positions.tolist() == np.argsort(-(queries @ unit_rows(table).T), axis=1)[:, :400].tolist()


def test_equal_rows_tie_by_position() -> None:
    table = np.repeat([[1.0, 0.0], [3.0, 3.0]], 5, axis=0)[::-1]
    positions, _ = nearest_rows(np.array([[1.0, 0.0]]), table, 10, "pool")
    assert positions.tolist() == [[5, 6, 7, 8, 9, 0, 1, 2, 3, 4]]


def test_bad_rows_are_named() -> None:
    table = np.ones((20_000, 2))
    table[17_000] = 0
    with pytest.raises(FeatureError, match="library row 17000 is all zero"):
        nearest_rows(np.eye(2), table, 3, "library")


def kernel_sums(rows: np.ndarray, bandwidth: float) -> np.ndarray:
    return np.maximum(1 - cdist(unit_rows(rows), unit_rows(rows), "sqeuclidean") / bandwidth**2, 0).sum(axis=1)


def test_densities_are_kernel_sums() -> None:
    rows = np.random.default_rng(1).standard_normal((300, 3))
    np.testing.assert_allclose(densities(rows, 0.5, 300), kernel_sums(rows, 0.5), rtol=1e-5)
    # More than the first, short search finds.
    np.testing.assert_allclose(densities(rows, 1.2, 300), kernel_sums(rows, 1.2), rtol=1e-5)
    assert np.sum(cdist(unit_rows(rows), unit_rows(rows)) < 1.2, axis=1).max() > module.FEW
    copies = np.repeat(np.eye(3), [1, 2, 4], axis=0)
    np.testing.assert_allclose(densities(copies, 0.3, 7), [1, 2, 2, 4, 4, 4, 4], rtol=1e-6)
    np.testing.assert_allclose(densities(copies, 0.3, 3), [1, 2, 2, 3, 3, 3, 3], rtol=1e-6)


def test_the_inverted_file_misses_little_and_less_the_more_lists_it_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(2).standard_normal((3000, 6))
    exact = densities(rows, 0.5, 3000)
    monkeypatch.setattr(module, "FLAT_ROWS", 1000)
    monkeypatch.setattr(module, "SEARCH_ROWS", 700)
    approximate = densities(rows, 0.5, 3000)
    assert (approximate <= exact * (1 + 1e-5)).all()
    assert approximate.sum() > 0.99 * exact.sum()
    assert approximate.tobytes() == densities(rows, 0.5, 3000).tobytes()
    monkeypatch.setattr(module, "PROBES", 1)
    assert densities(rows, 0.5, 3000).sum() < 0.9 * exact.sum()
