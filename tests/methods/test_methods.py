"""Methods, recipes and networks as data: every value has its evidence, every setup is what its profile says."""

import subprocess
import sys

import pytest

from benchmark.commands._listing import listing
from benchmark.commands.show.names import describe
from benchmark.commands.show.recipe import fields
from benchmark.errors import UnknownName, UserError
from benchmark.methods import METHODS
from benchmark.methods._lcr import AS_SAM
from benchmark.planning.encoders import embedding_of
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import MINI, PAPER, SMOKE
from benchmark.planning.query import Query
from benchmark.specs.recipes import SGD, Adam, AdamW, Epochs, SeedAxes
from benchmark.stages.pretrain import Pretraining, check
from benchmark.training.backbone_names import NETWORKS, find_backbone

NAMES = METHODS.names()
TABLE4 = ("byol", "swav", "dino", "mae")


def session(tmp_path, table, **options):
    return PlannedTable(Query(table, profile=options.pop("profile", "paper"), store=tmp_path, **options))


def test_every_method_of_the_papers_is_there():
    whole = {"simclr", "moco", "byol", "simsiam", "swav", "dino", "mae", "barlow-twins", "vicreg", "nnclr", "all4one"}
    assert set(NAMES) == whole | {"lcr", "lcr-sam", "lcr-byol", "lcr-byol-sam"}


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_a_recipe_says_where_it_was_read(name):
    published = METHODS.get(name).published
    values = dict(fields(published))
    assert len(values) > 20
    assert [path for path in values if published.evidence_of(path) is None] == []
    known = [path for path, _ in fields(published)]
    named = [path for path in published.evidence if path != "*"]
    assert [path for path in named if not any(f"{field}.".startswith(f"{path}.") for field in [*known, path])] == []


@pytest.mark.parametrize("name", NAMES)
def test_show_recipe_lists_what_is_our_choice(name, tmp_path):
    published = METHODS.get(name).published
    text = describe(f"recipe {name}", tmp_path)
    chosen = [path for path, _ in fields(published) if published.evidence_of(path).tag == "ours"]
    last = text.splitlines()[-1]
    assert last.startswith("our choice, because nothing states it: ")
    assert last.removeprefix("our choice, because nothing states it: ") == (", ".join(chosen) or "nothing")
    assert describe(name, tmp_path) == text


def test_a_note_on_many_fields_is_printed_beside_the_first(tmp_path):
    lines = [line for line in describe("recipe dino", tmp_path).splitlines() if line.startswith("augmentation.")]
    assert len(lines) > 5 and lines[0].endswith("multi-crop is off by default")
    assert all(line.endswith("code") for line in lines[1:])


def test_the_recipes_of_table_4_field_by_field():
    """SimCore's released code and the author's answer in issue 2."""
    byol, swav, dino, mae = (PAPER.setup(name) for name in TABLE4)
    assert byol.recipe.method.ema.model_dump() == {
        "base": 0.996, "final": 1.0, "per": "epoch", "buffers": "averaged",
    }  # fmt: skip
    assert (
        byol.target_only_recipe.method.ema.final == 0.996
        and byol.released_lengths.retrieval == byol.released_lengths.target == Epochs(epochs=1000)
    )
    assert byol.recipe.optimiser == Adam(lr=1e-3, weight_decay=1e-6)
    assert (byol.recipe.method.hidden, byol.recipe.method.output, byol.recipe.method.predictor) == (4096, 256, 4096)
    method = swav.recipe.method
    assert (method.prototypes, method.temperature, method.epsilon, method.iterations) == (100, 0.1, 0.02, 3)
    assert (method.hidden, method.output, method.frozen, swav.recipe.drop_last) == (4096, 2048, 0.002, True)
    method = dino.recipe.method
    assert (method.prototypes, method.hidden, method.bottleneck, method.batchnorm) == (65536, 2048, 256, False)
    assert (method.student_temperature, method.teacher_temperature, method.warmup) == (0.1, (0.04, 0.07), 0.4)
    assert (method.teacher, method.probed, method.drop_path, method.norm_last_layer) == ("own", "teacher", 0.1, False)
    assert (dino.recipe.schedule.warmup_share, dino.recipe.optimiser.decay_vectors) == (0.02, False)
    method = mae.recipe.method
    assert (method.mask, method.normalise, method.width, method.depth, method.heads) == (0.75, False, 512, 8, 16)
    assert mae.recipe.optimiser == AdamW(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.05, decay_vectors=False)
    assert (mae.sampling.token, mae.probing.token, mae.standardise) == ("patches", "head", True)
    assert (mae.recipe.augmentation.views, mae.recipe.augmentation.interpolation) == (1, "bicubic")


def test_a_cell_names_the_choices_that_it_rests_on(tmp_path):
    cells = session(tmp_path, "4", targets=("cars",)).cells
    assert cells["byol_X", "cars", 0].assumed == ()
    assert "length of the openset rows" in cells["byol_OS", "cars", 0].assumed
    assert {"dino: optimiser.lr", "dino: method.warmup"} <= set(cells["dino_X", "cars", 0].assumed)
    assert session(tmp_path, "3").cells["resnet18_X", "cars", 0].assumed == ()


def test_no_cell_of_all4one_can_be_called_reproduced(tmp_path):
    (cell,) = session(tmp_path, "all4one-cifar10").cells.values()
    assert cell.assumed == ("all4one: augmentation",)


def test_rows_on_x_alone_and_their_retrieval_encoder_share_what_issue_2_says(tmp_path):
    cell = session(tmp_path, "4", targets=("cars",)).cells["byol_X+OS_simcore_stop", "cars", 0]
    assert cell.pretrain.spec.recipe.method.ema.final == 1.0
    encoder = cell.sample.input("pool").input("encoder")
    assert encoder.spec.recipe.method.ema.final == 0.996
    assert encoder.key == session(tmp_path, "4", targets=("cars",)).cells["byol_X", "cars", 0].pretrain.key


def test_every_backbone_of_table_3_is_another_network_in_every_profile(tmp_path):
    for profile in ("smoke", "mini", "paper"):
        rows = session(tmp_path, "3", profile=profile, openset="imagenet").cells
        networks = {row.split("_")[0]: cell.pretrain.spec.recipe.backbone.name for (row, *_), cell in rows.items()}
        assert len(set(networks.values())) == len(networks) == 4


def test_tables_share_what_table_2_has(tmp_path):
    whole = {stage.key for stage in session(tmp_path, "2", profile="smoke").plan.stages}
    for table, rows in (("5", ("X", "imagenet")), ("figure3", ("X", "imagenet"))):
        shared = session(tmp_path, table, profile="smoke", rows=rows)
        assert {stage.key for stage in shared.plan.stages} <= whole
    other = session(tmp_path, "4", profile="smoke")
    assert not {cell.pretrain.key for cell in other.cells.values()} & whole


@pytest.mark.parametrize("name", NAMES)
def test_controls_are_trained_by_the_method_and_network_of_the_rows(tmp_path, name):
    """Seen: beside rows of a method that was asked for, controls were trained on the table's own network."""
    planned = session(tmp_path, "2", profile="mini", method=name, targets=("cub",), controls=True)
    assert any(row.variant.control for row in planned.rows) and len(planned.setups) == 1
    networks = {(row, cell.pretrain.spec.recipe.backbone.full_name) for (row, *_), cell in planned.cells.items()}
    assert len({network for _, network in networks}) == 1 and "X(2x)" in {row for row, _ in networks}


def test_setups_of_small_profiles_say_that_another_network_stands_in():
    assert SMOKE.setup().stand_in and MINI.setup().stand_in and not PAPER.setup().stand_in
    assert not MINI.setup(backbone="resnet18").stand_in and MINI.setup("dino").stand_in
    assert MINI.setup("dino").recipe.backbone.full_name == "vit_tiny_patch16_224 (images of 48 px, patches of 8 px)"
    assert MINI.setup(backbone="resnet18").recipe.backbone.name == "resnet18"


def test_an_unpublished_optimiser_is_never_taken_for_a_published_one():
    for name in NAMES:
        published = METHODS.get(name).published
        evidence = published.evidence_of("optimiser.lr")
        assert evidence is not None and (evidence.tag != "ours" or name not in ("simclr", "byol"))
    assert PAPER.setup().recipe.optimiser == SGD(lr=0.1, weight_decay=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_as_registered(name):
    from benchmark.training.backbones import build, feature_dimension

    network = NETWORKS[name]
    built = build(network.backbone)
    assert feature_dimension(built) == network.features
    assert sum(parameter.numel() for parameter in built.parameters()) == network.parameters
    assert (network.reading == "class token") == hasattr(built, "cls_token")


def test_the_lists_of_engines_are_those_that_the_engines_have():
    from benchmark.pretrain.engines import ENGINES

    for engine in ENGINES:
        listed = {METHODS.get(name).small.method.kind for name in NAMES if engine.name in METHODS.get(name).engines}
        assert listed - {"lcr"} == set(engine.methods())


def test_every_listed_name_is_listed():
    assert all(name in listing("methods") for name in NAMES)
    assert "B0 is our choice" in listing("backbones") and "any other name of timm" in listing("backbones")


def test_unknown_names_give_the_nearest():
    with pytest.raises(UnknownName, match="unknown method 'boyl'; did you mean byol"):
        SMOKE.setup("boyl")
    with pytest.raises(UnknownName, match="did you mean resnet18"):
        find_backbone("resnet_18")
    with pytest.raises(UnknownName, match="unknown engine 'solo'; did you mean solo-learn"):
        SMOKE.setup(engine="solo")
    with pytest.raises(UserError, match="engine 'lightly' has no method 'all4one'; solo-learn has it"):
        SMOKE.setup("all4one", engine="lightly")
    with pytest.raises(UserError, match="MAE trains vision transformers only, and resnet18 is none"):
        SMOKE.setup("mae", "resnet18")


def test_a_table_with_rows_that_have_no_recipe_says_so(tmp_path):
    planned = session(tmp_path, "all4one-cifar10", profile="paper")
    obstacles = {row.id: row.obstacle for row in planned.rows if row.obstacle}
    assert any("has no recipe in this suite" in why for why in obstacles.values())
    assert "none for this one" in obstacles["simclr"]
    assert "all4one" not in obstacles and ("all4one", "cifar10", 0) in planned.cells
    with pytest.raises(UserError, match=r"cannot be measured .*its published values are shown by"):
        session(tmp_path, "lcr-table2")


WITHOUT_TORCH = """
import sys
from pathlib import Path
from benchmark.planning.query import Query
from benchmark.planning.planned_table import PlannedTable

for table in ("3", "4", "5", "figure3"):
    assert PlannedTable(Query(table, profile="paper", store=Path("nowhere"))).plan.stages
sys.exit("torch" in sys.modules)
"""


def test_plans_of_all_tables_need_no_torch():
    assert subprocess.run([sys.executable, "-c", WITHOUT_TORCH], check=False).returncode == 0


def test_plan_says_what_tables_share(tmp_path):
    from benchmark.commands._planned_run import planned_run

    lines = [
        line for line in planned_run(session(tmp_path, "5")).render().splitlines() if line.startswith("shared with")
    ]
    tables = ["figure3", "full-finetuning", "table2", "table7a", "table7b", "table7d"]
    assert [line.split(":")[0] for line in lines] == [f"shared with {table}" for table in tables]
    stages = {stage.key for stage in session(tmp_path, "5").plan.stages}
    same = stages & {stage.key for stage in session(tmp_path, "2").plan.stages}
    assert lines[2].startswith(f"shared with table2: {len(same)} stages") and len(same) > 30


def test_one_method_is_not_put_for_rows_of_several(tmp_path):
    with pytest.raises(UserError, match="--method simsiam for rows of byol, dino, mae, swav: choose rows of one"):
        session(tmp_path, "4", method="simsiam")
    rows = session(tmp_path, "4", method="simsiam", rows=("byol_X", "byol_OS")).rows
    assert {row.method for row in rows} == {"simsiam"}


def test_an_entry_is_found_by_its_method():
    from benchmark.methods import entry_of

    assert all(entry_of(METHODS.get(name).small.method).name == name for name in NAMES)


def test_every_table_of_the_paper_can_be_verified(tmp_path, monkeypatch):
    """Rows without an open-set are measured on no other than the published one."""
    for table in ("2", "3", "4", "5", "figure3"):
        planned = session(tmp_path, table)
        assert not any(planned._elsewhere(row) for row in planned.rows)
        monkeypatch.setattr(type(planned.data), "manifest", lambda *_: object())
        monkeypatch.setattr(type(planned.data), "count_differences", lambda *_: [])
        assert planned.verified_paper
        assert not session(tmp_path, table, precision="float32").verified_paper


def test_only_trainings_that_see_labels_of_x_have_an_online_classifier(tmp_path):
    cells = session(tmp_path, "2", profile="mini", rows=("X", "OS"), method="all4one", targets=("cub",)).cells
    recipes = {row: cells[row, "cub", 0].pretrain.spec.recipe for row in ("X", "OS")}
    assert recipes["X"].online is not None and recipes["OS"].online is None


def test_lcr_is_refused_in_float16_before_anything_is_trained():
    recipe = MINI.setup("lcr").recipe.model_copy(update={"precision": "float16"})
    with pytest.raises(UserError, match="float16 cannot hold"):
        check(Pretraining(recipe=recipe, seeds=SeedAxes(init=0, data=0)))


def test_networks_of_one_size_are_built_for_the_size_of_the_crops():
    for profile, size in ((SMOKE, 32), (MINI, 48)):
        setup = profile.setup(backbone="vit_small_patch16_224")
        assert setup.recipe.backbone.image_size == size
        assert setup.recipe.backbone.full_name == f"vit_small_patch16_224 (images of {size} px)"
        check(Pretraining(recipe=setup.recipe, seeds=SeedAxes(init=0, data=0)))
    assert PAPER.setup(backbone="vit_small_patch16_224").recipe.backbone.image_size is None
    assert PAPER.setup(backbone="vit_small_patch16_384").recipe.backbone.image_size == 224
    assert MINI.setup(backbone="resnet26").recipe.backbone.image_size is None


def test_a_network_that_cannot_see_its_crops_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match="inception_v3 cannot look at crops of 32 px: "):
        check(Pretraining(recipe=SMOKE.setup(backbone="inception_v3").recipe, seeds=SeedAxes(init=0, data=0)))


def test_an_encoder_is_read_as_its_own_probe_read_it():
    for setup in (SMOKE.setup(), MINI.setup("byol"), PAPER.setup(), PAPER.setup("all4one")):
        assert embedding_of(setup.recipe) == setup.probing


def test_switches_that_lcr_was_not_released_with_are_our_choice():
    for name, switched in (("lcr-sam", True), ("lcr-byol-sam", True), ("lcr", False), ("lcr-byol", False)):
        published = METHODS.get(name).published
        tags = {published.evidence_of(f"method.{switch}").tag for switch in AS_SAM}
        assert tags == ({"ours"} if switched else {"code"})
    assert METHODS.get("lcr-byol").published.evidence_of("backbone.stem").tag == "code"
