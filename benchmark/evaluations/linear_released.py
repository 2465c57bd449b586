"""Evaluation `linear-released`: the linear probe of the released code, with the best test epoch."""

from pathlib import Path
from typing import ClassVar, Literal

from benchmark.evaluations import ACCURACY, ClassSizes, Evaluation, Question
from benchmark.evaluations._features import naming_images
from benchmark.evaluations._predictions import SOURCES, labels_of, write_predictions
from benchmark.evaluations._released_reading import crops_and_flips
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.base import Spec
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import SGD, Augmentation, Embedding, Optimiser, Precision
from benchmark.specs.stages import Kind


class ReleasedProbe(Spec):
    """The released linear evaluation: augmented training images, lr 10, step decay, BatchNorm adapting on a copy of the
    encoder, best test epoch reported (best minus last stands in the record).

    `standardise`: a BatchNorm without parameters (eps 1e-6) before the linear layer, whose weights start at N(0, 0.01):
    the released probe of MAE.
    """

    later: ClassVar[tuple[str, ...]] = ("standardise",)

    kind: Literal["released"] = "released"
    embedding: Embedding
    metric: Metric
    augmentation: Augmentation
    optimiser: Optimiser
    batch: int = 256
    epochs: int = 100
    decay_epochs: tuple[int, ...] = (60, 80)
    decay: float = 0.1
    adapt_batchnorm: bool = True
    batchnorm_group: int | None = None
    epoch_choice: Literal["best_test", "last"] = "best_test"
    precision: Precision = "float32"
    seed: int = 0
    standardise: bool = False


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.linear_released",
    (
        "benchmark/evaluations/linear_released.py",
        "benchmark/evaluations/_released_probe.py",
        "benchmark/evaluations/_released_reading.py",
        "benchmark/training/loader.py",
        "benchmark/training/optimisers.py",
        "benchmark/training/schedule.py",
        *SOURCES,
    ),
    verb="fit",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the predictions of the chosen epoch, and of the best and the last epoch beside them."""
    from benchmark.evaluations._released_probe import released_probe
    from benchmark.stages.embed import images_of, load_encoder_of

    spec = task.stage.spec
    assert isinstance(spec, ReleasedProbe)
    with naming_images(task):
        result = released_probe(
            load_encoder_of(task, spec.embedding),
            images_of(task, "train", spec.augmentation.stored),
            labels_of(task, "train"),
            images_of(task, "test", spec.embedding.stored),
            labels_of(task, "test"),
            spec,
            device=task.device,
            progress=task.progress,
            workers=task.workers,
        )
    return write_predictions(result, spec.kind, spec.metric, folder)


def _spec(question: Question) -> ReleasedProbe:
    return ReleasedProbe(
        embedding=question.embedding,
        metric=question.metric,
        augmentation=crops_and_flips(question.recipe.augmentation),
        optimiser=SGD(lr=10.0),
        precision="float32",
        seed=question.seed,
        standardise=question.standardise,
        **(question.sizes or {}),  # type: ignore[arg-type]
    )


def _lacks(_spec: Spec, sizes: ClassSizes) -> str:
    return "" if sum(sizes["train"]) > 1 else "its train split has a single image, and batches are normalised"


entry = Evaluation("linear-released", "linear probe, as released", KIND, (ACCURACY,), _spec, lacks=_lacks)
