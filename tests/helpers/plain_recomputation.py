"""What is wrong with a smoke run: values against kept ones, picks and probes against plain recomputations."""

import hashlib
import math

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmark.evaluations._predictions import labels_of
from benchmark.execution.task import Task
from benchmark.specs.artefacts import FEATURES, PICKS, POSITIONS, PREDICTIONS
from benchmark.stages.embed import features_of
from benchmark.statistics import accuracy, item_weights

FITTED: dict[tuple[str, float], LogisticRegression] = {}

# The check -----------------------------------------------------------------------------------------------------------


def check_run(store, session, golden, values_of):
    """What is wrong with a run: stages not finished, values out of bounds, picks or probes that do not follow."""
    stages = session.plan.stages
    problems = [f"not finished: {stage.kind.name} {stage.label}" for stage in stages if not store.has(stage)]
    for stage in stages:
        if store.has(stage) and stage.kind.name == "sample":
            problems += [f"{stage.label}: {line}" for line in pick_problems(store, session, stage)]
        if store.has(stage) and stage.kind.name == "evaluate":
            problems += [f"{stage.label}: {line}" for line in probe_problems(Task(stage, store, session.data, "cpu"))]
    values, _ = values_of(session, store, session.query.seeds[0])
    return problems + value_problems(values, golden)


def value_problems(values, golden):
    """The values outside of their tolerance around the golden mean."""
    problems = []
    for target, rows in values.items():
        for row, measures in rows.items():
            for measure, value in measures.items():
                kept = golden["cells"][target][row][measure]
                if not abs(value - kept["mean"]) <= kept["tolerance"]:
                    bounds = f"{kept['mean']:.2f} +- {kept['tolerance']:.2f}"
                    problems.append(f"{row}, {target}: {measure} is {value:.2f}, not {bounds}")
    return problems


# Picks ---------------------------------------------------------------------------------------------------------------


def pick_problems(store, session, stage):
    """How the picks of a stage differ from those of the plain algorithm on the features that the stage was given."""
    picks = np.load(store.file(stage, POSITIONS)).tolist()
    pool = session.data.verified_source(stage.input("openset")).manifest.ids
    size = len(pool) * int(stage.spec.budget.rstrip("%")) // 100
    problems = [] if len(picks) == size else [f"{len(picks)} picks, not {size}"]
    if len(set(picks)) < len(picks):
        problems.append(f"{len(picks) - len(set(picks))} images were picked again")
    names = [line for line in store.file(stage, PICKS).read_text().splitlines() if not line.startswith("#")]
    if names != [pool[position] for position in picks]:
        problems.append("the names of the picks are not those of their positions")
    expected = plain_simcore if stage.spec.sampling.kind == "simcore" else plain_random
    if picks != expected(store, stage, len(pool), size):
        problems.append("the picks are not those of the plain algorithm")
    return problems


def plain_random(store, stage, n_pool, size):
    """A shuffle of the pool, cut off."""
    return np.random.Generator(np.random.PCG64(stage.spec.seed)).permutation(n_pool)[:size].tolist()


def plain_simcore(store, stage, n_pool, size):
    """Algorithm 1 with full sorts: cosines to the k-means centroids of X, each in turn takes its best free image."""
    target, pool = (unit(np.load(store.file(stage.input(name), FEATURES))) for name in ("target", "pool"))
    spec = stage.spec.sampling
    with threadpool_limits(1):
        clusters = KMeans(n_clusters=spec.k, n_init=spec.n_init, random_state=stage.spec.seed).fit(target)
    similarity = pool @ unit(clusters.cluster_centers_).T
    orders = [iter(np.argsort(-column, kind="stable").tolist()) for column in similarity.T]
    picked: dict[int, None] = {}
    while True:
        fresh = dict.fromkeys(next(i for i in order if i not in picked) for order in orders)
        if len(picked) + len(fresh) > size:
            drawn = np.random.Generator(np.random.PCG64(stage.spec.seed)).choice(
                len(fresh), size - len(picked), replace=False
            )
            fresh = dict.fromkeys(np.array(list(fresh))[np.sort(drawn)].tolist())
        picked.update(fresh)
        if len(picked) >= size:
            return list(picked)


def unit(rows):
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# Probes --------------------------------------------------------------------------------------------------------------


def probe_problems(task):
    """How a probe's record differs from scikit-learn's on the encoder's features, chosen on training images alone."""
    spec = task.stage.spec
    train, test = (features_of(task, name, spec.embedding) for name in ("train", "test"))
    labels, truth = (labels_of(task, name) for name in ("train", "test"))
    record = task.store.record(task.stage)
    with np.load(task.store.file(task.stage, PREDICTIONS)) as arrays:
        predicted, stated = arrays["predicted"], arrays["labels"]
    problems = [] if stated.tolist() == truth.tolist() else ["the test labels are not the manifest's"]
    if not math.isclose(accuracy(predicted, truth, spec.metric), record.metrics["accuracy"], abs_tol=1e-9):
        problems.append("the accuracy is not that of the predictions")
    problems += choice_problems(train, labels, spec, record.info)
    again = sklearn_probe(train, labels, record.info["strength"]).predict(test)
    if (again != predicted).sum() > 1:
        problems.append(f"{(again != predicted).sum()} predictions are not scikit-learn's")
    return problems


def choice_problems(train, labels, spec, info):
    """How the choice of the penalty differs from the best one on the last part of every class of train."""
    held = last_of_every_class(labels, spec.validation)
    step = 100 * float(item_weights(labels[held], spec.metric).max())
    stated, own = dict(info["validation"]), {}
    for strength in spec.strengths:
        predicted = sklearn_probe(train[~held], labels[~held], strength).predict(train[held])
        own[strength] = accuracy(predicted, labels[held], spec.metric)
    problems = []
    # A validation image on the edge between two classes may fall to either side.
    if stated.keys() != own.keys() or any(abs(stated[one] - own[one]) > step + 1e-9 for one in own):
        problems.append("the validation accuracies are not those of training images")
    if info["strength"] != max(stated, key=lambda one: (stated[one], one)):
        problems.append("the strength is not the best one on validation")
    if own.get(info["strength"], -1.0) < max(own.values()) - 2 * step - 1e-9:
        problems.append("the strength is not the one that training images choose")
    return problems


def last_of_every_class(labels, share):
    """Which images are for validation, bool [n]: the last `share` of every class."""
    held = np.zeros(len(labels), dtype=bool)
    for label in set(labels.tolist()):
        members = [place for place, one in enumerate(labels) if one == label]
        held[members[-max(1, round(len(members) * share)) :]] = True
    return held


def sklearn_probe(features, labels, strength):
    """scikit-learn's classifier; the same one is asked for again and again, as a run is checked once per mutant."""
    key = hashlib.sha256(features.tobytes() + labels.tobytes()).hexdigest(), strength
    if key not in FITTED:
        model = LogisticRegression(C=1 / (strength * len(features)), tol=1e-6, max_iter=3000)
        with threadpool_limits(1):
            FITTED[key] = model.fit(features.astype(np.float64), labels)
    return FITTED[key]
