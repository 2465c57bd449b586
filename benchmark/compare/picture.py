"""One picture of a comparison: a panel per metric and target, a line of dots per sampler, a colour per budget."""

from pathlib import Path
from typing import Any

from benchmark.compare.outcome import ACCURACY, BASE_RATE, PURITY, Line, Outcome

PANELS = {
    PURITY: "purity (%)",
    "target_to_picks": "X to nearest pick (cosine)",
    "coverage": "coverage",
    "near_duplicates": "near-duplicate share",
    ACCURACY: "probe accuracy (%)",
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart with any colour vision
POINTS_PER_LINE = 0.24


def save_picture(outcome: Outcome, path: Path) -> None:
    """Write the picture, as the suffix of `path` says (.png, .svg, .pdf)."""
    # Imported here: matplotlib takes half a second. Without pyplot no display is asked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(line.target for line in outcome.lines))
    names = [name for name in PANELS if outcome.has(name)]
    samplers = list(dict.fromkeys(line.sampler for line in outcome.lines))[::-1]
    height = 1.1 + POINTS_PER_LINE * len(samplers)
    figure = Figure(figsize=(1.6 + 2.6 * len(names), 0.5 + height * len(targets)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(targets), len(names), squeeze=False, sharey=True)
    for axes, target in zip(grid, targets, strict=True):
        axes[0].set_ylabel(target)
        for axis, name in zip(axes, names, strict=True):
            _panel(axis, outcome, [line for line in outcome.lines if line.target == target], name, samplers)
    marks: dict[str, Any] = {}
    for axis in grid.flat:
        handles, labels = axis.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    figure.legend(marks.values(), marks.keys(), loc="outside upper center", ncols=len(marks), frameon=False)
    if outcome.standins:
        figure.supxlabel("rendered stand-in images", fontsize="small")
    figure.savefig(path, dpi=110)


def _panel(axis: Any, outcome: Outcome, lines: list[Line], name: str, samplers: list[str]) -> None:
    budgets = list(dict.fromkeys(line.budget for line in outcome.lines if line.budget is not None))
    for line in lines:
        found = line.mean_std(name)
        if found is None:
            continue
        known = line.budget is not None
        colour = COLOURS[budgets.index(line.budget) % len(COLOURS)] if line.budget is not None else "black"
        label = f"budget {line.budget}" if known else "no coreset"
        axis.errorbar(found[0], samplers.index(line.sampler), xerr=found[1], fmt="o", ms=4, color=colour, label=label)
    base = next((found for line in lines if name == PURITY and (found := line.mean_std(BASE_RATE))), None)
    if base is not None:
        axis.axvline(base[0], color="grey", lw=0.8, ls="--", label="base rate")
    axis.set_yticks(range(len(samplers)), samplers, fontsize="x-small")
    axis.set_xlabel(PANELS[name], fontsize="small")
    axis.tick_params(axis="x", labelsize="x-small")
    axis.grid(axis="x", lw=0.3)
