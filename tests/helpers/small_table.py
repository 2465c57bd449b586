"""A small table with every kind of cell, for the tests of reports. As a program it writes their golden files anew."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmark.published.claims import Answers, MeasuredEvidence
from benchmark.published.tables import Table
from benchmark.report.formats import render
from benchmark.report.table import (
    CellResult,
    JudgedClaim,
    RowLabel,
    SeedResult,
    TableResult,
    judge,
)

GOLDEN = Path(__file__).parents[1] / "report" / "golden"
ENDINGS = {"text": "txt", "md": "md", "latex": "tex", "csv": "csv", "json": "json"}
COLUMNS = ("aircraft", "cars", "pets")
ITEMS = {"aircraft": 3333, "cars": 8041, "pets": 3669}


def table(**changes: Any) -> Table:
    """Three published rows over three targets, with a title that is awkward for LaTeX on purpose."""
    row = {"variant": "X+random(5%)", "method": "simclr", "backbone": "resnet50"}
    claim = {"source": "test", "left": "A_1", "right": "X"}
    return Table.model_validate(
        {
            "id": "small",
            "title": "A table of 5 % & more: X_1 ~ {a}",
            "task": "linear_eval",
            "unit": "% accuracy",
            "decimals": 2,
            "source": {"work": "w", "url": "u", "place": "Table 9", "read_in": "r", "confidence": "primary"},
            "openset": "imagenet",
            "columns": COLUMNS,
            "rows": [
                {**row, "id": "X", "title": "X", "variant": "X", "values": [46.56, 55.42, 59.23]},
                {**row, "id": "A_1", "title": "X | A, p = 1 %", "values": [48.24, 49.26, 64.27]},
                {**row, "id": "B", "title": "B", "values": [55.40, 63.10, None]},
            ],
            "tolerance": {"confidence": 0.95, "allowance": 1.0, "reason": "Chosen for the test."},
            "claims": [
                {**claim, "kind": "better_on_every_target", "id": "every", "sentence": "A_1 beats X everywhere"},
                {
                    **claim,
                    "kind": "mean_gain",
                    "id": "gain",
                    "sentence": "A_1 gains 0.2",
                    "gain": 0.2,
                    "tolerance": 1.0,
                },
                {**claim, "kind": "better_on_average", "id": "b", "sentence": "B beats X", "left": "B"},
            ],
            **changes,
        }
    )


def cell(row: str, target: str, *values: float, **fields: Any) -> CellResult:
    runs = [SeedResult(seed=seed, value=value, values={"samples_seen": 25_600}) for seed, value in enumerate(values)]
    return CellResult(row=row, target=target, state="measured", runs=runs, n=ITEMS.get(target, 100), **fields)


def evidence(seeds: int = 4, level: float = 0.7) -> MeasuredEvidence:
    labels, rng = np.arange(300) % 6, np.random.default_rng(0)
    chances = {"X": 0.4, "A_1": level}
    cells = {
        (row, target): Answers({seed: 100.0 * (rng.random(300) < chance) for seed in range(seeds)}, labels, "top1")
        for row, chance in chances.items()
        for target in COLUMNS
    }
    return MeasuredEvidence(cells, COLUMNS)


PURITY = {"purity": 12.44, "base_rate": 2.1, "ceiling": 40.0, "purity_without_heldout": 10.0}
TRAINED = {"samples_seen": 51_200, "exposures": 1234.56, "images": 1800}
CONTROL = SeedResult(seed=0, value=30.0, values={**TRAINED, **PURITY})
CELLS = (
    cell("X", "aircraft", 46.0, 47.0, verified_paper=True),
    cell("X", "cars", 50.0, 51.0, verified_paper=True),
    cell("X", "pets", 59.0, 59.4, verified_paper=True),
    cell("A_1", "aircraft", 48.0, 48.4, verified_paper=True, assumed=("length of the fixed rows",)),
    cell("A_1", "cars", 49.26, verified_paper=True, absent=(1,)),
    CellResult(row="A_1", target="pets", state="failed", reason="out of\nmemory & more"),
    cell("B", "aircraft", 33.0, 34.0),
    CellResult(row="B", target="cars", state="skipped", reason="no relevance labels"),
    CellResult(row="C", target="cars", state="measured", runs=(CONTROL,), n=8041),
)
ROWS = (
    RowLabel("X", "X", "X"),
    RowLabel("A_1", "X | A, p = 1 %", "X+random(5%)"),
    RowLabel("B", "B", "X+random(5%)"),
    RowLabel("C", "control: C", "X(2x)", control=True),
)


def result(**changes: Any) -> TableResult:
    fields: dict[str, Any] = {
        "table": table(),
        "profile": "paper",
        "protocol": "released",
        "openset": "imagenet",
        "columns": COLUMNS,
        "rows": ROWS,
        "cells": CELLS,
        "claims": judged(),
        "notes": ("a note with 100 %",),
        "warnings": ("two versions of torch",),
    }
    return TableResult(**{**fields, **changes})


STANDIN = (*(c for c in CELLS if c.row != "B"), cell("B", "aircraft", 33.0, 34.0, standin=True))


def judged(**fields: Any) -> tuple[JudgedClaim, ...]:
    return judge(table(), [row.id for row in ROWS], ITEMS, evidence(**fields))


def write_golden() -> None:
    """Write the golden files anew. Read the difference before you keep it."""
    GOLDEN.mkdir(exist_ok=True)
    for format_, ending in ENDINGS.items():
        (GOLDEN / f"small.{ending}").write_text(render(result(), format_))  # type: ignore[arg-type]


if __name__ == "__main__":
    write_golden()
