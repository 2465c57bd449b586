"""Measures of single images other than accuracy: judged by intervals over images and seeds, saved and verified."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from attrs import evolve
from edited_json import edit

from benchmark.errors import UserError
from benchmark.execution.record import Record
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.rows import measures_of_tasks
from benchmark.published.tables import load_table
from benchmark.report.collect import assemble, collect, runs_of
from benchmark.report.differences import answers_of
from benchmark.report.formats import render
from benchmark.report.item_results import ItemResults
from benchmark.report.records import save_results, verify
from benchmark.report.run import Run
from benchmark.specs.cells import CellMeasure, Layout
from benchmark.statistics import Paired, paired_difference

EVALUATIONS = ("knn", "retrieval", "label-fractions", "geometry")
LABELS = np.repeat(np.arange(30), 2).astype(np.int32)
LCR = load_table("lcr-table2")


# Claims and differences ----------------------------------------------------------------------------------------------


def run(row, target, seed, measure, chance):
    """A row that is right on an image, or finds an image of its class, with a chance."""
    rng = np.random.default_rng((seed, round(100 * chance), len(target)))
    right = rng.random(len(LABELS)) < chance
    if measure.startswith("labels"):
        kept = ItemResults(LABELS, "top1", predicted={measure: np.where(right, LABELS, -1).astype(np.int32)})
    else:
        # The last image is of a class of its own: nobody can find another one.
        outcomes = np.where(np.arange(len(right)) < len(right) - 1, 100.0 * right, np.nan)
        kept = ItemResults(LABELS, "top1", outcomes={measure: outcomes})
    environment = {"hardware": {"device": "cpu"}, "packages": {}}
    metrics = {measure: kept.value(measure), "n": len(LABELS)}
    record = Record("evaluate", "0" * 64, {"kind": "evaluate"}, metrics, {}, environment, 1.0, 1.0, {})
    return Run(row, target, seed, (), "measured", records={"evaluate": record}, item_results={"evaluate": kept})


def lcr_table(seeds, chances):
    """LCR's table 2, measured at `seeds`, its own rows with the second chance."""
    rows = [row for row in LCR.rows if row.method in ("moco", "lcr")]
    measures = measures_of_tasks([row.task for row in rows])
    layout = Layout(
        table=LCR.id,
        profile="mini",
        protocol="clean",
        openset="",
        columns=LCR.columns,
        rows=tuple((row.id, row.title, row.variant, False) for row in rows),
        seeds=seeds,
        steps=None,
        standins=False,
        verified_paper=False,
        notes=(),
        row_measures=measures,
    )
    pairs = zip(rows, measures, strict=True)
    runs = [
        run(row.id, target, seed, measure.name, chances[row.method])
        for row, measure in pairs
        if measure.name != "accuracy"
        for target in LCR.columns
        for seed in seeds
    ]
    return assemble(layout, runs)


def verdicts(result):
    return {judged.claim.id: judged.measured for judged in result.claims if judged.measured.verdict != "missing"}


def test_claims_on_retrieval_and_on_few_labels_are_judged_by_images_and_seeds():
    judged = verdicts(lcr_table((0, 1, 2), {"moco": 0.2, "lcr": 0.8}))
    assert set(judged) == {
        f"lcr-beats-moco-{name}"
        for name in ("linear-eval-50pct", "linear-eval-20pct", "retrieval-rank1", "retrieval-rank5")
    }
    assert {one.verdict for one in judged.values()} == {"held"}
    estimates = [detail.estimate for one in judged.values() for detail in one.details]
    assert {(one.basis, one.seeds) for one in estimates} == {("seeds and items", 3)}
    assert {detail.estimate.items for detail in judged["lcr-beats-moco-retrieval-rank1"].details} == {59}
    reverse = verdicts(lcr_table((0, 1, 2), {"moco": 0.8, "lcr": 0.2}))
    assert {one.verdict for one in reverse.values()} == {"contradicted"}
    assert {one.verdict for one in verdicts(lcr_table((0,), {"moco": 0.2, "lcr": 0.8})).values()} == {"one seed"}


def test_runs_that_left_out_other_images_are_never_paired():
    runs = [run("X", "cub", seed, "rank1", 0.5) for seed in (0, 1)]
    outcomes = np.roll(runs[1].item_results["evaluate"].outcomes["rank1"], 1)
    runs[1] = replace(runs[1], item_results={"evaluate": ItemResults(LABELS, "top1", outcomes={"rank1": outcomes})})
    with pytest.raises(ValueError, match="different test images"):
        answers_of(runs, CellMeasure(name="rank1", title="rank-1", part="evaluate"))


# A real run ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(finished_small_run, run_here, tmp_path_factory):
    """Session and folder of two rows with several evaluations of several measures."""
    session, store = finished_small_run
    root = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(store.root, root / "runs")
    fields = {"store": root / "runs", "rows": ("X", "X+OS_rand_5"), "evaluation": EVALUATIONS, "references": ("X",)}
    own = PlannedTable(evolve(session.query, **fields))
    run_here(own)
    save_results(own.values(), collect(own.values(), own.store), own.store, root / "saved")
    return own, root / "saved"


@pytest.fixture
def copied(evaluated, tmp_path):
    return shutil.copytree(evaluated[1], tmp_path / "saved")


def test_every_measure_of_single_images_has_a_difference_with_an_interval(evaluated):
    session, _ = evaluated
    result = collect(session.values(), session.store)
    known = {name: one for (row, *_, name), one in result.differences.items() if row == "X+OS_rand_5"}
    by_images = {name for name, one in known.items() if not isinstance(one, float)}
    assert by_images == {
        "knn_20", "knn_200", "retrieval/rank1", "retrieval/rank5", "retrieval/map", "label-fractions/labels_100",
        "label-fractions/labels_50", "label-fractions/labels_20", "geometry/alignment",
    }  # fmt: skip
    runs = {run.row: run.item_results["evaluate:retrieval"] for run in runs_of(session.values(), session.store)}
    points = [runs[row].points("map")[None] for row in ("X+OS_rand_5", "X")]
    assert known["retrieval/map"] == paired_difference([Paired(*points, runs["X"].labels, "top1")])
    values = [result.cell(row, "dtd").runs[0].values["retrieval/map"] for row in ("X+OS_rand_5", "X")]
    assert known["retrieval/map"].value == pytest.approx(values[0] - values[1], abs=1e-4)
    shown = " ".join(render(result, "text").split())
    assert "retrieval within test: mAP" in shown and "have 95 % intervals over test images" in shown
    assert "geometry without labels: effective rank," not in shown.partition("Differences of")[2]


def test_what_is_saved_verifies_from_the_files_alone(evaluated):
    _, folder = evaluated
    verified = verify(folder, "md")
    assert verified.problems == [] and verified.table == (folder / "table.md").read_text()
    assert "0 accuracies from predictions, 22 measures from outcomes" in verified.checked
    assert len(list((folder / "outcomes").iterdir())) == 2 * len(EVALUATIONS)


def stage(session, evaluation):
    return session.cells["X", "dtd", 0].parts["evaluate" if evaluation == "knn" else f"evaluate:{evaluation}"]


def edited_value(folder, session, evaluation, measure):
    path = folder / "records" / f"{stage(session, evaluation).key}.json"
    edit(path, lambda record: record["metrics"].update({measure: record["metrics"][measure] + 1}))
    return f"X, dtd, seed 0: the outcomes of {measure} give"


def edited_outcomes(folder, session, evaluation, array):
    """Two images change places: no mean tells."""
    key = stage(session, evaluation).key
    path = folder / "outcomes" / f"{key}.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays[array] = arrays[array][::-1]
    np.savez_compressed(path, **arrays)
    return f"the outcomes {key[:12]} are not the file that was recorded"


@pytest.mark.parametrize(
    ("tamper", "evaluation", "name"),
    [
        (edited_value, "knn", "knn_200"),
        (edited_value, "retrieval", "map"),
        (edited_value, "label-fractions", "labels_20"),
        (edited_value, "geometry", "effective_rank"),
        (edited_value, "geometry", "alignment"),
        (edited_value, "geometry", "uniformity"),
        (edited_outcomes, "knn", "predicted_knn_20"),
        (edited_outcomes, "retrieval", "outcome_map"),
        (edited_outcomes, "label-fractions", "predicted_labels_50"),
    ],
)
def test_tampering_with_a_measure_or_its_outcomes_is_noticed(evaluated, copied, tamper, evaluation, name):
    expected = tamper(copied, evaluated[0], evaluation, name)
    problems = verify(copied).problems
    assert any(expected in line for line in problems), problems


def test_outcomes_that_are_gone_or_no_file_of_arrays_are_named(evaluated, copied):
    path = copied / "outcomes" / f"{stage(evaluated[0], 'knn').key}.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=rf"{path.name} cannot be read"):
        verify(copied)
    path.unlink()
    with pytest.raises(UserError, match=rf"{path.name} cannot be read"):
        verify(copied)
