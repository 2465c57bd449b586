"""A smoke run is held to kept values and to plain recomputations; each of a list of mutants must be caught.

Values (tests/golden/smoke_values.json) catch what makes numbers worse. What leaves them much as they were is caught by
computing picks and probes again from what the run left, by other code than the suite's own.
"""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from plain_recomputation import check_run

from baselines import simcore
from baselines.core import kmeans, ranking, rounds, selection
from baselines.random import Random
from benchmark.evaluations import _logistic_regression as clean
from benchmark.execution.store import Store
from benchmark.statistics import accuracy
from benchmark.training.numerics import fixed
from scripts import smoke_spread

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
        ends = [cell.evaluate] if kind == "evaluate" else [cell.sample, cell.purity]
        for stage in {cell.evaluate, *ends} | ({cell.pretrain} if kind == "sample" else set()):
            shutil.rmtree(Store(root).folder(stage.kind.name, stage.key))
        fresh = run_here(copy, ends)
        problems = check_run(fresh, copy, golden, smoke_spread.values_of)
        return [line for line in problems if not line.startswith("not finished")]

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

    def products(self, product, first, block):
        return product(block)[0], np.ones(len(block), dtype=np.float32)

    patch.setattr(ranking.FeatureRanking, "_products", products)


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
