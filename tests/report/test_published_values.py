"""Every published value against the reference file, to the letter, and against fingerprints where that is absent."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from benchmark.published import load_table

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "simcore_tables.yaml"
ALL_NAMES = ["full-finetuning", "table2", "table3", "table4", "table5"]


def raw(name: str) -> dict:
    """A table's YAML with every scalar as its text."""
    return yaml.load((ROOT / "tables" / f"{name}.yaml").read_text(), Loader=yaml.BaseLoader)


# The values as they were when they equalled the reference to the letter (below): a slip is caught without it, too.
FINGERPRINTS = {
    "full-finetuning": "6f234b4b16a46bb5",
    "table2": "969442159c60299c",
    "table3": "f5ed41ec29357b60",
    "table4": "7011f3a93958bd0d",
    "table5": "56e8162dbffab15b",
}


@pytest.mark.parametrize("name", ALL_NAMES)
def test_values_have_not_changed_since_they_were_compared(name: str) -> None:
    texts = [[row["id"], *row["values"], *row.get("shares", [])] for row in raw(name)["rows"]]
    assert hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16] == FINGERPRINTS[name]


def reference() -> dict[str, dict]:
    if not REFERENCE.is_file():
        pytest.skip(f"NOT CHECKED: the reference file {REFERENCE.name} is not beside this checkout")
    tables = yaml.load(REFERENCE.read_text(), Loader=yaml.BaseLoader)["tables"]
    return {table["id"]: table for table in tables}


@pytest.mark.parametrize("name", ALL_NAMES)
def test_values_equal_the_reference_to_the_letter(name: str) -> None:
    theirs, ours = reference()["issue1_full_finetune" if name == "full-finetuning" else name], raw(name)
    assert ours["columns"] == theirs["columns"]
    assert [row["values"] for row in ours["rows"]] == [row["values"] for row in theirs["rows"]]


def test_ids_and_shares_of_table_2_equal_the_reference() -> None:
    theirs, ours = reference()["table2"], raw("table2")
    assert [row["id"] for row in ours["rows"]] == [row["id"] for row in theirs["rows"]]
    assert ours["rows"][-1]["shares"] == theirs["stopping_criterion_sampled_share_percent"]


def test_marks_equal_the_reference() -> None:
    tables = reference()
    seen = {(mark["row"], mark["col"], mark["mark"]) for mark in tables["table2"]["markup_seen"]}
    two = load_table("2")
    assert {(r.id, c, m) for r in two.rows for m in ("bold", "underline") for c in getattr(r, m)} == seen
    for name in ("table3", "table4", "table5"):
        table = load_table(name)
        marks = [[str(column in row.bold).lower() for column in table.columns] for row in table.rows]
        assert marks == [row["bold"] for row in tables[name]["rows"]]


@pytest.mark.parametrize("name", ["table3", "table4"])
def test_rows_stand_in_the_reference_s_order(name: str) -> None:
    short = {"X": "X", "OS": "OS", "X+simcore(stop)": "SimCore"}
    heads = {
        "EfficientNet": "EfficientNet",
        "ResNet18": "ResNet-18",
        "ResNeXt50": "ResNeXt-50",
        "ResNet101": "ResNet-101",
    }
    for ours, theirs in zip(load_table(name).rows, reference()[name]["rows"], strict=True):
        assert short[ours.variant] == theirs["pretrain"]
        assert ours.method == theirs["method"].lower()
        assert ours.title.split(",")[0] == (heads[theirs["architecture"]] if name == "table3" else theirs["method"])
