"""A picture of a table: of coresets a panel per measure and target, a line of marks per sampler, a colour per budget.

Of several lengths of training it shows curves instead (`_curves`).
"""

import io
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any

from benchmark.report.formats import Format
from benchmark.report.formats._curves import draw_curves
from benchmark.report.formats._look import LETTER, PANEL, look
from benchmark.report.table import RowLabel, TableResult

PURITY = "purity"
PANELS = {
    PURITY: "purity (%)",
    "target_to_picks": "X to nearest pick (cosine)",
    "coverage": "coverage",
    "near_duplicates": "near-duplicate share",
}
"""The measures of coresets that are drawn, beside all of evaluations."""
TEXT_LINE = 0.14
"""Inches: the height of a line of a sampler's name."""
ENTRY_WIDTH, ENTRY_HEIGHT = 1.3, 0.22
"""Inches of an entry of the legend."""
NAME_LETTERS = 32
MARGIN = 0.06
"""Empty share of a panel beyond its outermost marks."""


def save_picture(result: TableResult, path: Path) -> None:
    """Write the picture, as the suffix of `path` says (.png, .svg, .pdf)."""
    draw(result).savefig(path, dpi=110)


def render(result: TableResult) -> str:
    """The picture as SVG."""
    # Imported here, as in `draw`.
    from matplotlib import rc_context

    text = io.StringIO()
    # Without a date and random names, equal tables give equal pictures.
    with rc_context({"svg.hashsalt": "benchmark"}):
        draw(result).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def draw(result: TableResult) -> Any:
    """The matplotlib Figure. Measures without a value have no panel; without any the panel is empty."""
    if result.lengths and result.evaluated:
        return draw_curves(result)
    # Imported here: matplotlib takes half a second. Without pyplot no display is asked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    targets, names, rows = list(result.columns), _panels(result), _drawn(result)
    samplers = list(dict.fromkeys(_name(row) for row in rows))[::-1]
    labels = {sampler: wrap(sampler, NAME_LETTERS) for sampler in samplers}
    size = _size(labels, len(names), len(targets), entries=2 + len({row.group for row in rows}))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(targets), len(names), squeeze=False, sharey=True)
    for axes, target in zip(grid, targets, strict=True):
        axes[0].set_title(target, loc="left", fontsize="small", fontweight="bold")
        for axis, name in zip(axes, names, strict=True):
            _panel(axis, result, target, name, samplers)
            axis.set_xlabel(names[name], fontsize="small")
    grid[0, 0].set_yticks(range(len(samplers)), ["\n".join(labels[sampler]) for sampler in samplers])
    grid[0, 0].set_ylim(-0.6, len(samplers) - 0.4)
    _legend(figure, grid)
    if result.standins:
        figure.supxlabel("rendered stand-in images", fontsize="small")
    _thin_ticks(figure, grid)
    return figure


def _panels(result: TableResult) -> dict[str, str]:
    """The measures that are drawn, with their captions."""
    known = {name for cell in result.all_cells for run in cell.runs for name in run.values}
    captions = dict(PANELS)
    for measure in result.measures:
        if measure.evaluated:
            captions[measure.name] = f"{measure.title} ({measure.unit})" if measure.unit else measure.title
    return {name: caption for name, caption in captions.items() if name in known} or {PURITY: PANELS[PURITY]}


def _drawn(result: TableResult) -> list[RowLabel]:
    """The rows that may have values; if none has, all, so that a picture has names."""
    rows = result.ordered_rows
    return [row for row in rows if any(cell.state != "skipped" for cell in result.row_cells(row.id))] or rows


def _name(row: RowLabel) -> str:
    return row.short or row.title


def _size(labels: dict[str, list[str]], panels: int, targets: int, entries: int) -> tuple[float, float]:
    """Inches that hold the longest name beside the panels, all its lines beside a sampler's marks, and the legend."""
    letters = max(len(text) for lines in labels.values() for text in lines)
    width = 0.4 + LETTER * letters + PANEL * panels
    height = 1.0 + (0.1 + TEXT_LINE * max(map(len, labels.values()))) * len(labels)
    return width, 0.4 + ENTRY_HEIGHT * -(-entries // _entries_a_row(width)) + height * targets


def _entries_a_row(width: float) -> int:
    return max(1, int(width / ENTRY_WIDTH))


def _panel(axis: Any, result: TableResult, target: str, name: str, samplers: list[str]) -> None:
    rows = _drawn(result)
    groups = list(dict.fromkeys(row.group for row in rows))
    for row in rows:
        mean_std = result.cell(row.id, target).mean_std_of(name)
        if mean_std is None:
            continue
        place = groups.index(row.group)
        # Budgets of a sampler lie one below the other, so that equal values do not hide each other.
        beside = 0.5 * ((len(groups) - 1) / 2 - place) / len(groups)
        shown = look(place, groups[place] or "all rows")
        axis.errorbar(mean_std[0], samplers.index(_name(row)) + beside, xerr=mean_std[1], ls="none", ms=4, **shown)
    bases = (result.cell(row.id, target).mean_std_of("base_rate") for row in rows)
    base = next((mean_std for mean_std in bases if mean_std and name == PURITY), None)
    if base is not None:
        axis.axvline(base[0], color="grey", lw=0.8, ls="--", label="base rate")
    axis.margins(x=MARGIN)
    axis.tick_params(labelsize="x-small")
    axis.grid(axis="x", lw=0.3)


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


entry = Format("svg", ".svg", "a picture of coreset metrics and evaluations, or of lengths of training", render)
