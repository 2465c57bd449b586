"""The picture of a table of coresets: no label over another, no mark at the frame, whatever the number of samplers."""

import itertools

import pytest

from benchmark.published.tables import load_table
from benchmark.report.formats import render
from benchmark.report.formats.picture import draw, save_picture
from benchmark.report.measures import CORESET_MEASURES
from benchmark.report.table import CellResult, RowLabel, SeedResult, TableResult
from benchmark.specs.cells import ACCURACY

METRICS = ("purity", "target_to_picks", "coverage", "near_duplicates", "accuracy")
LONG = "my_laboratory/samplers/a_rather_long_file_name.py:TheSamplerOfTheSecondAttempt"


def value(metric, place):
    """Values that make awkward ticks: shares that end at 0 and 1, cosines that differ in the fourth digit."""
    share = place % 7 / 6
    return {"purity": 100 * share, "target_to_picks": 0.91234 + share / 2000, "accuracy": 33 + share}.get(metric, share)


def table(rows, targets, cells, **fields):
    measures = (*CORESET_MEASURES, ACCURACY)
    return TableResult(load_table("2"), "mini", "clean", "mixed", targets, rows, cells, measures=measures, **fields)


def outcome(samplers=3, targets=1, budgets=("1%", "5%"), seeds=1, metrics=METRICS, name="sampler-{}"):
    columns, rows, cells = tuple(f"target-{target}" for target in range(targets)), [], []
    for (place, budget), sampler in itertools.product(enumerate(budgets), range(samplers)):
        short = name.format(sampler)
        row = RowLabel(f"X+{short}({budget})", short, f"X+{short}({budget})", group=f"budget {budget}", short=short)
        rows.append(row)
        runs = tuple(
            SeedResult(
                seed=seed,
                values={metric: value(metric, sampler + place + seed) for metric in metrics} | {"base_rate": 2.5},
            )
            for seed in range(seeds)
        )
        cells += [CellResult(row=row.id, target=one, state="measured", runs=runs, standin=True) for one in columns]
    return table(tuple(rows), columns, cells)


def x_labels(axis):
    """The x axis's tick labels that are drawn: a locator also gives ticks beyond the frame."""
    first, last = axis.get_xlim()
    return [label for label in axis.get_xticklabels() if first <= label.get_position()[0] <= last]


def drawn(result):
    """The finished figure and every visible text's box, in pixels."""
    figure = draw(result)
    figure.draw_without_rendering()
    texts = list(figure.legends[0].get_texts())
    for axis in figure.axes:
        texts += [*x_labels(axis), *axis.get_yticklabels(), axis.xaxis.label, axis._left_title]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text() and text.get_visible()]
    return figure, boxes


@pytest.mark.parametrize(("samplers", "targets"), [(1, 1), (1, 4), (3, 2), (20, 1), (20, 4)])
def test_no_text_lies_over_another_and_all_lie_in_the_picture(samplers, targets):
    figure, boxes = drawn(outcome(samplers, targets, budgets=("1%", "5%", "stop"), seeds=2))
    _check(figure, boxes)
    assert len(figure.axes) == 5 * targets


@pytest.mark.parametrize(
    "fields",
    [
        {"name": f"{{}}-{LONG}", "samplers": 4, "targets": 2},
        {"name": f"{{}}-{LONG}", "metrics": ("coverage",)},
        {"metrics": ("purity",), "samplers": 1},
        {"budgets": tuple(f"{budget}%" for budget in range(1, 13)), "samplers": 2},
        {"budgets": ("stop",), "metrics": ("target_to_picks",), "samplers": 20},
    ],
    ids=["long names", "long names, one panel", "one panel", "twelve budgets", "one narrow panel"],
)
def test_odd_comparisons_are_as_legible(fields):
    _check(*drawn(outcome(**fields)))


def _check(figure, boxes):
    for (one, left), (other, right) in itertools.combinations(boxes, 2):
        assert not left.overlaps(right), (one, other)
    page = figure.bbox
    for text, box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    for axis in figure.axes:
        labels = [label.get_window_extent() for label in x_labels(axis)]
        assert len(labels) >= 1
        assert all(right.x0 - left.x1 >= 3 for left, right in itertools.pairwise(labels))


@pytest.mark.parametrize("samplers", [1, 3, 20])
def test_marks_and_their_bars_keep_off_the_frame(samplers):
    figure, _ = drawn(outcome(samplers, seeds=2))
    shown_texts = 0
    for axis in figure.axes:
        frame = axis.get_window_extent()
        for container in axis.containers:
            (x, y), marker = container.lines[0].get_xydata()[0], container.lines[0].get_markersize()
            x_px, y_px = axis.transData.transform((x, y))
            radius = marker * figure.dpi / 72 / 2
            ends = [
                point for bar in container.lines[2] for point in axis.transData.transform(bar.get_segments()[0])[:, 0]
            ]
            assert frame.x0 + radius < min([x_px, *ends]) and max([x_px, *ends]) < frame.x1 - radius
            assert frame.y0 + radius < y_px < frame.y1 - radius
            shown_texts += 1
    assert shown_texts == samplers * 2 * 5


def test_equal_values_of_two_budgets_do_not_hide_each_other():
    result = outcome(1, budgets=("1%", "5%", "10%"))
    runs = (SeedResult(seed=0, values={"coverage": 1.0}),)
    same = [CellResult(row=row.id, target="target-0", state="measured", runs=runs) for row in result.rows]
    figure, _ = drawn(table(result.rows, ("target-0",), same))
    (axis,) = figure.axes
    heights = sorted(axis.transData.transform(container.lines[0].get_xydata())[0, 1] for container in axis.containers)
    assert min(b - a for a, b in itertools.pairwise(heights)) > 3


def test_twenty_budgets_look_different():
    figure, _ = drawn(outcome(1, budgets=tuple(map(str, range(1, 21))), metrics=("coverage",)))
    looks = {
        (line.get_color(), line.get_marker())
        for container in figure.axes[0].containers
        for line in [container.lines[0]]
    }
    assert len(looks) == 20


def test_a_table_in_which_all_failed_has_a_picture_too(tmp_path):
    row = RowLabel("X+mine(5%)", "mine", "X+mine(5%)", group="budget 5%", short="mine")
    failed = table((row,), ("dtd",), [CellResult(row=row.id, target="dtd", state="failed", reason="KeyError")])
    save_picture(failed, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"


def test_the_format_is_the_same_picture_every_time():
    first = render(outcome(2), "svg")
    assert first.startswith("<?xml") and first == render(outcome(2), "svg")
