"""BloomCoreset (Singh et al., ICASSP 2025): the pool rows that a Bloom filter of the target lets through, nearest
first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from baselines.core.bloom_filter import BloomFilter, Sizing, codes, slots_for
from baselines.core.fields import check_count, check_positive, check_share
from baselines.core.round_robin import Turns, round_robin
from baselines.core.rows import Rows
from baselines.core.scoring import unit_rows
from baselines.core.selection import Budget, Features, Selection, check_features, check_rows, check_shape, row_blocks
from baselines.core.top import BLOCK_ROWS, images_of
from baselines.registry import Entry


@dataclass(frozen=True)
class BloomCoreset:
    """BloomCoreset (Singh, Vashishtha, Mastan and Raman, "BloomCoreset: Fast Coreset Sampling using Bloom Filters for
    Fine-Grained Self-Supervised Learning", ICASSP 2025, arXiv 2412.16942) as its released code samples
    (generate_coreset.py, commit 6db1f16); the defaults are that code's numbers.

    1. The signs of a row's features are its code; the codes of all target rows go into a Bloom filter.
    2. The pool rows whose code the filter takes for a member pass.
    3. In turns, every target row takes its next nearest of these, by cosine, until the budget is met.

    hashes: slots that a code sets.
    items_per_row: codes that the filter is sized for, per target row: 10,000 for 3,500 in the released code.
    error_rate: share of strangers that a filter of that size should let pass.
    sizing: "released" is the released code's number of slots, "textbook" the formula's, four times as many.

    What the filter does. Codes of hundreds of bits agree only for near-duplicates, so that hardly any row passes as a
    member (`info["matched"]` counts them). What passes is strangers: the quartered number of slots, at 10 hashes and
    n codes, makes three slots in four full and lets 6 to 7 % of them pass. Which ones is decided by their hash: the
    filter draws a random sample of the pool, and step 3, nearest-neighbour retrieval in it, makes the coreset. Sized
    by the textbook it lets pass fewer than one in 100,000, and there is nothing to retrieve from. On features without
    negative numbers, such as after a ReLU, all codes are equal and all rows pass.

    The paper calls the filter a counting one. The released code keeps counts, but of the first filter asks only
    whether they are above zero; those of a second filter, over target and coreset, are weights of training.

    Deviations from the released code:
    - Of the last round the most similar rows are kept; there, the list of a Python set is cut, which drops rows of
      high position from any round.
    - Where fewer rows pass than the budget asks for, the rest is taken in the same way from those that did not
      (`info["filled"]`); the released code stops with an IndexError.
    - Features of any encoder and all their columns, in place of Open-CLIP's and the first 512; a share of the pool is
      rounded down like every sampler's, there up.

    Compared with the released code, run as it is on stored unit features (12,000 x 512 and 300 target rows, 1 % and
    3 %): the same rows pass and the same rounds are needed; cutting our rounds as a Python set's list gives its
    coreset, 120 of 120 and 360 of 360 rows. Cut by similarity, 111 and 351 of them are the same.

    Two passes over the pool. Time, at 2,000 target rows and a pool of 200,000 x 512, 1 %, on one core: 2.4 s, of which
    the filter takes 0.95 s and retrieval among the 14,444 rows that pass 1.2 s, as among as many random rows;
    retrieval in the whole pool takes about 10 s, SimCore 0.7 s. Memory: see `round_robin`. Raises ValueError for a
    field out of its range.
    """

    hashes: int = 10
    items_per_row: float = 10_000 / 3_500
    error_rate: float = 0.01
    sizing: Sizing = "released"

    def __post_init__(self) -> None:
        check_count("hashes", self.hashes)
        check_positive("items_per_row", self.items_per_row)
        check_share("error_rate", self.error_rate)
        if self.sizing not in get_args(Sizing):
            raise ValueError(f"sizing must be one of {get_args(Sizing)}, got {self.sizing!r}")

    def select(self, target: Features, pool: Features, *, budget: Budget, seed: int = 0) -> Selection:
        """Pick rows of `pool` [N, d] for `target` [n, d]; nothing is left to chance, `seed` is not used.

        Scores are cosines to the target row that took the pick. `info`: "slots" of the filter,
        "false_positive_rate" that its fullness makes, "passed" and "matched" rows of the pool, "rounds", "filled".
        Raises BudgetError for a bad budget and for None, FeatureError for features that cannot be compared.
        """
        n_target, dim = check_shape(target, "target")
        n_pool, _ = check_shape(pool, "pool", dim=dim)
        images = images_of(budget, n_pool, "bloom")
        check_features(target, "target")
        rows = np.asarray(target[0:n_target])
        members = codes(rows)
        filled = self._filter(members)
        passed, matched = _passing(pool, n_pool, filled, frozenset(members))
        turns = _retrieve(unit_rows(rows), pool, n_pool, passed, images)
        info = {
            "slots": self.slots(n_target),
            "false_positive_rate": filled.false_positive_rate(),
            "passed": passed.size,
            "matched": matched,
            "rounds": turns.rounds,
            "filled": max(0, images - passed.size),
        }
        return Selection(turns.positions, turns.scores, "budget", info)

    def slots(self, n_target: int) -> int:
        """Slots of the filter for a target of `n_target` rows."""
        return slots_for(n_target * self.items_per_row, self.error_rate, self.sizing)

    def _filter(self, members: list[bytes]) -> BloomFilter:
        made = BloomFilter(self.slots(len(members)), self.hashes)
        for code in members:
            made.add(code)
        return made


def _passing(
    pool: Features, n_pool: int, members: BloomFilter, exact: frozenset[bytes]
) -> tuple[NDArray[np.int64], int]:
    """Positions int64 [P] of the pool rows that `members` takes for its own, and how many of them are in `exact`."""
    passed: list[int] = []
    matched = 0
    for first, block in row_blocks(pool, n_pool, BLOCK_ROWS):
        check_rows(block, "pool", first)
        inside = [(first + row, code) for row, code in enumerate(codes(block)) if code in members]
        passed.extend(position for position, _ in inside)
        matched += sum(code in exact for _, code in inside)
    return np.array(passed, dtype=np.int64), matched


def _retrieve(own: NDArray[np.float64], pool: Features, n_pool: int, passed: NDArray[np.int64], images: int) -> Turns:
    """`images` rows in turns from those that passed, and from the others where these are too few."""
    from_passed = min(images, passed.size)
    parts = [_turns_among(passed, own, pool, from_passed)] if from_passed else []
    if from_passed < images:
        parts.append(_turns_among(np.delete(np.arange(n_pool), passed), own, pool, images - from_passed))
    positions, scores, rounds = zip(*parts, strict=True)
    return Turns(np.concatenate(positions), np.concatenate(scores), sum(rounds))


def _turns_among(rows: NDArray[np.int64], own: NDArray[np.float64], pool: Features, m: int) -> Turns:
    turns = round_robin(own, Rows(pool, rows), m)
    return turns._replace(positions=rows[turns.positions])


entry = Entry("bloom", "baselines.bloom:BloomCoreset", "Singh et al., ICASSP 2025, arXiv 2412.16942", place=14)
