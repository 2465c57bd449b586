"""A smoke run is held to kept values and to plain recomputations; each of a list of mutants must be caught.

Values (tests/golden/smoke_values.json) catch what makes numbers worse. What leaves them much as they were is caught by
computing picks and probes again from what the run left, by other code than the suite's own.
"""

import hashlib
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from baselines import simcore
from baselines.core import kmeans, ranking, rounds, selection
from baselines.random import Random
from benchmark.evaluations import _logistic_regression as clean
from benchmark.evaluations._predictions import labels_of
from benchmark.execution.store import Store
from benchmark.execution.task import Task
from benchmark.specs.artefacts import FEATURES, PICKS, POSITIONS, PREDICTIONS
from benchmark.stages.embed import features_of
from benchmark.statistics import accuracy, item_weights
from benchmark.training.numerics import fixed
from scripts import smoke_spread

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
    found, _ = values_of(session, store, session.query.seeds[0])
    return problems + value_problems(found, golden)


def value_problems(found, golden):
    """The values outside of their tolerance around the golden mean."""
    problems = []
    for target, rows in found.items():
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


# The run as it is ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden():
    return json.loads(smoke_spread.GOLDEN.read_text())


@pytest.fixture(scope="module")
def dtd(tmp_path_factory, new_session, run_here):
    """Session and store of a finished run that nobody changes."""
    session = new_session(tmp_path_factory.mktemp("values") / "runs", targets=("dtd",), rows=smoke_spread.ROWS)
    return session, run_here(session)


def test_a_run_is_within_its_values_and_follows_from_what_it_left(dtd, golden):
    session, store = dtd
    assert check_run(store, session, golden, smoke_spread.values_of) == []


@pytest.mark.slow
def test_runs_of_other_targets_are_too(tmp_path, new_session, run_here, golden):
    """Also those that are judged by the mean over classes."""
    others = tuple(target for target in smoke_spread.TARGETS if target != "dtd")
    session = new_session(tmp_path, targets=others, rows=smoke_spread.ROWS)
    store = run_here(session)
    assert {cell.evaluate.spec.metric for cell in session.cells.values()} == {"mean_per_class"}
    assert check_run(store, session, golden, smoke_spread.values_of) == []


def test_a_run_that_is_not_there_is_a_problem(tmp_path, new_session, golden):
    session = new_session(tmp_path, targets=("dtd",), rows=("X",))
    (line,) = check_run(Store(tmp_path), session, golden, smoke_spread.values_of)[:1]
    assert line.startswith("not finished: pretrain X, dtd")


# The values ----------------------------------------------------------------------------------------------------------


def test_the_tolerances_follow_from_the_spread_measured(golden):
    samples, steps = (
        {
            target: {row: {name: one[field] for name, one in measures.items()} for row, measures in rows.items()}
            for target, rows in golden["cells"].items()
        }
        for field in ("seeds", "step")
    )
    again = smoke_spread.summary(samples, steps)
    assert golden["how"] == smoke_spread.HOW and golden["level"] == smoke_spread.LEVEL
    assert tuple(golden["seeds"]) == smoke_spread.SEEDS and set(samples) == set(smoke_spread.TARGETS)
    for target, rows in golden["cells"].items():
        assert set(rows) == set(smoke_spread.ROWS)
        for row, measures in rows.items():
            for name, one in measures.items():
                assert len(one["seeds"]) == len(golden["seeds"]) and one["tolerance"] >= one["step"]
                assert again[target][row][name].pop("seeds") == one["seeds"]
                assert again[target][row][name] == pytest.approx({key: one[key] for key in one if key != "seeds"})


def test_a_tolerance_is_the_prediction_interval_of_one_more_run():
    """Student's t by the tables of any textbook: 4.604 for 4 degrees of freedom and 99 %, two-sided."""
    assert smoke_spread.tolerance([[1, 2, 3, 4, 5]], 0.1) == pytest.approx(4.604 * math.sqrt(2.5 * 1.2), rel=1e-3)
    # 8 degrees of freedom: 3.355; the variances 2.5 and 0 are pooled.
    assert smoke_spread.tolerance([[1, 2, 3, 4, 5], [7] * 5], 0.1) == pytest.approx(3.355 * math.sqrt(1.5), rel=1e-3)
    assert smoke_spread.tolerance([[7] * 5], 1.5) == 1.5


# Mutants -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mutated(dtd, tmp_path, new_session, run_here, golden):
    """Run one kind of stage of one row again under a mutant: the problems of its stages and of its values.

    What builds on the stages is removed with them; it is not trained again, and not asked for.
    """

    def again(row, kind):
        root = tmp_path / "runs"
        shutil.copytree(dtd[1].root, root)
        copy = new_session(root, targets=("dtd",), rows=smoke_spread.ROWS)
        cell = copy.cells[row, "dtd", 0]
        wanted = [cell.evaluate] if kind == "evaluate" else [cell.sample, cell.purity]
        for stage in {cell.evaluate, *wanted} | ({cell.pretrain} if kind == "sample" else set()):
            shutil.rmtree(Store(root).folder(stage.kind.name, stage.key))
        fresh = run_here(copy, wanted)
        found = check_run(fresh, copy, golden, smoke_spread.values_of)
        return [line for line in found if not line.startswith("not finished")]

    return again


SIMCORE = "X+OS_simcore_5"
NOT_PLAIN = "X+simcore(5%), dtd from imagenet, seed 0: the picks are not those of the plain algorithm"
IMPURE = "X+OS_simcore_5, dtd: purity is "
PROBE = "probe of X, dtd, seed 0 on dtd: "


def test_a_stage_run_again_without_a_mutant_is_right(mutated):
    """What the mutants below differ from: copying and running again alone give no problem."""
    assert mutated(SIMCORE, "sample") == []


def test_a_probe_run_again_without_a_mutant_is_right(mutated):
    assert mutated("X", "evaluate") == []


def random_picks(patch):
    """Random picks instead of SimCore's."""

    class Mutant(simcore.SimCore):
        def select(self, target, pool, *, budget, seed=0):
            return Random().select(target, pool, budget=budget, seed=seed + 1)

    patch.setattr("benchmark.stages.sample.SimCore", Mutant)


def ascending(patch):
    """The least similar images first."""
    true = simcore.FeatureRanking
    patch.setattr(simcore, "FeatureRanking", lambda pool, centres, **options: true(pool, -centres, **options))


def pool_not_normalised(patch):
    """Dot products with the pool's features as they are, so that long ones win."""
    patch.setattr(ranking, "scaled_columns", lambda rows: np.array(rows.T, dtype=np.float64, order="C"))
    patch.setattr(ranking, "norms", lambda columns: np.ones(columns.shape[1]))
    patch.setattr(ranking.FeatureRanking, "_rough_scores", lambda self, first, block: self._rough @ block.T)


def target_not_normalised(patch):
    """k-means on features of their own lengths; only the centres are normalised."""

    def centroids(target, k, *, n_init, seed):
        return kmeans.unit_rows(kmeans._cluster(np.asarray(target, dtype=np.float64), k, n_init, seed))

    patch.setattr(simcore, "centroids", centroids)


def taken_ignored(patch):
    """No image is ever marked as taken, and nobody looks at what comes out."""

    def add(self, fresh):
        self.picked.extend(fresh)
        self.scores.extend(fresh.values())

    patch.setattr(rounds._Rounds, "add", add)
    patch.setattr(selection.Selection, "__post_init__", lambda self: None)


@pytest.mark.parametrize(
    ("mutant", "caught"),
    [
        (random_picks, [NOT_PLAIN, IMPURE]),
        (ascending, [NOT_PLAIN, IMPURE]),
        (pool_not_normalised, [NOT_PLAIN]),
        (target_not_normalised, [NOT_PLAIN]),
        (taken_ignored, [NOT_PLAIN, "images were picked again"]),
    ],
)
def test_a_mutant_of_the_sampler_is_caught(mutated, monkeypatch, mutant, caught):
    mutant(monkeypatch)
    problems = mutated(SIMCORE, "sample")
    assert all(any(part in line for line in problems) for part in caught), problems


def test_an_image_picked_again_ends_the_stage(mutated, monkeypatch):
    """The selection looks for itself: such picks do not even reach the store."""
    guard = selection.Selection.__post_init__
    taken_ignored(monkeypatch)
    monkeypatch.setattr(selection.Selection, "__post_init__", guard)
    with pytest.raises(ValueError, match="the same image was picked twice"):
        mutated(SIMCORE, "sample")


def shuffled_labels(patch):
    """The probe learns labels that belong to other images."""
    true = clean.clean_probe

    def probe(train, train_labels, *others, **options):
        return true(train, np.random.default_rng(0).permutation(train_labels), *others, **options)

    patch.setattr(clean, "clean_probe", probe)


def chosen_on_test(patch):
    """The strength with the best test accuracy, and the record says what it was chosen by."""
    true = clean.clean_probe

    def probe(train, train_labels, test, test_labels, spec, **options):
        honest = true(train, train_labels, test, test_labels, spec, **options)
        return on_test(honest, train, train_labels, test, test_labels, spec)

    patch.setattr(clean, "clean_probe", probe)


def chosen_on_test_in_secret(patch):
    """The same, with the validation accuracies of the honest choice in the record (and never that choice itself)."""
    true = clean.clean_probe

    def probe(train, train_labels, test, test_labels, spec, **options):
        honest = true(train, train_labels, test, test_labels, spec, **options)
        cheat = on_test(honest, train, train_labels, test, test_labels, spec, besides=honest.info["strength"])
        return replace(cheat, info={**cheat.info, "validation": honest.info["validation"]})

    patch.setattr(clean, "clean_probe", probe)


def on_test(honest, train, train_labels, test, test_labels, spec, besides=None):
    """`honest` as it would be had the strength been chosen on test; ties go to the weaker penalty."""
    with fixed(spec.embedding.threads):
        fitted = clean.paths(train, train_labels, spec.strengths, int(train_labels.max()) + 1)
    curve = {one: accuracy(model.predict(test), test_labels, spec.metric) for one, model in fitted.items()}
    best = max(curve.keys() - {besides}, key=lambda one: (curve[one], -one))
    info = {**honest.info, "strength": best, "validation": [[one, value] for one, value in sorted(curve.items())]}
    return replace(honest, predicted=fitted[best].predict(test), accuracy=curve[best], info=info)


@pytest.mark.parametrize(
    ("mutant", "caught"),
    [
        (shuffled_labels, ["X, dtd: accuracy is ", "predictions are not scikit-learn's"]),
        (chosen_on_test, [PROBE + "the validation accuracies are not those of training images"]),
        (chosen_on_test_in_secret, [PROBE + "the strength is not the best one on validation"]),
    ],
)
def test_a_mutant_of_the_probe_is_caught(mutated, monkeypatch, mutant, caught):
    mutant(monkeypatch)
    problems = mutated("X", "evaluate")
    assert all(any(part in line for line in problems) for part in caught), problems
