"""`show TABLE`: every value as it is published, and what this suite does not measure."""

import re
from pathlib import Path

import pytest
import yaml

from benchmark.commands.show.table import table_text
from benchmark.published.tables import load_table, table_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", table_names())
def test_show_prints_every_value_as_the_table_has_it(name):
    table = load_table(name)
    text = table_text(table).splitlines()
    # Every scalar as its text.
    raw = yaml.load((ROOT / "tables" / f"{name}.yaml").read_text(), Loader=yaml.BaseLoader)
    for row, known in zip(raw["rows"], table.rows, strict=True):
        # The name to type, and the title.
        typed = row["id"] if [one.variant for one in table.rows].count(known.variant) > 1 else known.variant
        (line,) = [line for line in text if line.split(" ")[0] == typed and known.title in line]
        printed = ["-" if value in ("", "null") else value for value in row["values"]]
        if "top5" in row:
            printed = [f"{value} ({second})" for value, second in zip(printed, row["top5"], strict=True)]
        assert re.split(r"  +", line.rstrip())[-len(printed) :] == printed


def test_show_says_what_is_not_measured_and_why():
    text = table_text(load_table("lcr-table2"))
    words = " ".join(text.split())
    named = "imagenet-supervised weights: name them with --initial-weights: "
    assert f"Not measured by this suite: is the network of {named}imagenet-supervised_linear_eval, " in words
    assert f"starts from {named}moco_linear_eval, moco_linear_eval_50pct, moco_linear" in words
    assert "No tolerance: measured values are shown with their difference and no verdict." in text
    assert "(transcript, evidence B)" in text
    table2 = table_text(load_table("table2"))
    assert "Not measured" not in table2
    (shares,) = [line.split()[-11:] for line in table2.splitlines() if "% of the open-set picked" in line]
    assert shares[:3] == ["1.03", "0.95", "14.4"]
    assert "\nTolerance: sampling error at 95 %, allowance of 1 point. The paper prints no standard" in table2
    assert "  stop-beats-X: SimCore with the stopping criterion beats X on every target (values of the table)" in table2
