"""What the benchmarks keep of a run, and what is read of it."""

import argparse
import json
from pathlib import Path

import pytest

from benchmark.published.tables import load_table
from scripts import bench_record, bench_tables, race_table

RESULTS = Path(__file__).resolve().parents[2] / "results"
RECORDS = sorted((RESULTS / "bench").glob("*.json"))
ROW = {"profile": "mini", "method": "simclr", "network": "resnet18", "px": 48}


def rounds(contender, rates, peak_mib):
    return [
        {**ROW, "contender": contender, "round": at, "images_per_second": rate, "peak_mib": peak_mib}
        for at, rate in enumerate(rates, 1)
    ]


RACE = [*rounds("bare step", [100, 200, 400], 10), *rounds("our trainer", [90, 200, 300], 20)]


def test_what_is_saved_is_read_again_with_where_and_under_what_load_it_was_measured(tmp_path):
    parser = argparse.ArgumentParser()
    bench_record.add_options(parser)
    options = parser.parse_args(["--save", str(tmp_path / "new" / "race.json"), "--load", "a test"])
    bench_record.save(options.save, RACE, options.load, sgemm_gflops=244.0)
    record = bench_record.read(options.save)
    assert list(record.cases) == RACE and record.machine["sgemm_gflops"] == 244 and record.machine["cores"] > 0
    assert record.packages["python"] and record.load.startswith("a test; load average") and not record.source
    assert record.select(contender="our trainer", round=2)[0]["images_per_second"] == 200
    with pytest.raises(KeyError):
        record.select(contender="nobody")


@pytest.mark.parametrize("change", [{"cases": []}, {"date": "today"}, {"other": 1}])
def test_a_record_of_another_form_is_refused(tmp_path, change):
    path = tmp_path / "race.json"
    bench_record.save(path, RACE, "a test")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=next(iter(change))):
        bench_record.read(path)


@pytest.mark.parametrize("path", RECORDS, ids=[path.stem for path in RECORDS])
def test_committed_records_can_be_read_and_say_where_they_come_from(path):
    record = bench_record.read(path)
    assert record.load and (record.source or ({"cpu", "cores"} <= record.machine.keys() and record.packages))


def test_a_race_is_summed_up_by_medians_of_rates_and_of_the_ratios_of_rounds():
    bare, trainer = race_table.summary(RACE)
    assert (bare["images_per_second"], trainer["images_per_second"], trainer["peak_mib"]) == (200, 200, 20)
    assert (trainer["of_bare_least"], trainer["of_bare"], trainer["of_bare_largest"]) == (0.75, 0.9, 1.0)
    assert race_table.summary([bare, trainer]) == [bare, trainer]
    header, (row,) = race_table.table(RACE, marked=True)
    cells = dict(zip(header, row, strict=True))
    assert cells["ours / bare"] == "0.90 [0.75, 1.00] (goal 0.95)" and cells["ours / solo-learn"] == "-"
    assert cells["peak MiB of the three"] == "10, 20, -"


def test_contenders_that_dropped_out_leave_the_rounds_that_both_ran():
    cases = [case for case in RACE if case["contender"] == "bare step" or case["round"] != 2]
    assert race_table.summary(cases)[1]["of_bare"] == pytest.approx((0.9 + 0.75) / 2)


@pytest.mark.parametrize(("job", "targets"), [("figure3", 0), ("2:cub,dtd", 2)])
def test_a_table_is_timed_in_a_store_of_its_own(monkeypatch, job, targets):
    commands = []
    monkeypatch.setattr(bench_tables.subprocess, "run", lambda command, **_: commands.append(command))
    case = bench_tables.measure(job, "smoke", None)
    table, _, named = job.partition(":")
    assert case["table"] == table and case["targets"] == (targets or len(load_table(table).columns))
    assert case["minutes"] > 0 <= case["cpu_minutes"]
    text = " ".join(commands[0])
    assert f"reproduce --table {table} --profile smoke" in text and "--store" in text
    assert ("--targets" in text) == bool(named) and all(name in text for name in named.split(","))
