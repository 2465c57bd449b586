"""Purity of all samplers on all targets at all budgets, from a committed comparison, as docs/samplers.md shows it.

python -m scripts.samplers_table results/samplers/mini
"""

import csv
import sys
from pathlib import Path

BASE = ("base rate", "base_rate", "base_rate_without_heldout")
OWN = ("purity", "purity_without_heldout")

Values = dict[tuple[str, str, str, str], str]


def purity_table(folder: Path) -> list[str]:
    """Lines of a Markdown table: per cent of the picks that is relevant, in brackets without the held-out sources."""
    with (folder / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    values = {(row["target"], row["budget"], row["sampler"], row["metric"]): row["value"] for row in rows}
    columns = list(dict.fromkeys((row["target"], row["budget"]) for row in rows if row["budget"]))
    samplers = list(dict.fromkeys(row["sampler"] for row in rows if row["budget"]))
    header = ["", *(f"{target} {budget}" for target, budget in columns)]
    lines = [header, ["---", *("---:" for _ in columns)]]
    lines.append([BASE[0], *(_cell(values, (*place, samplers[0]), BASE[1:]) for place in columns)])
    lines += [[name, *(_cell(values, (*place, name), OWN) for place in columns)] for name in samplers]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _cell(values: Values, place: tuple[str, str, str], metrics: tuple[str, ...]) -> str:
    """Both purities; "-" where all picks come from held-out sources."""
    everything, without = (values.get((*place, metric)) for metric in metrics)
    assert everything is not None
    return f"{float(everything):.1f} ({'-' if without is None else f'{float(without):.1f}'})"


if __name__ == "__main__":
    print("\n".join(purity_table(Path(sys.argv[1]))))
