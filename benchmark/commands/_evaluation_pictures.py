"""Pictures of what `evaluate` measured, one file for each target and evaluation."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.commands._evaluated import Job, PlannedEvaluation
from benchmark.errors import UserError
from benchmark.evaluations import retrieval
from benchmark.execution.run import Machine, Work, execute
from benchmark.execution.store import Store
from benchmark.images.sources import Source
from benchmark.report.item_results import keeps_results, read_item_results, results_file
from benchmark.report.records import check_folder
from benchmark.specs.artefacts import FEATURES
from benchmark.specs.cells import ordered
from benchmark.specs.stages import Images
from benchmark.stages.embed import features_name
from benchmark.system import place_aside

if TYPE_CHECKING:
    from PIL import Image

WITHOUT = ("geometry", "attributes")
"""Evaluations that predict no class of an image and retrieve none."""


def check_pictures(job: Job, folder: Path) -> None:
    """UserError, before anything runs, for a folder that cannot be written and where no evaluation has a picture."""
    check_folder(folder)
    names = dict.fromkeys(one.evaluation.name for one in job.planned)
    if set(names) <= set(WITHOUT):
        raise UserError(f"--pictures: {', '.join(names)} draws none; ask for retrieval, knn or a probe")


def write_pictures(job: Job, machine: Machine, folder: Path) -> list[Path]:
    """Write `<target>-<evaluation>.jpg` for what was measured; the files. Of retrieval the neighbours of the best and
    the worst queries, of accuracies the most confused classes by the first of them. Where every image is right, or no
    query has another image of its class, there is no picture."""
    store, written = Store(Path(job.request.store)), []
    folder.mkdir(parents=True, exist_ok=True)
    for one in job.planned:
        for picture in _pictures(job, machine, store, one):
            path = folder / f"{one.target}-{one.evaluation.name}.jpg"
            with place_aside(path) as aside:
                picture.save(aside, "JPEG", quality=85)
            written.append(path)
    return written


def _pictures(job: Job, machine: Machine, store: Store, one: PlannedEvaluation) -> "Iterator[Image.Image]":
    """The picture of an evaluation; none of one that failed or has none."""
    from benchmark.evaluations._pictures import confusion_picture, neighbours_picture

    if one.evaluation.name in WITHOUT or not store.has(one.stage):
        return
    test = _test_images(job, one)
    if one.stage.kind == retrieval.KIND:
        features, labels = _features(job, machine, store, one), np.array(test.manifest.labels)
        yield neighbours_picture(test, features, labels)
        return
    record = store.record(one.stage)
    if not keeps_results(record):
        return
    kept = read_item_results(store.file(one.stage, results_file(record)), record)
    predicted = next(iter(kept.predicted.values()), None)
    if predicted is not None and (predicted != kept.labels).any():
        yield confusion_picture(test, predicted, kept.labels)


def _test_images(job: Job, one: PlannedEvaluation) -> Source:
    images = one.stage.input("test")
    assert isinstance(images, Images)
    return job.data.verified_source(images)


def _features(job: Job, machine: Machine, store: Store, one: PlannedEvaluation) -> np.ndarray:
    """The features that retrieval ranked by; taken again where the store does not hold them any more."""
    embedded = dict(one.stage.derived)[features_name("test")]
    if not store.has(embedded):
        execute(Work(ordered([embedded]), store.root, job.data, job.local), machine)
    features: np.ndarray = np.load(store.file(embedded, FEATURES), mmap_mode="r")
    return features
