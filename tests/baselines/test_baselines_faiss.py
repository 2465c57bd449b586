from __future__ import annotations

import faiss
import numpy as np
import pytest

from baselines import FeatureError, SimCore
from baselines.core.faiss_ranking import FaissRanking, faiss_index
from baselines.core.ranking import FeatureRanking
from baselines.core.scoring import unit_rows


def features(n: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((n, 24)) + 0.5).astype(np.float32)


POOL = features(4000, 1)
CENTRES = unit_rows(features(20, 2))


def shared(factory: str, **settings: int) -> float:
    """Part of the exact picks that an index finds."""
    index = faiss_index(POOL, factory)
    for name, value in settings.items():
        setattr(index.hnsw if factory.startswith("HNSW") else index, name, value)
    exact = SimCore().select_from(FeatureRanking(POOL, CENTRES), budget=600)
    approximate = SimCore().select_from(FaissRanking(index, CENTRES), budget=600)
    return float(np.isin(exact.indices, approximate.indices).mean())


@pytest.mark.parametrize("budget", [600, "100%", None])
def test_an_exact_index_gives_the_exact_picks(budget: int | str | None) -> None:
    exact = SimCore().select_from(FeatureRanking(POOL, CENTRES), budget=budget, n_target=20)
    ranking = FaissRanking(faiss_index(POOL, "Flat"), CENTRES)
    approximate = SimCore().select_from(ranking, budget=budget, n_target=20)
    # float32 may swap two neighbours; the rounds themselves are the same.
    assert set(approximate.indices) == set(exact.indices)
    assert np.mean(approximate.indices == exact.indices) > 0.99
    np.testing.assert_allclose(approximate.info["f_curve"], exact.info["f_curve"], rtol=1e-6)


def test_approximate_indices_find_most() -> None:
    few, many = shared("IVF64,Flat", nprobe=4), shared("IVF64,Flat", nprobe=32)
    assert 0.3 < few < many
    assert many > 0.95
    assert shared("HNSW32", efSearch=600) > 0.9


@pytest.mark.parametrize("factory", ["Flat", "IVF4,Flat", "HNSW32"])
def test_what_is_taken_is_not_given_again(factory: str) -> None:
    ranking, taken = FaissRanking(faiss_index(POOL, factory), CENTRES), np.zeros(4000, dtype=bool)
    for candidates in ranking.top(10, taken):
        taken[candidates.positions] = True
    for candidates in ranking.top(10, taken):
        assert candidates.positions.size == 10
        assert not taken[candidates.positions].any()
        assert np.all(np.diff(candidates.scores) <= 0)


def test_settings_of_the_index_hold_when_rows_are_left_out() -> None:
    index = faiss_index(POOL, "IVF64,Flat")
    index.nprobe = 64
    taken = np.zeros(4000, dtype=bool)
    taken[0] = True
    ranking, exact = FaissRanking(index, CENTRES), FeatureRanking(POOL, CENTRES)
    for candidates, expected in zip(ranking.top(50, taken), exact.top(50, taken), strict=True):
        assert set(expected.positions) <= set(candidates.positions)


def test_an_index_that_runs_out_says_so() -> None:
    ranking = FaissRanking(faiss_index(POOL, "IVF64,Flat"), CENTRES)  # nprobe 1
    with pytest.raises(ValueError, match="finds no free row"):
        SimCore().select_from(ranking, budget="100%")


def test_lengths_do_not_matter_and_bad_rows_are_named() -> None:
    longer = POOL * np.linspace(1, 9, 4000, dtype=np.float32)[:, None]
    index = faiss_index(longer.astype(np.float16), "IVF8,Flat", train_rows=500)
    index.make_direct_map()
    assert index.ntotal == 4000
    np.testing.assert_allclose(np.linalg.norm(index.reconstruct(3999)), 1, rtol=1e-6)
    longer[3000] = 0
    with pytest.raises(FeatureError, match="pool row 3000 is all zero"):
        faiss_index(longer, "Flat")


def test_an_index_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="metric inner product and d = 24"):
        FaissRanking(faiss.IndexFlatL2(24), CENTRES)
    with pytest.raises(ValueError, match="d = 23"):
        FaissRanking(faiss.IndexFlatIP(23), CENTRES)
