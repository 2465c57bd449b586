"""Evaluation `label-fractions`: the linear probe on 100, 50 and 20 % of the training labels (LCR, Table 2)."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from benchmark.evaluations import ClassSizes, Evaluation, Question, linear_clean, linear_released
from benchmark.evaluations._features import finite_features, naming_images
from benchmark.evaluations._label_fractions import TooFewLabels, labelled, labels_kept
from benchmark.evaluations._measures import MeasuredValue, write_measures
from benchmark.evaluations._predictions import ProbeResult, labels_of
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.evaluations.linear_released import ReleasedProbe
from benchmark.execution.task import StageResult
from benchmark.images.data import ImageTask
from benchmark.specs.base import Spec
from benchmark.specs.cells import Measure
from benchmark.specs.recipes import Embedding
from benchmark.specs.stages import Kind


class LabelFractions(Spec):
    """The linear `probe` of either reading, its training images cut down to `percents` of every class (rounded up); the
    draws of one `label_seed` are nested. The test split is whole. The features are of an encoder that saw all training
    images without labels.

    LCR's repository has no such subsets. The rule is that of the label lists that its authors published for the same
    data sets with another work. One seed of labels is one draw: a table over seeds draws anew for each.
    """

    kind: Literal["label-fractions"] = "label-fractions"
    probe: Annotated[CleanProbe | ReleasedProbe, Field(discriminator="kind")]
    percents: tuple[float, ...] = (100, 50, 20)
    label_seed: int

    @property
    def embedding(self) -> Embedding | None:
        """How the clean probe takes features, which it can share; the released one takes its own from crops."""
        return self.probe.embedding if isinstance(self.probe, CleanProbe) else None


KIND = Kind(
    "evaluate",
    1,
    "benchmark.evaluations.label_fractions",
    (
        "benchmark/evaluations/label_fractions.py",
        "benchmark/evaluations/_label_fractions.py",
        "benchmark/evaluations/_measures.py",
        *dict.fromkeys((*linear_clean.KIND.sources, *linear_released.KIND.sources)),
    ),
    verb="evaluate",
)


def run(task: ImageTask, folder: Path) -> StageResult:
    """Write the class of every test image by each share of the labels."""
    spec = task.stage.spec
    assert isinstance(spec, LabelFractions)
    train, test = labels_of(task, "train"), labels_of(task, "test")
    # All draws come first: a share that cannot be had ends the stage before anything is fitted.
    draws = {percent: labelled(train, percent, "stratified", spec.label_seed) for percent in spec.percents}
    for percent, rows in draws.items():
        if isinstance(spec.probe, CleanProbe) and np.bincount(train[rows]).max() < 2:
            raise TooFewLabels(f"{percent:g} % of the labels leave no class with two: no penalty can be chosen on them")
    results = _clean(task, spec.probe, draws) if isinstance(spec.probe, CleanProbe) else _released(task, spec, draws)
    known = test.astype(np.int32)
    measures = {
        measure_name(percent): MeasuredValue.of_predictions(result.predicted, known, spec.probe.metric)
        for percent, result in results.items()
    }
    info = {
        "labels": {f"{percent:g}": len(rows) for percent, rows in draws.items()},
        "probes": {f"{percent:g}": _without_predictions(result) for percent, result in results.items()},
    }
    return write_measures(measures, folder, evaluation=spec.kind, labels=known, metric=spec.probe.metric, info=info)


def _without_predictions(result: ProbeResult) -> dict[str, object]:
    return {name: value for name, value in result.info.items() if not name.startswith("predicted_")}


Draws = dict[float, NDArray[np.int64]]


def _clean(task: ImageTask, probe: CleanProbe, draws: Draws) -> dict[float, ProbeResult]:
    from benchmark.evaluations._logistic_regression import clean_probe

    train, test = (finite_features(task, name, probe.embedding) for name in ("train", "test"))
    known, labels = labels_of(task, "train"), labels_of(task, "test")
    return {
        percent: clean_probe(np.asarray(train[rows]), known[rows], test, labels, probe, progress=task.progress)
        for percent, rows in draws.items()
    }


def _released(task: ImageTask, spec: LabelFractions, draws: Draws) -> dict[float, ProbeResult]:
    from benchmark.evaluations._released_probe import released_probe
    from benchmark.stages.embed import images_of, load_encoder_of

    probe = spec.probe
    assert isinstance(probe, ReleasedProbe)
    known, labels = labels_of(task, "train"), labels_of(task, "test")
    encoder, test = load_encoder_of(task, probe.embedding), images_of(task, "test", probe.embedding.stored)
    probed = partial(released_probe, device=task.device, progress=task.progress, workers=task.workers)
    results = {}
    for percent, rows in draws.items():
        train = images_of(task, "train", probe.augmentation.stored, rows)
        with naming_images(task, train=rows):
            results[percent] = probed(encoder, train, known[rows], test, labels, probe)
    return results


def measure_name(percent: float) -> str:
    """The measure of an accuracy on so many per cent of the labels."""
    return f"labels_{percent:g}"


def _spec(question: Question) -> LabelFractions:
    of_reading = linear_released if question.protocol == "released" else linear_clean
    return LabelFractions(probe=of_reading.entry.spec(question), label_seed=question.seed)  # type: ignore[arg-type]


MEASURES = tuple(Measure(measure_name(percent), f"{percent} % of the labels", unit="%") for percent in (100, 50, 20))


def _lacks(spec: Spec, sizes: ClassSizes) -> str:
    assert isinstance(spec, LabelFractions)
    for percent in spec.percents:
        kept = [labels_kept(size, percent) for size in sizes["train"]]
        if isinstance(spec.probe, CleanProbe) and max(kept) < 2:
            return f"{percent:g} % of its labels leave no class with two, to choose a penalty on"
        if sum(kept) < 2:
            return f"{percent:g} % of its labels are one"
    return ""


entry = Evaluation(
    "label-fractions",
    "linear probe, few labels",
    KIND,
    MEASURES,
    _spec,
    features=("train", "test"),
    lacks=_lacks,
)
