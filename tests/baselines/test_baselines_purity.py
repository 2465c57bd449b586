from __future__ import annotations

import numpy as np
import pytest

from baselines import Purity, base_rate, ceiling, purity, purity_report

RELEVANT = np.array([True, True, False, False, False, True, False, False])


def test_purity_base_rate_and_ceiling_by_hand() -> None:
    assert purity(np.array([0, 5, 3, 7]), RELEVANT) == 0.5
    assert purity(np.array([1]), RELEVANT) == 1.0
    assert base_rate(RELEVANT) == 3 / 8
    assert ceiling(2, RELEVANT) == 1.0
    assert ceiling(3, RELEVANT) == 1.0
    assert ceiling(6, RELEVANT) == 0.5


def test_report_over_all_items() -> None:
    assert purity_report(np.array([0, 2, 3, 5]), RELEVANT) == Purity(0.5, 3 / 8, 0.75, 4, 8)


def test_items_of_other_sources_leave_picks_and_pool() -> None:
    allowed = np.array([False, True, True, True, True, False, True, False])
    # left of the picks: 1 (relevant) and 3; left of the pool: 1, 2, 3, 4, 6 with one relevant
    assert purity_report(np.array([0, 1, 3, 5]), RELEVANT, allowed) == Purity(0.5, 0.2, 0.5, 2, 5)


def test_undefined_and_misused() -> None:
    with pytest.raises(ValueError, match="no picks"):
        purity(np.array([], dtype=np.int64), RELEVANT)
    with pytest.raises(ValueError, match="no pick is left"):
        purity_report(np.array([0]), RELEVANT, ~RELEVANT)
    with pytest.raises(ValueError, match="empty pool"):
        base_rate(np.array([], dtype=bool))
    with pytest.raises(ValueError, match="0 picks"):
        ceiling(0, RELEVANT)
    with pytest.raises(ValueError, match=r"relevant must be boolean \[N\], got int64"):
        purity(np.array([0]), RELEVANT.astype(np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"allowed has shape \(3,\)"):
        purity_report(np.array([0]), RELEVANT, RELEVANT[:3])
