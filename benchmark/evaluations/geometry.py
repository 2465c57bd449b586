"""Evaluation `geometry`: effective rank, alignment and uniformity of features, which need no labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.evaluations import ClassSizes, Evaluation, Question
from benchmark.evaluations._features import UnusableFeatures, directed_features
from benchmark.evaluations._measures import (
    MEASURE_SOURCES,
    MeasuredValue,
    write_measures,
)
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.recipes import Augmentation, Embedding
from benchmark.specs.stages import Kind

if TYPE_CHECKING:
    from benchmark.training.image_views import TrainingImages

QUANTILE = 1.96
"""Standard errors on either side of a 95 % interval."""


class Geometry(Spec):
    """Of the test images: effective rank (RankMe) and uniformity (t = 2) of the features that every evaluation sees,
    and alignment (alpha = 2) of two views of each image by `augmentation`, whose random numbers follow from `seed`."""

    kind: Literal["geometry"] = "geometry"
    embedding: Embedding
    augmentation: Augmentation
    seed: int


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.geometry",
    (
        "benchmark/evaluations/geometry.py",
        "benchmark/training/loader.py",
        "baselines/geometry.py",
        "baselines/core/scoring.py",
        *MEASURE_SOURCES,
    ),
    verb="evaluate",
)


def measured(features: NDArray[np.float32], views: tuple[NDArray[np.float32], ...]) -> dict[str, MeasuredValue]:
    """The three measures, of `features` [n, d] and of two `views` [n, d] of the same images. ValueError for a single
    image."""
    from threadpoolctl import threadpool_limits

    from baselines.geometry import alignments, effective_rank, uniformity

    # One BLAS thread, as more could move the last digits of a product.
    with threadpool_limits(1, user_api="blas"):
        rank, uniform, aligned = effective_rank(features), uniformity(features), alignments(*views)
    of_items, of_all = {"potential": uniform.potentials.astype(np.float32)}, {"spectrum": rank.spectrum}
    return {
        "effective_rank": MeasuredValue(rank.value, len(features), _interval(rank.value, rank.error), of_all),
        "alignment": MeasuredValue.of_outcomes(aligned),
        "uniformity": MeasuredValue(uniform.value, len(features), _interval(uniform.value, uniform.error), of_items),
    }


def _interval(value: float, error: float | None) -> tuple[float, float] | None:
    return None if error is None else (value - QUANTILE * error, value + QUANTILE * error)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write what every image contributed to alignment and uniformity, and the singular values of the features."""
    from benchmark.stages.embed import images_of

    spec = task.stage.spec
    assert isinstance(spec, Geometry)
    features = directed_features(task, "test", spec.embedding)
    if len(features) < 2:
        raise UnusableFeatures(f"{task.images('test').label} has a single image: there is no pair to look at")
    views = _views(task, images_of(task, "test", spec.augmentation.stored), spec)
    return write_measures(measured(features, views), folder, evaluation=spec.kind)


def _views(task: ImageTask, images: "TrainingImages", spec: Geometry) -> tuple[NDArray[np.float32], ...]:
    """Features float32 [n, d] of both views of all images."""
    import torch

    from benchmark.stages.embed import load_encoder_of
    from benchmark.training.features import BLOCK, forward
    from benchmark.training.loader import Feed
    from benchmark.training.numerics import fixed
    from benchmark.training.schedule import AUGMENT

    def rows(step: int) -> NDArray[np.int64]:
        return np.arange(step * BLOCK, min((step + 1) * BLOCK, len(images)))

    parts: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    device = torch.device(task.device)
    with fixed(spec.embedding.threads):
        encoder = load_encoder_of(task, spec.embedding).to(device).eval()
        key = (spec.seed, AUGMENT)
        feed = Feed(images, spec.augmentation, rows, key, lambda crops: slice(0, crops), device, task.workers)
        for crops in feed.crops(0, -(-len(images) // BLOCK)):
            features = forward(encoder, crops.views, spec.embedding)
            parts.append((features[: crops.first], features[crops.first :]))
            task.progress("images", min(len(parts) * BLOCK, len(images)), len(images))
    return tuple(np.concatenate(view) for view in zip(*parts, strict=True))


def _spec(question: Question) -> Geometry:
    augmentation = question.recipe.augmentation.model_copy(update={"views": 2, "local": None})
    return Geometry(embedding=question.embedding, augmentation=augmentation, seed=question.seed)


MEASURES = (
    Measure("effective_rank", "effective rank", digits=1),
    Measure("alignment", "alignment", digits=3, larger_is_better=False),
    Measure("uniformity", "uniformity", digits=3, larger_is_better=False),
)


def _lacks(_spec: Spec, sizes: ClassSizes) -> str:
    return "" if sum(sizes["test"]) > 1 else "its test split has a single image"


entry = Evaluation(
    "geometry",
    "geometry without labels",
    KIND,
    MEASURES,
    _spec,
    ("test",),
    ("test",),
    reads_labels=False,
    lacks=_lacks,
)
