"""The stages of a comparison: whose features and weights each seed rests on. Reads no image and imports no torch."""

import pytest

from benchmark.commands.compare import ComparedSamplers
from benchmark.commands.run import CellQuery
from benchmark.errors import UserError
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.specs.cells import ordered
from benchmark.specs.recipes import SeedAxes


def planned(store, **options):
    """A comparison on dtd; options as those of the verb."""
    return PlannedTable(ComparedSamplers(**{"target": "dtd", "store": store, **options}).query)


@pytest.fixture
def session(tmp_path):
    comparison_options = {"against": "simcore", "budget": ["5%", "stop"], "seeds": [0, 1, 2], "train": True}
    return planned(tmp_path, sampler=["random", "herding"], **comparison_options)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_training_and_draw_behind_a_cell_is_of_the_cells_own_seed(session, seed):
    cells = [cell for cell in session.cells.values() if cell.seed == seed]
    assert len(cells) == 1 + 2 * 3
    stages = ordered(end for cell in cells for end in cell.ends())
    trainings = [stage.spec.seeds for stage in stages if stage.kind.name == "pretrain"]
    draws = [stage.spec.seed for stage in stages if stage.kind.name == "sample"]
    assert len(trainings) == 7 and set(trainings) == {SeedAxes(init=seed, data=seed)}
    assert len(draws) == 6 and set(draws) == {seed}


def test_the_retrieval_encoder_of_a_seed_is_x_alone_of_that_seed(session):
    encoders = {cell.seed: cell.pretrain.key for cell in session.cells.values() if cell.sample is None}
    for cell in session.cells.values():
        if cell.sample is not None:
            assert cell.parts["measure"].input("pool").input("encoder").key == encoders[cell.seed]
    assert len(set(encoders.values())) == 3


def test_without_training_nothing_but_coresets_is_planned(tmp_path):
    session = planned(tmp_path, sampler="herding", budget="5%")
    assert {part for cell in session.cells.values() for part in cell.parts} == {"sample", "purity", "measure"}
    assert {stage.kind.name for stage in session.plan.stages} == {"pretrain", "embed", "sample", "purity", "measure"}
    assert {split for role, _, split in session.needed_splits if role == "targets"} == {"train"}


def test_a_comparison_has_the_stages_of_the_tables_own_rows(tmp_path):
    compared = planned(tmp_path, sampler="random", budget="5%", train=True)
    table = PlannedTable(compared.query.__class__("2", profile="smoke", targets=("dtd",), store=tmp_path))
    for row in ("X", "X+OS_simcore_5", "X+OS_rand_5"):
        assert compared.cells[row, "dtd", 0].evaluate.key == table.cells[row, "dtd", 0].evaluate.key


def test_rows_are_compared_with_those_of_the_same_budget(tmp_path):
    layout = planned(tmp_path, sampler="herding", budget=["1%", "5%"]).values().layout
    assert layout.references == ("X+OS_simcore_1", "X+OS_simcore_5", "X+OS_rand_1", "X+OS_rand_5")
    names = {row[0]: group for row, group in zip(layout.rows, layout.groups, strict=True)}
    assert names["X+herding(5%)"] == ("budget 5%", "herding") and names["X+OS_rand_1"] == ("budget 1%", "random")


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({}, "features of an encoder pretrained on X (SimCLR on test_resnet, 1 step)"),
        (
            {"train": True, "steps": 2},
            "features of an encoder pretrained on X (SimCLR on test_resnet, 2 steps), rows trained by the same recipe",
        ),
        (
            {"train": True, "encoder": "untrained"},
            "features of an untrained encoder (test_resnet), rows trained by SimCLR on test_resnet, 1 step",
        ),
    ],
)
def test_a_comparison_says_whose_features_and_what_was_trained(tmp_path, options, features):
    given = {"steps": 1, "sampler": "nearest", **options}
    assert planned(tmp_path, **given).values().layout.features == features


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "simcor"}, "unknown sampler 'simcor'; did you mean simcore"),
        ({"sampler": "random", "budget": "many"}, "budget 'many' is none: give images"),
        ({"sampler": "random", "openset": "imagenot"}, "did you mean imagenet"),
        ({"sampler": "random", "budget": "200%"}, "at most"),
        ({"sampler": "random", "encoder": "resnet18"}, "encoder 'resnet18' is no file, and no key or label"),
    ],
)
def test_names_are_refused_before_any_work(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        _ = planned(tmp_path / "runs", **options).cells
    assert not (tmp_path / "runs").exists()


# Lists of picks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def picks(tmp_path):
    """A file of two picks."""
    file = tmp_path / "picks.txt"
    file.write_text("# two picks\na.png\nb.png\n")
    return file


def test_a_list_is_compared_at_its_own_size(tmp_path, picks):
    of_list = planned(tmp_path, selection=str(picks))
    assert [row.id for row in of_list.rows] == ["X+simcore(2)", "X+random(2)", "X+picks.txt(2)"]
    beside = planned(tmp_path, sampler="herding", selection=[str(picks)], against="random")
    assert [row.id for row in beside.rows] == [
        "X+OS_rand_1",
        "X+OS_rand_5",
        "X+herding(1%)",
        "X+herding(5%)",
        "X+random(2)",
        "X+picks.txt(2)",
    ]
    assert beside.values().layout.references == ("X+OS_rand_1", "X+OS_rand_5", "X+random(2)")
    sized = planned(tmp_path, selection=str(picks), budget="1", against="random")
    assert [row.id for row in sized.rows] == ["X+random(1)", "X+picks.txt(1)"]


@pytest.mark.parametrize(("options", "message"), [({}, "nothing to compare"), ({"selection": "no.txt"}, "no file")])
def test_a_comparison_of_nothing_is_refused(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        planned(tmp_path, **options)


def test_a_list_is_a_row_of_every_table(tmp_path, picks):
    def rows(**options):
        query = Query("2", profile="smoke", targets=("dtd",), store=tmp_path, selection=str(picks), **options)
        return [row.id for row in PlannedTable(query).rows]

    assert rows(rows=("X", "X+random(5%)")) == ["X", "X+OS_rand_5", "X+picks.txt(stop)"]
    usual = [row.id for row in PlannedTable(Query("2", profile="smoke", store=tmp_path)).rows]
    assert rows() == [*usual, "X+picks.txt(stop)"]


def test_a_cell_is_of_a_variant_or_of_a_list(tmp_path, picks):
    listed = CellQuery(target="dtd", selection=picks, store=tmp_path)
    assert [row.id for row in PlannedTable(listed.query).rows] == ["X+picks.txt(stop)"]
    for wrong in ({"target": "dtd"}, {"target": "dtd", "variant": "X", "selection": picks}):
        with pytest.raises(UserError, match="give --variant or --selection"):
            CellQuery(**wrong).query  # noqa: B018
    with pytest.raises(UserError, match="needs --target"):
        CellQuery("X").query  # noqa: B018
