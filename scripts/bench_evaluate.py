"""Time and memory of the evaluations' inner loops beside plain references on the same features.

    python -m scripts.bench_evaluate [--scale 0.1] [--cases knn retrieval probe fine-tuning] [--threads 2] [--save FILE]

knn        50,000 test rows against 50,000 training rows x 2048, k = 20 and 200: ours, and faiss's exact index
           (IndexFlatIP) with the votes in NumPy.
retrieval  10,000 rows x 2048 against each other: ours, and one product, one sort of all and the averages in NumPy.
probe      one logistic regression, 6,000 rows x 512 of 100 classes: ours, and scikit-learn's at the same objective.
fine-tuning  40 steps of profile mini (ResNet-10-T at 48 px, batch 64): ours, with augmented images, and the bare step
           of network and classifier on one batch that never changes.

Every measurement is a fresh process; those of one case take turns, and of several rounds the fastest counts
(`bench_samplers` has the clock and the table). kNN takes minutes and has one round, unless `--rounds` says more.
Loading is outside the clock. The results of both are compared: the last column says how far they agree, or at which
share of the bare step's speed fine-tuning runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.planning.profiles import find_profile
from scripts import bench_record, bench_samplers
from scripts.bench_machine import machine
from scripts.bench_samplers import Measurements, TimedWork, Work, fresh, run, table

if TYPE_CHECKING:
    from torch import nn

    from benchmark.evaluations.fine_tuning import FineTuning

TEMPERATURE, NEIGHBOURS = 0.07, (20, 200)
CLASSES, ROUNDS = 100, 3
STRENGTH = 1e-3
"""Of the penalty of the logistic regression: in the middle of those that the probe tries."""

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]


def rows_file(folder: Path, name: str, rows: int, dim: int, classes: int) -> Path:
    """Features float32 [rows, dim] about the centres of their classes, and beside them the labels int64 [rows]."""
    file = folder / f"{name}_{rows}x{dim}_{classes}.npy"
    if not file.exists():
        centres = np.random.default_rng(0).standard_normal((classes, dim), dtype=np.float32)
        rng = np.random.default_rng([len(name), rows])
        labels = rng.integers(0, classes, rows)
        noise = rng.standard_normal((rows, dim), dtype=np.float32)
        np.save(_labels_of(file), labels)
        np.save(file, np.maximum(centres[labels] + 4 * noise + 1, 0))
    return file


def _labels_of(file: Path) -> Path:
    return file.with_name(f"labels_{file.name}")


def read(file: Path) -> Rows:
    return np.load(file), np.load(_labels_of(file))


# Nearest neighbours --------------------------------------------------------------------------------------------------
def our_votes(train: Rows, test: Rows) -> dict[int, NDArray[np.int32]]:
    from benchmark.evaluations.knn import votes

    return votes(*train, test[0], NEIGHBOURS, TEMPERATURE)


def faiss_votes(train: Rows, test: Rows) -> dict[int, NDArray[np.int32]]:
    """By faiss's exact index of unit rows, all at once."""
    import faiss

    index: Any = faiss.IndexFlatIP(train[0].shape[1])
    index.add(unit(train[0]))
    cosines, positions = index.search(unit(test[0]), min(max(NEIGHBOURS), len(train[0])))
    weights, classes = np.exp(cosines.astype(np.float64) / TEMPERATURE), train[1][positions]
    predicted = {}
    for k in NEIGHBOURS:
        sums = np.zeros((len(classes), int(train[1].max()) + 1))
        np.add.at(sums, (np.arange(len(classes))[:, None], classes[:, :k]), weights[:, :k])
        predicted[k] = sums.argmax(1).astype(np.int32)
    return predicted


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


# Retrieval -----------------------------------------------------------------------------------------------------------
def our_precision(rows: Rows) -> NDArray[np.float64]:
    from benchmark.evaluations.retrieval import answers

    return answers(*rows).precision


def plain_precision(rows: Rows) -> NDArray[np.float64]:
    """Average precision of every row's ranking of all others, in per cent: all of it in memory."""
    features, labels = unit(rows[0]), rows[1]
    scores = features @ features.T
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1)[:, :-1]
    hits = labels[order] == labels[:, None]
    precision = hits.cumsum(axis=1) / np.arange(1, len(labels))
    with np.errstate(invalid="ignore"):
        averages: NDArray[np.float64] = 100 * (hits * precision).sum(axis=1) / hits.sum(axis=1)
    return averages


# Logistic regression -------------------------------------------------------------------------------------------------
def our_regression(rows: Rows) -> float:
    """The objective at the solution."""
    from benchmark.evaluations._logistic_regression import fit

    return fit(*rows, STRENGTH, int(rows[1].max()) + 1).objective


def sklearn_regression(rows: Rows) -> float:
    """The objective at scikit-learn's solution, its penalty in our units."""
    from sklearn.linear_model import LogisticRegression

    features, labels = rows[0].astype(np.float64), rows[1]
    model = LogisticRegression(C=1 / (STRENGTH * len(labels)), tol=1e-6, max_iter=5000).fit(features, labels)
    picked = model.predict_log_proba(features)[np.arange(len(labels)), np.searchsorted(model.classes_, labels)]
    return float(-picked.mean() + STRENGTH / 2 * np.square(model.coef_).sum())


# Fine-tuning ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Tuning:
    """Fine-tuning by the small profile `profile`: `steps` of its batches."""

    profile: str
    steps: int

    def spec(self) -> FineTuning:
        """As the evaluation builds it, an epoch being all steps."""
        from benchmark.evaluations import Question
        from benchmark.evaluations.fine_tuning import spec_of

        profile = find_profile(self.profile)
        setup = profile.setup()
        spec = spec_of(Question(setup.probing, setup.recipe, "top1", sizes=profile.released_probe))
        return spec.model_copy(update={"epochs": 1})

    def encoder(self) -> nn.Module:
        """The profile's network with random weights."""
        from benchmark.training.backbones import build

        return build(find_profile(self.profile).setup().recipe.backbone)


def our_steps(tuning: Tuning) -> Work:
    """All steps by the evaluation's own loop, on images of noise in memory."""
    import torch

    from benchmark.evaluations import _fine_tuning as module
    from benchmark.progress import silent
    from benchmark.training.image_views import SquareImages
    from benchmark.training.numerics import fixed

    spec, encoder = tuning.spec(), tuning.encoder()
    images, side = spec.batch * tuning.steps, int(spec.augmentation.stored)
    squares = np.random.default_rng(0).integers(0, 256, (images, side, side, 3), np.uint8)
    labels = np.arange(images) % CLASSES

    def at(rows: NDArray[np.int64]) -> SquareImages:
        return SquareImages.of((squares, rows))

    work = module._Work(encoder, at, labels, CLASSES, spec, torch.device("cpu"), 0, silent)

    def steps() -> Measurements:
        with fixed(spec.embedding.threads):
            loss = module._Model(work, np.arange(images), 0.01).train_epoch(1)
        return {"result": {"images": images, "loss": loss}}

    return steps


def bare_steps(tuning: Tuning) -> Work:
    """As many steps of network, classifier and optimiser on one batch of noise: what a loop that costs nothing does."""
    import torch

    from benchmark.training.backbones import feature_dimension
    from benchmark.training.numerics import fixed
    from benchmark.training.optimisers import linear_group, optimiser

    spec, encoder = tuning.spec(), tuning.encoder().train()
    network = torch.nn.Sequential(encoder, torch.nn.Linear(feature_dimension(encoder), CLASSES))
    network = network.to(memory_format=torch.channels_last)
    update = optimiser(spec.optimiser, linear_group(network.requires_grad_(True)))
    side = spec.augmentation.size
    crops = torch.randn(spec.batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(spec.batch) % CLASSES

    def steps() -> Measurements:
        with fixed(spec.embedding.threads):
            for _ in range(tuning.steps):
                loss = torch.nn.functional.cross_entropy(network(crops), labels)
                update.zero_grad()
                loss.backward()
                update.step()
        return {"result": {"images": spec.batch * tuning.steps, "loss": float(loss.detach())}}

    return steps


# Cases ---------------------------------------------------------------------------------------------------------------
def work_on(function: Callable[..., Any], *files: Path) -> Work:
    """The work `function` on the rows of the files, which are read before the clock starts."""
    rows = [read(file) for file in files]
    return lambda: {"result": function(*rows)}


def on_rows(functions: dict[str, Callable[..., Any]], files: list[Path]) -> dict[str, Callable[[], Work]]:
    """What prepares the work of every function, on the rows of the files."""
    return {name: partial(work_on, function, *files) for name, function in functions.items()}


def compared(case: str, prepared: dict[str, Callable[[], Work]], rounds: int) -> dict[str, Any]:
    """The lines of a case by name and their fastest rounds; every later line is compared with the first."""
    first = next(iter(prepared))
    lines = [TimedWork(name, prepare, against="" if name == first else first) for name, prepare in prepared.items()]
    return {"lines": lines, "results": run(case, lines, rounds)}


def case_knn(folder: Path, scale: float, rounds: int | None) -> Iterator[str]:
    rows = round(50_000 * scale)
    files = [fresh(rows_file, folder, name, rows, 2048, 200) for name in ("train", "test")]
    ways = on_rows({"faiss, exact, with votes": faiss_votes, "kNN of this suite": our_votes}, files)
    # A round takes minutes, which is enough to be timed once.
    yield from shown("knn", f"kNN, {rows:,} against {rows:,} x 2048", ways, rounds or 1, same_classes)


def case_retrieval(folder: Path, scale: float, rounds: int | None) -> Iterator[str]:
    rows = round(10_000 * scale)
    files = [fresh(rows_file, folder, "test", rows, 2048, 200)]
    ways = on_rows({"NumPy, all at once": plain_precision, "retrieval of this suite": our_precision}, files)
    yield from shown("retrieval", f"retrieval, {rows:,} x 2048", ways, rounds or ROUNDS, same_precision)


def case_probe(folder: Path, scale: float, rounds: int | None) -> Iterator[str]:
    rows = round(6_000 * scale)
    files = [fresh(rows_file, folder, "train", rows, 512, 100)]
    ways = on_rows({"scikit-learn": sklearn_regression, "logistic regression of this suite": our_regression}, files)
    yield from shown("probe", f"logistic regression, {rows:,} x 512", ways, rounds or ROUNDS, objectives)


def case_fine_tuning(_folder: Path, scale: float, rounds: int | None) -> Iterator[str]:
    tuning = Tuning("mini", max(2, round(40 * scale)))
    ways: dict[str, Callable[[], Work]] = {
        "bare step": partial(bare_steps, tuning),
        "fine-tuning of this suite": partial(our_steps, tuning),
    }
    yield from shown(
        "fine-tuning", f"fine-tuning, {tuning.steps} steps of profile mini", ways, rounds or ROUNDS, share_of_bare
    )


def same_classes(reference: Measurements, own: Measurements) -> Measurements:
    """The share of equal predictions, by each number of neighbours."""
    reference, own = reference["result"], own["result"]
    return {f"same classes, k = {k}": round(float((reference[k] == own[k]).mean()), 5) for k in NEIGHBOURS}


def same_precision(reference: Measurements, own: Measurements) -> Measurements:
    """The largest difference of a query's average precision, in per cent."""
    return {"largest difference": float(f"{np.nanmax(np.abs(reference['result'] - own['result'])):.1e}")}


def objectives(reference: Measurements, own: Measurements) -> Measurements:
    """Both objectives: the lower one is nearer to the optimum."""
    return {"objective": round(own["result"], 8), "the other's": round(reference["result"], 8)}


def share_of_bare(bare: Measurements, own: Measurements) -> Measurements:
    """Images a second as a share of the bare step's, by the fastest rounds of both. ValueError unless both trained on
    as many images."""
    images = [one["result"]["images"] for one in (bare, own)]
    if images[0] != images[1]:
        raise ValueError(f"the bare step saw {images[0]} images and fine-tuning {images[1]}")
    return {"images": images[0], "share of the bare step": round(bare["seconds"] / own["seconds"], 3)}


def shown(
    case: str,
    title: str,
    ways: dict[str, Callable[[], Work]],
    rounds: int,
    agreement: Callable[[Measurements, Measurements], Measurements],
) -> Iterator[str]:
    """The lines of the table of a case, the second way compared with the first."""
    measured = compared(case, ways, rounds)
    reference, own = (measured["results"][name] for name in ways)
    own["notes"] = agreement(reference, own)
    for kept in bench_samplers.KEPT:
        if kept["case"] == case and kept["way"] == list(ways)[1]:
            kept.update(own["notes"])
    yield from table(title, measured["lines"], measured["results"])


CASES = {"knn": case_knn, "retrieval": case_retrieval, "probe": case_probe, "fine-tuning": case_fine_tuning}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--rounds", type=int, help=f"of each line; the fastest counts; default: {ROUNDS}, of knn 1")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of BLAS, faiss and torch")
    parser.add_argument("--work-dir", type=Path, help="where the features go: 1 GB at full size")
    bench_record.add_options(parser)
    return parser.parse_args()


def main() -> None:
    options = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # read by the processes that are started from here
    folder = (options.work_dir or Path(tempfile.gettempdir())) / "bench_evaluate"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(machine(options.threads))
        for name in options.cases:
            for line in CASES[name](folder, options.scale, options.rounds):
                print(line, flush=True)
        if options.save:
            kept = bench_samplers.KEPT
            bench_record.save(options.save, kept, options.load, threads=options.threads, scale=options.scale)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
