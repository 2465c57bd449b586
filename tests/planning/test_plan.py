"""Plans: the cells of Table 2, what they share, what they cost, and what the paper profile resolves to."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmark.commands._planned_run import planned_run
from benchmark.errors import UserError
from benchmark.images.data import Data
from benchmark.planning.costs import training_length
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import PROFILES
from benchmark.planning.query import Query
from benchmark.sampling.samplers import find_sampler
from benchmark.specs.recipes import SGD, CodedEpochs, Epochs, Steps

ROOT = Path(__file__).resolve().parents[2]


def session(tmp_path, **fields):
    return PlannedTable(Query(**{"table": "2", "profile": "smoke", "store": tmp_path, **fields}))


def kinds(plan):
    counts = {}
    for stage in plan.stages:
        counts[stage.kind.name] = counts.get(stage.kind.name, 0) + 1
    return counts


def test_table_2_is_110_cells_and_shared_work_stands_in_the_plan_once(tmp_path):
    smoke = session(tmp_path)
    assert len(smoke.cells) == 110
    # Nine rows of each target and one OS for all; two embeddings a target; random draws are the same for every target.
    assert kinds(smoke.plan) == {"pretrain": 100, "evaluate": 110, "embed": 22, "sample": 57, "purity": 77}
    assert all(stage.resolved for stage in smoke.plan.stages)


def test_inputs_come_before_their_users(tmp_path):
    seen = set()
    for stage in session(tmp_path, controls=True).plan.stages:
        assert all(needed.key in seen for needed in stage.stages())
        seen.add(stage.key)


def test_controls_are_rows_outside_the_ten_and_only_by_an_option(tmp_path):
    assert len(session(tmp_path).rows) == 10
    rows = session(tmp_path, controls=True).rows
    assert [row.id for row in rows[10:]] == ["X+random(stop)", "X+simcore(5%)@untrained", "X+oracle(5%)", "X(2x)"]
    assert all(row.published is None for row in rows[10:])


def test_the_paper_profile_trains_a_retrieval_encoder_of_its_own_and_plans_without_data(tmp_path):
    paper = session(tmp_path, profile="paper")
    assert kinds(paper.plan)["pretrain"] == 111
    assert not any(stage.resolved for stage in paper.plan.stages)
    text = planned_run(paper).render()
    assert "unresolved" in text and "device-hours" in text and "RTX 3090" in text


def test_what_the_paper_does_not_state_is_assumed_and_nothing_else(tmp_path):
    cells = session(tmp_path, profile="paper").cells
    assumed = {row: cells[row, "cub", 0].assumed for row, _, _ in cells}
    stated = {"X", "X+OS", "X+OS_simcore_stop"}
    assert {row for row, fields in assumed.items() if not fields} == stated
    assert all("optimiser" in cell.assumed for (_, target, _), cell in cells.items() if target == "celeba")


def test_the_paper_profile_is_the_published_recipe_field_by_field(tmp_path):
    """The released code, field by field; BatchNorm groups from ssl/simclr.py (views joined, then scattered)."""
    recipe = PROFILES["paper"].setup().recipe
    assert (recipe.engine, recipe.batch, recipe.precision, recipe.batchnorm_group) == (
        "solo-learn",
        512,
        "float16",
        1024 // 4,
    )
    assert recipe.backbone.model_dump() == {"name": "resnet50", "library": "torchvision"}
    assert recipe.method.model_dump() == {
        "kind": "simclr", "temperature": 0.07, "hidden": None, "output": 128, "batchnorm": False,
    }  # fmt: skip
    assert recipe.optimiser == SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    assert recipe.schedule.model_dump() == {"floor": 1e-3, "per": "epoch", "warmup_steps": 0}
    assert recipe.augmentation.model_dump() == {
        "size": 224, "scale": (0.2, 1.0), "ratio": (3 / 4, 4 / 3), "flip": 0.5, "jitter": (0.8, 0.8, 0.8, 0.2),
        "jitter_probability": 0.8, "grey_probability": 0.2, "stored": "original",
    }  # fmt: skip
    cells = session(tmp_path, profile="paper").cells
    lengths = {row: cells[row, "cub", 0].pretrain.spec.recipe.length for row, _, _ in cells}
    assert (
        lengths["X"] == Epochs(epochs=5000)
        and lengths["X+OS"] == Epochs(epochs=200)
        and lengths["OS"] == Epochs(epochs=100)
    )
    assert lengths["X+OS_simcore_stop"] == CodedEpochs(cap=5000, passes=100, reference=1281167)
    sample = cells["X+OS_simcore_stop", "cub", 0].sample
    assert sample.spec.sampling.model_dump() == {
        "kind": "simcore", "k": 100, "tau": 0.95, "reference_round": 20, "failing_round": "dropped",
        "overshoot": "trim", "budget_factor": 50, "n_init": 10,
    }  # fmt: skip
    assert sample.input("pool").input("encoder").spec.recipe.length == Epochs(epochs=1000)
    assert sample.input("pool").spec.model_dump() == {
        "resize": 256, "crop": 224, "stored": "original", "precision": "float32", "threads": 1,
    }  # fmt: skip
    probe = cells["X", "aircraft", 0].evaluate.spec
    assert (probe.kind, probe.metric, probe.batch, probe.epochs, probe.decay_epochs) == (
        "released", "mean_per_class", 256, 100, (60, 80),
    )  # fmt: skip
    assert probe.optimiser == SGD(lr=10.0, momentum=0.9, nesterov=True, weight_decay=0.0)
    assert (probe.adapt_batchnorm, probe.epoch_choice, probe.decay) == (True, "best_test", 0.1)
    assert (probe.augmentation.jitter_probability, probe.augmentation.grey_probability) == (0, 0)
    assert cells["X", "cub", 0].evaluate.spec.metric == "top1"


def test_the_clean_protocol_gives_every_row_of_the_paper_profile_the_steps_of_x(tmp_path):
    cells = session(tmp_path, profile="paper", protocol="clean", targets=("cub",)).cells
    lengths = {cell.pretrain.spec.recipe.length for cell in cells.values()}
    assert lengths == {Steps(steps=5000 * 12)}  # 5,990 images are 12 batches of 512


def test_samples_seen():
    assert training_length(Steps(steps=10), 64, 100, 5) == 640
    assert training_length(Epochs(epochs=10), 64, 100, 5) == 1050


def test_steps_are_refused_where_the_released_rule_decides(tmp_path):
    with pytest.raises(UserError, match="--steps has no meaning"):
        session(tmp_path, profile="paper", steps=(10,)).cells  # noqa: B018


def test_a_plan_needs_no_torch_and_writes_nothing(tmp_path):
    script = """
import sys
from benchmark.__main__ import main
try:
    main(["plan", "--table", "2", "--profile", "paper", "--store", sys.argv[1]])
finally:
    heavy = {"torch", "pandas", "datasets", "sklearn", "timm", "lightly"} & set(sys.modules)
    assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "runs")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "X+simcore(stop)" in done.stdout and not (tmp_path / "runs").exists()


@pytest.fixture
def complete(monkeypatch):
    """Data roots that hold every registered data set in the paper's numbers."""
    monkeypatch.setattr(Data, "manifest", lambda *split_name: object())
    monkeypatch.setattr(Data, "count_differences", lambda *split_name: [])


@pytest.mark.parametrize(
    ("fields", "held"),
    [
        ({}, True),
        ({"protocol": "clean"}, False),
        ({"protocol": "clean", "steps": (100,)}, False),
        ({"openset": "coco"}, False),
        ({"openset": "imagenet"}, True),
        ({"engine": "lightly"}, True),
        ({"engine": "solo-learn"}, True),
        ({"method": "simclr"}, False),
        ({"precision": "float32"}, False),
        ({"profile": "mini", "targets": ("cub",)}, False),
    ],
)
def test_numbers_are_held_against_the_published_ones_only_where_they_measure_the_same(tmp_path, complete, fields, held):
    assert session(tmp_path, **{"profile": "paper", **fields}).verified_paper is held


def test_numbers_on_other_counts_of_images_are_not_held_against_the_published_ones(tmp_path, complete, monkeypatch):
    monkeypatch.setattr(
        Data, "count_differences", lambda *split_name: ["cub: 5,994 train images, the paper used 5,990"]
    )
    assert not session(tmp_path, profile="paper").verified_paper


def test_a_plan_does_not_list_the_pool_for_every_cell(tmp_path, monkeypatch):
    for place in ("targets/a/train/x", "targets/a/test/x", "opensets/pool/train"):
        folder = tmp_path / "data" / place
        folder.mkdir(parents=True)
        for number in range(200 if "pool" in place else 4):
            (folder / f"{number}.png").write_bytes(b"not read by a plan")
    walks = Counter()
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (walks.update([str(path)]), real(path))[1])
    planned_run(
        session(tmp_path / "runs", profile="mini", targets=("a",), openset="pool", data_root=tmp_path / "data")
    ).render()
    pool = [count for path, count in walks.items() if path.endswith("pool/train")]
    # Ten cells ask for it some forty times.
    assert pool and max(pool) <= 5


@pytest.mark.parametrize(
    ("named", "changed"),
    [
        ("simcore", {}),
        ("simcore:k=100", {"k": 100}),
        ("simcore:n_init=1", {"n_init": 1}),
        (
            "simcore:reference_round=20,failing_round=dropped",
            {"reference_round": 20, "failing_round": "dropped"},
        ),
        ("simcore-k1:tau=0.95", {"k": 1, "tau": 0.95}),
    ],
)
def test_fields_that_were_typed_are_what_runs_even_where_they_are_the_class_s_own_defaults(tmp_path, named, changed):
    mini = session(tmp_path, profile="mini", rows=("X+simcore(5%)",))
    planner = mini.planner(mini.rows[0])
    usual = planner.names.simcore.model_dump()
    assert {usual["k"], usual["n_init"]} == {20, 10} and usual["failing_round"] == "kept"
    assert find_sampler(named, planner.names.simcore).sampling.model_dump() == {**usual, **changed}


def test_a_stage_that_tables_share_costs_the_same_from_either_side(tmp_path):
    lines = [planned_run(session(tmp_path, profile="paper", table=table)).render().splitlines() for table in ("2", "5")]
    sentences = [
        [line.split(": ", 1)[1] for line in heading if line.startswith(f"shared with table{other}:")]
        for heading, other in zip(lines, (5, 2), strict=True)
    ]
    assert sentences[0] and sentences[0] == sentences[1]


def test_a_variant_of_several_rows_is_refused_with_their_ids(tmp_path):
    with pytest.raises(UserError, match="'X' is the variant of 4 rows of table4: name byol_X, "):
        PlannedTable(Query("4", profile="smoke", rows=("X",), store=tmp_path / "runs"))


def test_an_evaluation_that_a_row_cannot_have_is_refused_before_anything_runs(tmp_path):
    session = PlannedTable(
        Query("2", profile="smoke", rows=("X",), evaluation=("online-classifier",), store=tmp_path / "runs")
    )
    with pytest.raises(UserError, match=r"online-classifier cannot be asked of X, .*: no classifier was trained"):
        _ = session.cells
