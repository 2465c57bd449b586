"""Evaluation `fine-tuning`: the encoder and a linear classifier trained together on all labels."""

from pathlib import Path
from typing import Literal

from benchmark.evaluations import ACCURACY, ClassSizes, Evaluation, Question
from benchmark.evaluations._label_fractions import Draw, labelled, labels_kept
from benchmark.evaluations._predictions import SOURCES, labels_of, write_predictions
from benchmark.evaluations._released_reading import crops_and_flips, decayed
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.base import ProtocolName, Spec
from benchmark.specs.datasets import Metric
from benchmark.specs.recipes import SGD, Augmentation, Embedding, Precision
from benchmark.specs.stages import Kind


class FineTuning(Spec):
    """End-to-end training by SGD with step decay, from the encoder's weights (a copy of them), at each of `rates`.

    `reading` "released": every rate is trained on all labelled images and looked at on test after every epoch; the best
    epoch of the best rate is the number (issue 1 of the released code, `train_sup.py --e2e`). "clean": the last
    `validation` of every class of the labelled images chooses the rate by the last epoch; one training on all labelled
    images and one look at test give the number. The record says which (`chosen_on`).

    `percent` of the training images keep their label, by `draw` and `label_seed`. The released draw may leave classes
    without labels: the classifier has all classes of the target, and such a class is hardly ever predicted.
    """

    kind: Literal["fine-tuning"] = "fine-tuning"
    reading: ProtocolName
    embedding: Embedding
    metric: Metric
    augmentation: Augmentation
    optimiser: SGD
    rates: tuple[float, ...] = (0.1, 0.03, 0.01)
    batch: int = 256
    epochs: int = 100
    decay_epochs: tuple[int, ...] = (60, 80)
    decay: float = 0.1
    batchnorm_group: int | None = None
    validation: float = 0.25
    percent: float = 100
    draw: Draw = "stratified"
    label_seed: int = 0
    precision: Precision = "float32"
    seed: int = 0

    def rate_at(self, peak: float, epoch: int) -> float:
        """The learning rate of `epoch` (from 1)."""
        return decayed(peak, self.decay, self.decay_epochs, epoch)

    def images_seen(self, train: int) -> float:
        """Images that are trained on in all, of `train` training images."""
        labelled_images = train * self.percent / 100
        trials = len(self.rates) * labelled_images
        if self.reading == "clean":
            trials = trials * (1 - self.validation) + labelled_images
        return self.epochs * trials


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.fine_tuning",
    (
        "benchmark/evaluations/fine_tuning.py",
        "benchmark/evaluations/_fine_tuning.py",
        "benchmark/evaluations/_label_fractions.py",
        "benchmark/evaluations/_released_reading.py",
        "benchmark/training/loader.py",
        "benchmark/training/optimisers.py",
        "benchmark/training/schedule.py",
        *SOURCES,
    ),
    verb="fine-tune",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the predictions of the chosen rate and epoch; the record has the curve of every rate."""
    from benchmark.evaluations._fine_tuning import fine_tuned
    from benchmark.stages.embed import images_of, load_encoder_of

    spec = task.stage.spec
    assert isinstance(spec, FineTuning)
    known = labels_of(task, "train")
    rows = labelled(known, spec.percent, spec.draw, spec.label_seed)
    result = fine_tuned(
        load_encoder_of(task, spec.embedding),
        lambda chosen: images_of(task, "train", spec.augmentation.stored, rows[chosen]),
        known[rows],
        int(known.max()) + 1,
        images_of(task, "test", spec.embedding.stored),
        labels_of(task, "test"),
        spec,
        device=task.device,
        progress=task.progress,
        workers=task.workers,
    )
    return write_predictions(result, spec.kind, spec.metric, folder)


def spec_of(question: Question, percent: float = 100) -> FineTuning:
    """The spec on `percent` of the labels, by the reading that is asked for."""
    sizes = dict(question.sizes or {})
    epochs = int(sizes.get("epochs", 100))
    released = question.protocol == "released"
    return FineTuning(
        reading=question.protocol,
        embedding=question.embedding,
        metric=question.metric,
        augmentation=crops_and_flips(question.recipe.augmentation).model_copy(update={"views": 1}),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        decay_epochs=(epochs * 60 // 100, epochs * 80 // 100),
        percent=percent,
        draw="released" if released else "stratified",
        label_seed=0 if released else question.seed,
        seed=question.seed,
        **sizes,  # type: ignore[arg-type]
    )


def lacks(spec: Spec, sizes: ClassSizes) -> str:
    """Two labelled images; for the clean reading two of one class, to choose a learning rate on."""
    assert isinstance(spec, FineTuning)
    if spec.draw == "released":
        few = int(spec.percent / 100 * sum(sizes["train"])) < 2
        return f"{spec.percent:g} % of its labels are fewer than two" if few else ""
    few = max(labels_kept(size, spec.percent) for size in sizes["train"]) < 2
    what = f"{spec.percent:g} % of its labels leave no class with two, to choose a learning rate on"
    return what if few else ""


entry = Evaluation("fine-tuning", "full fine-tuning", KIND, (ACCURACY,), spec_of, lacks=lacks)
