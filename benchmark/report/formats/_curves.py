"""A picture of several lengths of training: what the table shows against samples seen, passes over X and time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from benchmark.report.formats._look import LETTER, PANEL, look
from benchmark.report.measures import TRAINING_SECONDS
from benchmark.report.table import CellResult, TableResult
from benchmark.specs.cells import ACCURACY

SAMPLES = "samples_seen"
AXES = {SAMPLES: "samples seen", "exposures": "passes over X", TRAINING_SECONDS: "seconds of training"}
"""The numbers that lengths are drawn by, with the captions of their panels."""
HEIGHT, LEGEND_LINE, LEGEND_MARK = 2.4, 0.24, 0.6
"""Inches: of a target's panels, of a line of the legend, of its mark and the space beside it."""
BAND = 0.15
"""Opacity of a band."""
MOST_TICKS = 4


@dataclass(frozen=True)
class Point:
    """A row at one length: where it stands, its mean and standard deviation over the seeds (None with one), and whether
    all seeds are there."""

    x: float | None
    mean: float
    std: float | None
    complete: bool


def draw_curves(result: TableResult) -> Any:
    """The matplotlib Figure: a line of panels per target, a panel per axis, a line per row, bands of one standard
    deviation over the seeds. A row that trains nothing is a level line."""
    # Imported here: matplotlib takes half a second. Without pyplot no display is asked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(result.base_row(row.id) for row in result.rows))
    width = 0.8 + PANEL * len(AXES)
    longest = max(len(result.title(name)) for name in names)
    columns = max(1, min(len(names), int(width / (LEGEND_MARK + LETTER * longest))))
    legend = LEGEND_LINE * -(-len(names) // columns)
    figure = Figure(figsize=(width, 0.6 + legend + HEIGHT * len(result.columns)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(result.columns), len(AXES), squeeze=False, sharey="row")
    for axes, target in zip(grid, result.columns, strict=True):
        axes[0].set_title(target, loc="left", fontsize="small", fontweight="bold")
        axes[0].set_ylabel(_caption(result), fontsize="small")
        for axis, measure in zip(axes, AXES, strict=True):
            _panel(axis, result, target, measure, names)
    handles = {label: line for axis in grid.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    if handles:
        place: dict[str, Any] = {"loc": "outside upper center", "ncols": columns}
        figure.legend(handles.values(), handles.keys(), frameon=False, fontsize="small", **place)
    figure.supxlabel(_below(result), fontsize="x-small")
    return figure


def _caption(result: TableResult) -> str:
    main = result.measures[0] if result.measures else ACCURACY
    return f"{main.title} ({main.unit})"


def _below(result: TableResult) -> str:
    """What the bands and marks are."""
    parts = (
        ["bands and bars: standard deviation over seeds"]
        if any(len(cell.runs) > 1 for cell in result.all_cells)
        else []
    )
    parts += ["hollow: seeds are missing"] if any(cell.runs and cell.absent for cell in result.all_cells) else []
    parts += ["rendered stand-in images"] if result.standins else []
    return "; ".join(parts)


def _panel(axis: Any, result: TableResult, target: str, measure: str, names: Sequence[str]) -> None:
    drawn: list[float] = []
    for place, name in enumerate(names):
        cells = [result.cell(row.id, target) for row in result.rows if result.base_row(row.id) == name]
        points = [point for cell in cells if (point := _point(cell, measure))]
        if not any(_trains(cell) for cell in cells):
            _level(axis, points[:1], look(place, result.title(name)))
        drawn += _line(axis, points, look(place, result.title(name)))
    axis.set_xlabel(AXES[measure], fontsize="small")
    axis.tick_params(labelsize="x-small")
    axis.grid(lw=0.3)
    if drawn:
        _scale(axis, min(drawn), max(drawn))


def _trains(cell: CellResult) -> bool:
    return any(SAMPLES in run.values for run in cell.runs)


def _point(cell: CellResult, measure: str) -> Point | None:
    """The cell's place; None where nothing is evaluated."""
    if all(run.value is None for run in cell.runs):
        return None
    places = [run.values[measure] for run in cell.runs if measure in run.values]
    return Point(fmean(places) if places else None, *cell.mean_std, not cell.absent)


def _line(axis: Any, points: Sequence[Point], look: dict[str, str]) -> list[float]:
    """Draw the points that have a place, in its order; their places."""
    places_of = ((point.x, point) for point in points if point.x is not None and point.x > 0)
    placed = sorted(places_of, key=lambda pair: pair[0])
    if not placed:
        return []
    places, shown = [x for x, _ in placed], [point for _, point in placed]
    axis.plot(places, [point.mean for point in shown], ms=4, lw=1.2, **look)
    # A length of one seed has no band, and narrows none.
    spread = [(x, point.mean - point.std, point.mean + point.std) for x, point in placed if point.std is not None]
    if spread:
        axis.fill_between(*zip(*spread, strict=True), color=look["color"], alpha=BAND, lw=0)
        axis.vlines(*zip(*spread, strict=True), color=look["color"], lw=0.8)
    for x, point in placed:
        if not point.complete:
            axis.plot([x], [point.mean], marker=look["marker"], color=look["color"], mfc="white", ms=4)
    return places


def _level(axis: Any, points: Sequence[Point], look: dict[str, str]) -> None:
    for point in points:
        axis.axhline(point.mean, color=look["color"], lw=0.9, ls="--", label=look["label"])


def _scale(axis: Any, low: float, high: float) -> None:
    """A logarithmic axis with few, round ticks."""
    from matplotlib.ticker import NullFormatter, NullLocator

    axis.set_xscale("log")
    axis.set_xlim(low / 1.15, high * 1.15)
    ticks = round_numbers(low, high)
    axis.set_xticks(ticks, [f"{tick:,.0f}" if tick >= 10 else f"{tick:.2g}" for tick in ticks])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_minor_formatter(NullFormatter())


def round_numbers(low: float, high: float) -> list[float]:
    """At most MOST_TICKS of 1, 2 and 5 times powers of ten from `low` to `high`; their middle where there is none."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
        if 1 <= len(ticks) <= MOST_TICKS:
            return ticks
    return ticks[:: -(-len(ticks) // MOST_TICKS)] if ticks else [math.sqrt(low * high)]
