"""What `plan` says of time is within a factor of two of what a run took, as `results/bench/` has it."""

import json
from pathlib import Path

import pytest

from benchmark.commands._planned_run import planned_run
from benchmark.planning.costs import _duration
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query

BENCH = Path(__file__).parents[2] / "results" / "bench"
RUNS = json.loads((BENCH / "tables-smoke.json").read_text())["cases"]


def seconds_of(case):
    """CPU seconds of a run: of one without a count of these, its wall time on all of its processes."""
    return 60 * (case.get("cpu_minutes") or case["minutes"] * case["processes"])


@pytest.mark.parametrize("case", RUNS, ids=lambda case: f"{case['table']}-{case.get('targets', 'all')}")
def test_an_estimate_for_smoke_is_within_a_factor_of_two(case, tmp_path):
    # A table that was measured for one target was measured for any of them.
    targets = ("cub",) if case.get("targets") == 1 else ()
    planned = planned_run(PlannedTable(Query(case["table"], targets=targets, store=tmp_path)))
    assert 0.5 <= planned.hours * 3600 / seconds_of(case) <= 2


def test_an_estimate_for_mini_is_within_a_factor_of_two(tmp_path):
    (case,) = json.loads((BENCH / "tables-mini.json").read_text())["cases"]
    query = Query(case["table"], profile="mini", targets=("pets",), openset="imagenet", store=tmp_path)
    assert 0.5 <= planned_run(PlannedTable(query)).hours * 3600 / seconds_of(case) <= 2


def test_short_times_are_written_in_minutes_and_seconds():
    texts = [_duration(seconds / 3600) for seconds in (0, 0.2, 52, 59.6, 1860, 3590, 9000)]
    assert texts[:4] == ["about 0 seconds", "about 1 second", "about 52 seconds", "about 1 minute"]
    assert texts[4:] == ["about 31 minutes", "about 1.0 hours", "about 2.5 hours"]
