"""What a table says of the differences between its rows: paired intervals, and no verdict by one seed."""

import numpy as np
import pytest

from benchmark.execution.record import Record
from benchmark.report.collect import assemble
from benchmark.report.formats import render
from benchmark.report.item_results import ItemResults
from benchmark.report.measures import CORESET_MEASURES
from benchmark.report.run import Run
from benchmark.specs.cells import ACCURACY, Layout
from benchmark.statistics import Paired, paired_difference, paired_means

LABELS = np.zeros(50, np.int32)
ROWS = {"X+simcore(5%)": 0.5, "X+mine(5%)": 0.7}
OWN_ROW, SIMCORE, TARGET = "X+mine(5%)", "X+simcore(5%)", "birds70"


def record(kind, metrics):
    environment = {"hardware": {"device": "cpu"}, "packages": {}}
    return Record(kind, "0" * 64, {"kind": kind}, metrics, {}, environment, 1.0, 1.0, {})


def run(row, seed, chance):
    wrong = (np.random.default_rng((seed, int(100 * chance))).random(50) >= chance).astype(np.int32)
    shares = {"purity": chance / 5 + seed / 100, "base_rate": 0.02, "ceiling": 1.0}
    records = {
        "evaluate": record("evaluate", {"accuracy": 100 * float((wrong == 0).mean()), "n": 50, "metric": "top1"}),
        "sample": record("sample", {"size": 20, "stopped_by": "budget", "picks_sha256": "1"}),
        "purity": record("purity", {"all": shares}),
    }
    kept = ItemResults(LABELS, "top1", {"accuracy": wrong})
    return Run(row, TARGET, seed, (), "measured", records=records, item_results={"evaluate": kept})


def table(*seeds, runs=None):
    layout = Layout(
        table="2",
        profile="mini",
        protocol="clean",
        openset="mixed",
        columns=(TARGET,),
        rows=tuple((row, row, row, False) for row in ROWS),
        seeds=seeds,
        steps=None,
        standins=False,
        verified_paper=False,
        notes=(),
        measures=(ACCURACY, *CORESET_MEASURES),
        groups=tuple(("budget 5%", row.removeprefix("X+").removesuffix("(5%)")) for row in ROWS),
        references=(SIMCORE,),
    )
    return assemble(layout, runs or [run(row, seed, chance) for row, chance in ROWS.items() for seed in seeds])


@pytest.mark.parametrize("format_", ["text", "md"])
def test_one_seed_is_not_judged_and_shows_its_interval_over_images(format_):
    one = table(3)
    shown = " ".join(render(one, format_).split())
    assert "One seed (3): not judged." in shown
    estimate = one.differences[OWN_ROW, SIMCORE, TARGET, "accuracy"]
    said = f"{estimate.value:+.1f} [{estimate.low:+.1f}, {estimate.high:+.1f}]"
    assert estimate.basis == "items" and said in shown
    assert one.differences[OWN_ROW, SIMCORE, TARGET, "purity"] == pytest.approx(4.0)
    assert "not judged" not in render(table(3, 4), format_)


def test_several_seeds_are_paired_as_in_a_claim():
    seeds = (0, 1, 2)
    runs = {row: [run(row, seed, chance) for seed in seeds] for row, chance in ROWS.items()}
    differences = table(*seeds, runs=[one for group in runs.values() for one in group]).differences
    left, right = (
        np.array([one.item_results["evaluate"].points("accuracy") for one in runs[row]]) for row in (OWN_ROW, SIMCORE)
    )
    assert differences[OWN_ROW, SIMCORE, TARGET, "accuracy"] == paired_difference([Paired(left, right, LABELS, "top1")])
    purities = [[20 * ROWS[row] + seed for seed in seeds] for row in (OWN_ROW, SIMCORE)]
    assert differences[OWN_ROW, SIMCORE, TARGET, "purity"].value == pytest.approx(paired_means(*purities).value)
    assert differences[OWN_ROW, SIMCORE, TARGET, "purity"].basis == "seeds"


def test_a_row_that_lacks_a_seed_has_no_difference():
    runs = [run(row, seed, chance) for row, chance in ROWS.items() for seed in (0, 1)]
    runs[-1] = Run(OWN_ROW, TARGET, 1, (), "failed", "out of memory")
    lacking = table(0, 1, runs=runs)
    assert lacking.differences == {}
    assert "seed 1 of X+mine(5%) on birds70 is failed: out of memory" in lacking.warnings
