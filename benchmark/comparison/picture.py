"""One picture of a comparison: a panel per metric and target, a line of marks per sampler, a colour per budget."""

from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any

from benchmark.comparison.outcome import ACCURACY, BASE_RATE, PURITY, Line, Outcome

PANELS = {
    PURITY: "purity (%)",
    "target_to_picks": "X to nearest pick (cosine)",
    "coverage": "coverage",
    "near_duplicates": "near-duplicate share",
    ACCURACY: "probe accuracy (%)",
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart with any colour vision
MARKERS = ("o", "s", "^", "D", "v")
"""Colours and markers have no common divisor: twenty budgets look different."""

PANEL, LETTER, TEXT_LINE = 2.6, 0.065, 0.14
"""Inches: the width of a panel, of a letter of a sampler's name, the height of a line of it."""
ENTRY_WIDTH, ENTRY_HEIGHT = 1.3, 0.22
"""Inches of an entry of the legend."""
NAME_LETTERS = 32
MARGIN = 0.06
"""Empty share of a panel beyond its outermost marks."""


def save_picture(outcome: Outcome, path: Path) -> None:
    """Write the picture, as the suffix of `path` says (.png, .svg, .pdf)."""
    draw(outcome).savefig(path, dpi=110)


def draw(outcome: Outcome) -> Any:
    """The matplotlib Figure. Metrics that nothing was measured of have no panel; without any the panel is empty."""
    # Imported here: matplotlib takes half a second. Without pyplot no display is asked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(line.target for line in outcome.lines))
    names = [name for name in PANELS if outcome.has(name)] or [PURITY]
    samplers = list(dict.fromkeys(line.sampler for line in outcome.lines))[::-1]
    labels = {sampler: wrap(sampler, NAME_LETTERS) for sampler in samplers}
    size = _size(labels, len(names), len(targets), entries=2 + len({line.budget for line in outcome.lines}))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(targets), len(names), squeeze=False, sharey=True)
    for axes, target in zip(grid, targets, strict=True):
        axes[0].set_title(target, loc="left", fontsize="small", fontweight="bold")
        for axis, name in zip(axes, names, strict=True):
            _panel(axis, outcome, [line for line in outcome.lines if line.target == target], name, samplers)
    grid[0, 0].set_yticks(range(len(samplers)), ["\n".join(labels[sampler]) for sampler in samplers])
    grid[0, 0].set_ylim(-0.6, len(samplers) - 0.4)
    _legend(figure, grid)
    if outcome.standins:
        figure.supxlabel("rendered stand-in images", fontsize="small")
    _thin_ticks(figure, grid)
    return figure


def _size(labels: dict[str, list[str]], panels: int, targets: int, entries: int) -> tuple[float, float]:
    """Inches that hold the longest name beside the panels, all its lines beside a sampler's marks, and the legend."""
    letters = max(len(text) for lines in labels.values() for text in lines)
    width = 0.4 + LETTER * letters + PANEL * panels
    height = 1.0 + (0.1 + TEXT_LINE * max(map(len, labels.values()))) * len(labels)
    return width, 0.4 + ENTRY_HEIGHT * -(-entries // _entries_a_row(width)) + height * targets


def _entries_a_row(width: float) -> int:
    return max(1, int(width / ENTRY_WIDTH))


def _panel(axis: Any, outcome: Outcome, lines: list[Line], name: str, samplers: list[str]) -> None:
    budgets = list(dict.fromkeys(line.budget for line in outcome.lines if line.budget is not None))
    for line in lines:
        found = line.mean_std(name)
        if found is None:
            continue
        place = None if line.budget is None else budgets.index(line.budget)
        # Budgets of a sampler lie one below the other, so that equal values do not hide each other.
        beside = 0.0 if place is None else 0.5 * ((len(budgets) - 1) / 2 - place) / len(budgets)
        look = {"color": "black", "label": "no coreset", "marker": "o"} if place is None else _look(place, budgets)
        axis.errorbar(found[0], samplers.index(line.sampler) + beside, xerr=found[1], ls="none", ms=4, **look)
    base = next((found for line in lines if name == PURITY and (found := line.mean_std(BASE_RATE))), None)
    if base is not None:
        axis.axvline(base[0], color="grey", lw=0.8, ls="--", label="base rate")
    axis.margins(x=MARGIN)
    axis.set_xlabel(PANELS[name], fontsize="small")
    axis.tick_params(labelsize="x-small")
    axis.grid(axis="x", lw=0.3)


def _look(place: int, budgets: list[str]) -> dict[str, str]:
    """Colour, marker and name of a budget."""
    rule = "stopping rule" if budgets[place] == "stop" else f"budget {budgets[place]}"
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "label": rule}


def _legend(figure: Any, grid: Any) -> None:
    marks: dict[str, Any] = {}
    for axis in grid.flat:
        handles, labels = axis.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    if marks:
        columns = min(_entries_a_row(figure.get_figwidth()), len(marks))
        place: dict[str, Any] = {"loc": "outside upper center", "ncols": columns}
        figure.legend(marks.values(), marks.keys(), frameon=False, fontsize="small", **place)


def _thin_ticks(figure: Any, grid: Any) -> None:
    """Fewer ticks on every x axis until no two of its labels come near each other."""
    from matplotlib.ticker import MaxNLocator

    for axis in grid.flat:
        axis.ticklabel_format(axis="x", useOffset=False)
    for most in (6, 5, 4, 3, 2, 1):
        crowded = [axis for axis in grid.flat if most == 6 or _crowded(axis)]
        for axis in crowded:
            axis.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1))
        if not crowded:
            return
        figure.draw_without_rendering()


def _crowded(axis: Any) -> bool:
    """Whether two neighbours of the x axis's tick labels are closer than one of their letters is wide."""
    first, last = axis.get_xlim()
    shown = [label for label in axis.get_xticklabels() if first <= label.get_position()[0] <= last]
    boxes = [label.get_window_extent() for label in shown]
    letter = max((box.width / len(label.get_text()) for box, label in zip(boxes, shown, strict=True)), default=0.0)
    return any(right.x0 - left.x1 < letter for left, right in pairwise(boxes))
