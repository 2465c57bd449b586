"""The faults that `scripts/mutants.py` plants, and the tests that should notice each of them."""

from dataclasses import dataclass

ROWS = "tests/smoke/test_training_images.py"
IDENTITY = "tests/stages/test_identity.py"
PURITY = "tests/stages/test_purity_of_rows.py"
SIMCORE = "tests/baselines/test_baselines_simcore.py"
RUN = "tests/smoke/test_regression_values.py::test_a_run_is_within_its_values_and_follows_from_what_it_left"


@dataclass(frozen=True)
class Mutant:
    """`before`, one expression or statement, becomes `after`; `tests` are files or tests that should notice.

    `every`: there may be several such places, and the tests must notice each of them.
    """

    name: str
    before: str
    after: str
    tests: tuple[str, ...]
    every: bool = False


PICKS = 'np.load(task.file("coreset", POSITIONS))'
READ_PICKS = f'rows["openset"] = {PICKS}'
SEEDS = "SeedAxes(init=seed, data=seed)"
RANKING = "FeatureRanking(pool, centres, block_rows=self.block_rows, device=self.device)"
SELECT = "simcore.select(*_features(task), budget=_budget(task, draw), seed=draw.seed)"
PROBE = "clean_probe(train, labels[0], test, labels[1], spec, progress=task.progress)"
VOTES = "_elected(labels[positions[:, :k]], cosines[:, :k], temperature)"
WEIGHTS = "np.exp((cosines.astype(np.float64) - cosines[:, :1]) / temperature)"
AVERAGE = "(hits * (hits.cumsum(axis=1) / places)).sum(axis=1) / np.maximum(relevant, 1)"
SHARE = "-(-share.numerator * images // share.denominator)"
TENTH = "random.Random(seed).sample(range(len(labels)), count)"
LAST_EPOCHS = "{rate: curve[-1] for rate, curve in curves.items() if len(curve) == spec.epochs}"
KNN, RETRIEVAL, FRACTIONS, FINE_TUNING, ATTRIBUTES, GEOMETRY = (
    f"tests/evaluations/test_{name}.py"
    for name in ("knn", "retrieval", "label_fractions", "fine_tuning", "attributes", "geometry")
)
CHOICE = "accuracy(one.predict(train[held]), train_labels[held], spec.metric)"

MUTANTS = (
    # What is trained on.
    Mutant("coreset replaced by the whole open-set", READ_PICKS, 'rows["openset"] = None', (ROWS,)),
    Mutant(
        "coreset replaced by its first pick repeated",
        READ_PICKS,
        f'rows["openset"] = np.full_like({PICKS}, {PICKS}[0])',
        (ROWS,),
    ),
    Mutant(
        "coreset put before X",
        "{name: _source(task, name) for name in rows if task.has(name)}",
        "{name: _source(task, name) for name in reversed(rows) if task.has(name)}",
        (ROWS,),
    ),
    Mutant("initial weights of seed 0 in every plan", SEEDS, "SeedAxes(init=0, data=seed)", (IDENTITY,)),
    Mutant(
        "initial weights of seed 0 in every training",
        "find_engine(recipe.engine).build(recipe, job.seeds.init, job.classes)",
        "find_engine(recipe.engine).build(recipe, 0, job.classes)",
        (ROWS,),
    ),
    Mutant("random(stop) of a fixed size", 'task.record("size_of").metrics["size"]', "50", (ROWS,)),
    Mutant(
        "oracle draws irrelevant images",
        "order[np.isin(order, relevant)][:limit]",
        "order[~np.isin(order, relevant)][:limit]",
        (ROWS,),
    ),
    Mutant(
        "retrieval encoder of seed 0 for all seeds of a table",
        "self.retrieval(target, seed, untrained=variant.encoder == UNTRAINED)",
        "self.retrieval(target, 0, untrained=variant.encoder == UNTRAINED)",
        (IDENTITY, "tests/planning/test_compare_plan.py"),
    ),
    # How it is trained.
    Mutant(
        "SwAV's prototypes normalised at the first step only",
        "moment.step == 0 or moment.share >= self.method.frozen",
        "moment.step == 0",
        ("tests/pretrain/test_cluster_losses.py",),
    ),
    # What is picked.
    Mutant(
        "random picks instead of SimCore's",
        SELECT,
        "Random().select(*_features(task), budget=_budget(task, draw) or 60, seed=draw.seed + 1)",
        ("tests/smoke/test_smoke_quality.py::test_simcore_is_twice_as_pure_as_random_on_one_target",),
    ),
    Mutant("ascending sort", RANKING, RANKING.replace("centres", "-centres"), (SIMCORE,)),
    Mutant(
        "the pool not normalised",
        RANKING,
        "SimilarityRanking(np.asarray(pool[0:n_pool], np.float64) @ centres.T, block_rows=self.block_rows)",
        (SIMCORE,),
    ),
    Mutant(
        "the target not normalised",
        "unit_rows(np.asarray(target[0:n_rows]))",
        "np.asarray(target[0:n_rows], np.float64)",
        ("tests/baselines/test_baselines_kmeans.py",),
    ),
    Mutant("taken images ignored", "self.taken[list(fresh)] = True", "pass", (SIMCORE,)),
    # What is measured.
    Mutant(
        "probe learns shuffled labels",
        PROBE,
        PROBE.replace("labels[0]", "labels[0][::-1].copy()"),
        (RUN,),
    ),
    Mutant(
        "penalty chosen on test",
        CHOICE,
        "accuracy(one.predict(test), test_labels, spec.metric)",
        ("tests/evaluations/test_probes.py",),
    ),
    Mutant(
        "held-out mask inverted in purity",
        "purity_report(picks, relevant, ~heldout)",
        "purity_report(picks, relevant, heldout)",
        (PURITY,),
    ),
    # What other evaluations measure.
    Mutant("neighbours without a weight", WEIGHTS, "np.ones_like(cosines, np.float64)", (KNN,)),
    Mutant("the nearest neighbour left out", VOTES, VOTES.replace("[:, :k]", "[:, 1 : k + 1]"), (KNN,)),
    Mutant(
        "votes of the farthest",
        'nearest_rows(block, train, most, "train")',
        'nearest_rows(-block, train, most, "train")',
        (KNN,),
    ),
    Mutant(
        "features that are not finite are taken",
        "np.asarray(~np.isfinite(block).all(axis=1), np.bool_)",
        "np.zeros(len(block), np.bool_)",
        (KNN,),
    ),
    Mutant("a query answers itself", "scores[np.arange(len(queries)), queries] = -np.inf", "pass", (RETRIEVAL,)),
    Mutant(
        "average precision over the gallery",
        AVERAGE,
        AVERAGE.replace("np.maximum(relevant, 1)", "hits.shape[1]"),
        (RETRIEVAL,),
    ),
    Mutant(
        "queries without relevant images count as misses", "by_measure[:, relevant == 0] = np.nan", "pass", (RETRIEVAL,)
    ),
    Mutant("rank-5 is rank-1", "hits[:, :FIRST].any(axis=1)", "hits[:, :1].any(axis=1)", (RETRIEVAL,)),
    Mutant("shares of labels rounded down", SHARE, "int(share * images)", (FRACTIONS,)),
    Mutant(
        "the same labels for every seed",
        "np.random.default_rng([seed, 1])",
        "np.random.default_rng([0, 1])",
        (FRACTIONS,),
    ),
    Mutant("the first labels instead of the released draw", TENTH, "range(count)", (FRACTIONS,)),
    Mutant(
        "labels of other images",
        "clean_probe(np.asarray(train[rows]), known[rows], test, labels, probe, progress=task.progress)",
        "clean_probe(np.asarray(train[rows]), known[: len(rows)], test, labels, probe, progress=task.progress)",
        (FRACTIONS,),
    ),
    Mutant(
        "the rate of the worst validation",
        "max(last, key=lambda one: last[one])",
        "min(last, key=lambda one: last[one])",
        (FINE_TUNING,),
    ),
    Mutant(
        "the best validation epoch chooses the rate",
        LAST_EPOCHS,
        LAST_EPOCHS.replace("curve[-1]", "max(curve)"),
        (FINE_TUNING,),
    ),
    Mutant(
        "the rate never falls",
        "peak * decay ** sum(epoch > passed for passed in decay_epochs)",
        "peak",
        (FINE_TUNING,),
    ),
    Mutant(
        "fine-tuning of the classifier alone",
        "self.encoder(crops.views)",
        "self.encoder(crops.views).detach()",
        (FINE_TUNING,),
    ),
    Mutant("the given encoder itself is fine-tuned", "copy.deepcopy(work.encoder)", "work.encoder", (FINE_TUNING,)),
    Mutant("the last epoch of the released reading", "value > best[0]", "value > -1", (FINE_TUNING,)),
    Mutant("images without a value are wrong", "np.full(len(test), np.nan)", "np.zeros(len(test))", (ATTRIBUTES,)),
    Mutant("a mean over images instead of attributes", "shares.mean()", "np.nanmean(right)", (ATTRIBUTES,)),
    Mutant("alignment of a view with itself", "alignments(*views)", "alignments(views[0], views[0])", (GEOMETRY,)),
    # What is told of it.
    Mutant(
        "base rate is purity in a table",
        "100 * everything[name]",
        '100 * everything["purity"]',
        (PURITY, "tests/commands/test_compare_verb.py::test_every_sampler_gets_a_line_at_every_budget_and_seed"),
    ),
    Mutant(
        "spread 0.0 of a row whose cells' seeds differ",
        "RowMean(mean, marks=marks)",
        "RowMean(mean, 0.0, marks)",
        ("tests/report/test_report_rendering.py",),
    ),
    Mutant(
        "no fsync",
        "os.fsync",
        "(lambda _descriptor: None)",
        ("tests/execution/test_power_cut.py", "tests/execution/test_store.py"),
        every=True,
    ),
)
