"""Measure how far a smoke run's numbers move between seeds, and keep them as the values that tests hold a run to.

`python scripts/smoke_spread.py` runs the cells below at seeds 0 to 4 and rewrites tests/golden/smoke_values.json
(some minutes; with `--store` a stopped run goes on). Do that after a change that is meant to move numbers, and look at
how the means moved before you commit the file.

The level is that of one value, not of all of them together: the same seed on another processor differs by rounding that
40 steps let grow, which is less than another seed would differ.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "smoke_values.json"
TARGETS = ("dtd", "mit67", "flowers")
ROWS = ("X", "X+OS_rand_5", "X+OS_simcore_5")
SEEDS = (0, 1, 2, 3, 4)
LEVEL = 0.99
HOW = (
    "Per cent. tolerance = t * s * sqrt(1 + 1 / seeds): the prediction interval of one more run at the level given, s "
    "pooled within cells (accuracy: over all cells; purity: over the targets of a row), t of Student's distribution "
    "with the pooled degrees of freedom; never less than one test item or one pick."
)

# {target: {row: {measure: value}}}; the smallest step of each measure stands beside it.
Values = dict[str, dict[str, dict[str, float]]]


def values_of(session, store, seed: int) -> tuple[Values, Values]:
    """Accuracy and purity in per cent of all finished cells at `seed`, and how much one item of each counts."""
    from benchmark.specs.artefacts import PREDICTIONS
    from benchmark.statistics import item_weights

    values: Values = {}
    steps: Values = {}
    for (row, target, at), cell in session.cells.items():
        if at != seed:
            continue
        cell_values, step = (place.setdefault(target, {}).setdefault(row, {}) for place in (values, steps))
        if store.has(cell.evaluate):
            metrics = store.record(cell.evaluate).metrics
            with np.load(store.file(cell.evaluate, PREDICTIONS)) as arrays:
                weights = item_weights(arrays["labels"], metrics["metric"])
            cell_values["accuracy"], step["accuracy"] = metrics["accuracy"], 100 * float(weights.max())
        if cell.purity is not None and store.has(cell.purity):
            purity = store.record(cell.purity).metrics["all"]
            cell_values["purity"], step["purity"] = 100 * purity["purity"], 100 / purity["picked"]
    return values, steps


def tolerance(samples: Sequence[Sequence[float]], step: float, level: float = LEVEL) -> float:
    """Half the width of the prediction interval for one more value, from groups of equal size; at least `step`."""
    from scipy.stats import t

    seeds = len(samples[0])
    degrees = len(samples) * (seeds - 1)
    pooled = math.sqrt(float(np.mean([np.var(values, ddof=1) for values in samples])))
    return max(step, float(t.ppf((1 + level) / 2, degrees)) * pooled * math.sqrt(1 + 1 / seeds))


def summary(samples: dict, steps: Values) -> dict:
    """What the golden file says of every cell. `samples`: {target: {row: {measure: values over seeds}}}."""

    def alike(row: str, measure: str) -> list[list[float]]:
        rows = ROWS if measure == "accuracy" else (row,)
        return [samples[target][one][measure] for target in samples for one in rows]

    def cell(target: str, row: str, measure: str) -> dict:
        values = samples[target][row][measure]
        return {
            "seeds": values,
            "mean": float(np.mean(values)),
            "std": float(np.std(values, ddof=1)),
            "tolerance": tolerance(alike(row, measure), steps[target][row][measure]),
            "step": steps[target][row][measure],
        }

    return _each(samples, cell)


def _each(samples: dict, make: Callable[[str, str, str], dict]) -> dict:
    return {
        target: {row: {measure: make(target, row, measure) for measure in measures} for row, measures in rows.items()}
        for target, rows in samples.items()
    }


def measure(root: Path) -> dict:
    """Run all cells at all seeds in the store `root`; the content of the golden file."""
    from benchmark.execution.run import Machine, Work, execute
    from benchmark.execution.store import Store
    from benchmark.planning.planned_table import PlannedTable
    from benchmark.planning.query import Query

    session = PlannedTable(Query("2", profile="smoke", targets=TARGETS, rows=ROWS, seeds=SEEDS, store=root))
    failed = execute(Work(session.plan.stages, session.query.store, session.data), Machine("cpu"))
    if failed:
        raise SystemExit(f"{len(failed)} stages failed: see `python -m benchmark status --store {root}`")
    by_seed = [values_of(session, Store(root), seed) for seed in SEEDS]
    steps = by_seed[0][1]
    samples = {
        target: {
            row: {name: [values[target][row][name] for values, _ in by_seed] for name in measures}
            for row, measures in rows.items()
        }
        for target, rows in steps.items()
    }
    return {"how": HOW, "level": LEVEL, "seeds": list(SEEDS), "cells": summary(samples, steps)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="keep the runs there; default: a folder that is removed")
    chosen = parser.parse_args().store
    with tempfile.TemporaryDirectory() as folder:
        golden = measure(chosen or Path(folder))
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
    for target, rows in golden["cells"].items():
        for row, measures in rows.items():
            for name, one in measures.items():
                spread = f"{one['mean']:6.2f} +- {one['std']:5.2f}, tolerance {one['tolerance']:.2f}"
                print(f"{target:8} {row:15} {name:9} {spread}")


if __name__ == "__main__":
    main()
