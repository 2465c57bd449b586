"""Evaluation `retrieval`: each test image asks all other test images for those of its class (LCR, Table 2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluations import ClassSizes, Evaluation, Question
from benchmark.evaluations._features import UnusableFeatures, directed_features
from benchmark.evaluations._measures import (
    MEASURE_SOURCES,
    MeasuredValue,
    write_measures,
)
from benchmark.evaluations._predictions import labels_of
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.progress import Progress, silent
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind

SCORES = 2**22
"""Similarities that are ranked at once: at most about 200 MB with their order."""
FIRST = 5


class Retrieval(Spec):
    """Every test image is a query, the gallery is all other test images, ranked by cosine; of equal ones the earlier
    image comes first. rank-1: the first is of the query's class; rank-5: one of the first five is; mAP: mean over
    queries of the mean over the relevant images of i / (place of the i-th). Queries whose class has no other image are
    left out (`moco/main_moco.py`, `validate()`, would divide by zero).

    The features are those that the encoder gives: LCR's are pooled under its map.
    """

    kind: Literal["retrieval"] = "retrieval"
    embedding: Embedding


SOURCES = ("benchmark/evaluations/retrieval.py", "baselines/core/scoring.py", *MEASURE_SOURCES)
KIND = Kind("evaluate", 1, "benchmark.evaluations.retrieval", SOURCES, verb="evaluate")


@dataclass(frozen=True)
class Answers:
    """What each query got, float64 [n], in percent; NaN for those without relevant images: a hit at rank 1, a hit in
    the first five, the average precision."""

    rank1: NDArray[np.float64]
    rank5: NDArray[np.float64]
    precision: NDArray[np.float64]


def answers(features: NDArray[np.float32], labels: NDArray[np.integer], progress: Progress = silent) -> Answers:
    """The answers to every row of `features` [n, d] with `labels` [n] by all the others. Exact by float32 cosines; it
    holds the unit rows in float32 and `SCORES` similarities at a time."""
    from threadpoolctl import threadpool_limits

    from baselines.core.scoring import unit_rows

    n = len(features)
    rows = max(1, SCORES // n)
    unit = np.empty(features.shape, np.float32)
    by_measure = np.full((3, n), np.nan)
    # One BLAS thread, as more could move the last digits of a product.
    with threadpool_limits(1, user_api="blas"):
        for first in range(0, n, rows):
            unit[first : first + rows] = unit_rows(np.asarray(features[first : first + rows]))
        for first in range(0, n, rows):
            queries = np.arange(first, min(first + rows, n))
            by_measure[:, queries] = _answers(unit[queries] @ unit.T, queries, labels)
            progress("queries", queries[-1] + 1, n)
    return Answers(*(100 * by_measure))


def _answers(
    scores: NDArray[np.float32], queries: NDArray[np.int64], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Rank-1, rank-5 and average precision [3, q] of the images `queries` [q] by their similarities [q, n] to all."""
    hits = ranked_hits(scores, queries, labels)
    relevant = hits.sum(axis=1)
    places = np.arange(1, hits.shape[1] + 1)
    precision = (hits * (hits.cumsum(axis=1) / places)).sum(axis=1) / np.maximum(relevant, 1)
    by_measure = np.stack([hits[:, :1].any(axis=1), hits[:, :FIRST].any(axis=1), precision]).astype(np.float64)
    by_measure[:, relevant == 0] = np.nan
    return by_measure


def ranked_hits(
    scores: NDArray[np.float32], queries: NDArray[np.int64], labels: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether the images in the order of each query's ranking are of its class, bool [q, n - 1]. `scores` [q, n] are
    changed."""
    hits: NDArray[np.bool_] = labels[ranking(scores, queries)] == labels[queries, None]
    return hits


def ranking(scores: NDArray[np.float32], queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """All images but the query itself in the order of each query's ranking, int64 [q, n - 1]. `scores` [q, n] are
    changed."""
    # The query itself comes last, behind every other image, and is cut off.
    scores[np.arange(len(queries)), queries] = -np.inf
    order: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
    return order


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write what each query got; the record counts the queries that were left out."""
    spec = task.stage.spec
    assert isinstance(spec, Retrieval)
    features, labels = directed_features(task, "test", spec.embedding), labels_of(task, "test").astype(np.int32)
    got = answers(features, labels, task.progress)
    skipped = int(np.isnan(got.rank1).sum())
    if skipped == len(labels):
        raise UnusableFeatures(
            f"{task.images('test').label} has no class with two images: there is nothing that a query could retrieve"
        )
    values = {"rank1": got.rank1, "rank5": got.rank5, "map": got.precision}
    measures = {name: MeasuredValue.of_outcomes(outcomes) for name, outcomes in values.items()}
    return write_measures(
        measures, folder, evaluation=spec.kind, labels=labels, info={"queries": len(labels), "skipped": skipped}
    )


MEASURES = (
    Measure("rank1", "rank-1", unit="%"),
    Measure("rank5", "rank-5", unit="%"),
    Measure("map", "mAP", unit="%"),
)


def _spec(question: Question) -> Retrieval:
    return Retrieval(embedding=question.embedding)


def lacks(_spec: Spec, sizes: ClassSizes) -> str:
    """Two images of a class, one to ask for and one to retrieve."""
    return "" if max(sizes["test"]) > 1 else "no class of its test split has two images"


entry = Evaluation(
    "retrieval", "retrieval within test", KIND, MEASURES, _spec, splits=("test",), features=("test",), lacks=lacks
)
