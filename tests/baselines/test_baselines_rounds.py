from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.core.ranking import SimilarityRanking
from baselines.core.rounds import GROWTH, StopRule, greedy_rounds
from baselines.simcore import SimCore


class Counting(SimilarityRanking):
    """Remembers the m of every pass."""

    def __init__(self, similarity: np.ndarray) -> None:
        super().__init__(similarity)
        self.sizes: list[int] = []

    def top(self, m: int, taken: np.ndarray) -> Any:
        self.sizes.append(m)
        return super().top(m, taken)


@st.composite
def similarities(draw: st.DrawFn) -> np.ndarray:
    """Continuous, or on a coarse grid with many ties, with rows repeated and columns the same."""
    n, k = draw(st.integers(1, 40)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    steps = draw(st.sampled_from([1, 4, 2**20]))
    sim = rng.integers(draw(st.sampled_from([-steps, 0])), steps + 1, (n, k)) / steps
    if draw(st.booleans()):
        sim = sim[rng.integers(0, n, n)]
    if draw(st.booleans()):
        sim[:, : draw(st.integers(1, k))] = sim[:, :1]
    return sim.astype(draw(st.sampled_from(["f4", "f8"])))


rules = st.none() | st.builds(
    StopRule,
    tau=st.sampled_from([0.25, 0.5, 0.75, 0.95, 1.0]),
    reference_round=st.integers(1, 6),
    failing_round=st.sampled_from(["kept", "dropped"]),
)


@settings(max_examples=400)
@given(
    similarities(),
    rules,
    st.sampled_from(["trim", "keep"]),
    st.integers(1, 60),
    st.integers(1, 50),
    st.data(),
)
def test_picks_are_the_pseudo_codes(
    reference: Callable[..., Any],
    same_picks: Callable[[Any, Any], None],
    sim: np.ndarray,
    rule: StopRule | None,
    overshoot: str,
    limit: int,
    first_m: int,
    data: st.DataObject,
) -> None:
    seed = data.draw(st.integers(0, 1000))
    picks = greedy_rounds(
        SimilarityRanking(sim, block_rows=7),
        limit=limit,
        rule=rule,
        overshoot=overshoot,  # type: ignore[arg-type]
        seed=seed,
        first_m=first_m,
    )
    expected = reference(sim, limit, overshoot=overshoot, seed=seed, **({} if rule is None else vars(rule)))
    same_picks(picks, expected)
    assert json.loads(json.dumps(picks.info)) == picks.info


def test_one_round_by_hand() -> None:
    # Both centroids want row 2 first: it is picked once, counted twice in the round's value.
    sim = np.array([[0.1, 0.6], [0.5, 0.2], [0.9, 0.8], [0.3, 0.7]])
    picks = greedy_rounds(SimilarityRanking(sim), limit=3)
    assert picks.indices.tolist() == [2, 1, 3]
    assert picks.scores.tolist() == np.array([0.9, 0.5, 0.7], dtype=np.float32).tolist()
    assert picks.info["f_curve"] == pytest.approx([0.85, 0.6])
    assert picks.info["duplicates"] == 1
    assert picks.info["near_ties"] == 0
    assert picks.stopped_by == "budget"


def falling(n: int = 30, k: int = 2) -> np.ndarray:
    """Round t has value 1 - t / n + 1 / n, all centroids on rows of their own."""
    sim = np.zeros((n * k, k))
    for c in range(k):
        sim[c::k, c] = 1 - np.arange(n) / n
    return sim


def test_both_readings_of_the_stopping_rule_by_hand() -> None:
    sim = falling()
    # Values 1, 29/30, 28/30, ...: round 5 (26/30) is below 0.9 of the first, round 6 (25/30) of the third.
    paper = SimCore.paper(tau=0.9).select_from_similarity(sim, budget=None, n_target=100)
    assert (len(paper), paper.stopped_by, paper.info["rounds"]) == (10, "threshold", 5)
    released = SimCore.released(tau=0.9, reference_round=3).select_from_similarity(sim, budget=None, n_target=100)
    assert (len(released), released.stopped_by, released.info["rounds"]) == (10, "threshold", 6)
    assert released.info["threshold"] == pytest.approx(0.9 * 28 / 30)
    assert (released.info["reference_round"], released.info["cap"]) == (3, 60)


def test_rounds_before_the_reference_cannot_stop() -> None:
    sim = falling()
    late = SimCore.released(tau=1.0, reference_round=20).select_from_similarity(sim, budget=None, n_target=100)
    assert (len(late), late.stopped_by, late.info["rounds"]) == (40, "threshold", 21)


def test_cap_of_the_stopping_rule() -> None:
    sim = np.random.default_rng(0).random((50, 3))
    sampler = SimCore.released(tau=0.01, reference_round=1, budget_factor=2)
    capped = sampler.select_from_similarity(sim, budget=None, n_target=10)
    assert (len(capped), capped.stopped_by, capped.info["cap"]) == (20, "budget", 20)
    emptied = sampler.select_from_similarity(sim, budget=None, n_target=26)
    assert (len(emptied), emptied.stopped_by, emptied.info["cap"]) == (50, "exhausted", 50)
    exactly = sampler.select_from_similarity(sim, budget=None, n_target=25)
    assert (len(exactly), exactly.stopped_by) == (50, "budget")


def test_a_budget_switches_the_rule_off_and_may_be_the_whole_pool() -> None:
    sim = falling()
    picks = SimCore.released(reference_round=1).select_from_similarity(sim, budget="100%")
    assert sorted(picks.indices.tolist()) == list(range(60))
    assert (picks.stopped_by, picks.info["threshold"], picks.info["reference_round"]) == (
        "budget",
        None,
        None,
    )


def test_overshoot_kept_or_trimmed() -> None:
    sim = falling(k=5)
    kept = SimCore.paper().select_from_similarity(sim, budget=12)
    assert (len(kept), kept.info["trimmed"]) == (15, 0)
    trimmed = SimCore.released().select_from_similarity(sim, budget=12)
    assert (len(trimmed), trimmed.info["trimmed"]) == (12, 3)
    assert trimmed.indices[:10].tolist() == kept.indices[:10].tolist()
    assert set(trimmed.indices[10:]) < set(kept.indices[10:])


def test_trimming_is_uniform_and_keeps_the_order() -> None:
    sim, counts = falling(k=5), Counter[int]()
    for seed in range(2000):
        last = SimCore.released().select_from_similarity(sim, budget=7, seed=seed).indices[5:].tolist()
        assert last == sorted(last)  # in this pool the order of the centroids is the order of the rows
        counts.update(last)
    assert set(counts) == {5, 6, 7, 8, 9}
    assert max(abs(count - 800) for count in counts.values()) < 100  # standard deviation 22, seeds fixed


def test_further_passes_only_when_a_centroid_runs_dry() -> None:
    sim = np.random.default_rng(3).random((2000, 4))
    enough = Counting(sim)
    expected = greedy_rounds(enough, limit=400, first_m=400)
    assert enough.sizes == [400]
    assert expected.info["passes"] == 1
    small = Counting(sim)
    picks = greedy_rounds(small, limit=400, first_m=2)
    assert picks.indices.tolist() == expected.indices.tolist()
    assert len(small.sizes) == picks.info["passes"] > 2
    assert small.sizes == [2 * GROWTH**i for i in range(len(small.sizes))]
    assert picks.info["m"] == small.sizes[-1] < 2000


def test_ties_make_m_grow() -> None:
    same = Counting(np.full((50, 2), 0.5, dtype=np.float32))
    picks = greedy_rounds(same, limit=3, first_m=2)
    assert picks.indices.tolist() == [0, 1, 2]
    assert same.sizes == [2, 8, 32, 50]
    assert picks.info["near_ties"] == 4  # two centroids, three picks each


def test_candidates_stop_growing_at_the_memory_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = np.random.default_rng(3).random((500, 4))
    expected = greedy_rounds(SimilarityRanking(sim), limit=500)
    monkeypatch.setattr("baselines.core.rounds.MAX_PAIRS", 4 * 32)
    bounded = Counting(sim)
    picks = greedy_rounds(bounded, limit=500, first_m=5)
    assert bounded.sizes[:3] == [5, 20, 32]
    assert set(bounded.sizes[2:]) == {32}
    assert picks.indices.tolist() == expected.indices.tolist()


def test_limits_below_one_are_refused() -> None:
    for arguments in ({"limit": 0}, {"limit": 1, "first_m": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            greedy_rounds(SimilarityRanking(np.ones((2, 2))), **arguments)


def test_negative_values() -> None:
    # Before its reference round the released rule compares with 0; the paper's first round is its reference.
    sim = -falling()
    released = SimCore.released().select_from_similarity(sim - 0.1, budget=None, n_target=9)
    assert (len(released), released.stopped_by, released.info["threshold"]) == (0, "threshold", None)
    paper = SimCore.paper().select_from_similarity(sim - 0.1, budget=None, n_target=9)
    assert (paper.stopped_by, paper.info["rounds"]) == ("threshold", 1)
