"""Pictures of what an evaluation saw: retrieved neighbours of the best and worst queries, the most confused classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from baselines.core.scoring import unit_rows
from benchmark.evaluations.retrieval import answers, ranking
from benchmark.images.sheet import COLUMNS, Part, draw_sheet
from benchmark.images.sources import Source

QUERIES, PAIRS = 4, 6
"""Queries of either end and pairs of classes, at most."""


@dataclass(frozen=True)
class Confusion:
    """Test images of the class `true` that were taken for `other`: their `positions` [m], of `images` of the class."""

    true: int
    other: int
    positions: NDArray[np.int64]
    images: int


def neighbours_picture(test: Source, features: NDArray[np.float32], labels: NDArray[np.integer]) -> Image.Image:
    """The queries of highest and of lowest average precision among `features` [n, d] with `labels` [n], one of a class
    at either end, each with its nearest images. ValueError where no query has another image of its class."""
    precision = answers(features, labels).precision
    known = np.flatnonzero(~np.isnan(precision))
    if not known.size:
        raise ValueError("no query has another image of its class")
    order = known[np.argsort(-precision[known], kind="stable")]
    columns = min(COLUMNS, len(labels))
    best, worst = _one_of_a_class(order, labels), _one_of_a_class(order[::-1], labels)
    parts = [_answered("best", test, features, labels, precision, query, columns) for query in best]
    parts += [_answered("worst", test, features, labels, precision, query, columns) for query in worst]
    return draw_sheet(columns, parts)


def _one_of_a_class(order: NDArray[np.int64], labels: NDArray[np.integer]) -> list[int]:
    """The first `QUERIES` of `order` [m] that are of different classes."""
    _, first = np.unique(labels[order], return_index=True)
    chosen: list[int] = order[np.sort(first)[:QUERIES]].tolist()
    return chosen


def _answered(
    which: str,
    test: Source,
    features: NDArray[np.float32],
    labels: NDArray[np.integer],
    precision: NDArray[np.float64],
    query: int,
    columns: int,
) -> Part:
    """A query and the images that come first in its ranking: + of its class, - of another, with their cosines."""
    unit = unit_rows(np.asarray(features))
    scores = (unit[query : query + 1] @ unit.T).astype(np.float32)
    cosines = scores[0].copy()
    first = ranking(scores, np.array([query]))[0, : columns - 1].tolist()
    marks = [f"{'+' if labels[place] == labels[query] else '-'} {cosines[place]:.3f}" for place in first]
    title = f"one of the {which} queries, average precision {precision[query]:.1f} %: + of its class, - of another"
    return Part(title, test, [query, *first], ["query", *marks])


def most_confused(
    predicted: NDArray[np.integer], labels: NDArray[np.integer], count: int = PAIRS
) -> tuple[Confusion, ...]:
    """The pairs of a class and the one that most of its test images were wrongly taken for, by the share of the class;
    of equal ones the lower class first. `predicted` and `labels` are [n]."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for place in np.flatnonzero(predicted != labels).tolist():
        pairs.setdefault((int(labels[place]), int(predicted[place])), []).append(place)
    sizes = np.bincount(labels)
    by_share = sorted(pairs.items(), key=lambda one: (-len(one[1]) / sizes[one[0][0]], one[0]))
    return tuple(
        Confusion(true, other, np.array(places, np.int64), int(sizes[true]))
        for (true, other), places in by_share[:count]
    )


def confusion_picture(test: Source, predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> Image.Image:
    """The most confused classes: images of the one that were taken for the other, beside images of the other.
    ValueError where every image is right."""
    confused = most_confused(predicted, labels)
    if not confused:
        raise ValueError("every test image is right: no classes are confused")
    return draw_sheet(COLUMNS, [_confused(test, labels, one) for one in confused])


def _confused(test: Source, labels: NDArray[np.integer], one: Confusion) -> Part:
    true, other = test.manifest.classes[one.true], test.manifest.classes[one.other]
    taken = one.positions[: COLUMNS // 2].tolist()
    others = np.flatnonzero(labels == one.other)[: COLUMNS // 2].tolist()
    title = (
        f"{len(one.positions)} of {one.images} images of {true} were taken for {other}: {len(taken)} of these, beside "
        f"{len(others)} of {other}"
    )
    captions = [f"taken for {other}"] * len(taken) + [""] * len(others)
    return Part(title, test, [*taken, *others], captions)
