"""Variants by name: any sampler, budget and encoder is a row; what is none is refused in one line."""

import pytest

from benchmark.commands._options import spread_lists
from benchmark.commands._planned_run import planned_run
from benchmark.errors import UnknownName, UserError
from benchmark.planning import names
from benchmark.planning.encoders import Encoder
from benchmark.planning.names import Names, find_variant
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.specs.recipes import Backbone, Embedding
from benchmark.specs.stages import Stage
from benchmark.specs.variants import CONTROLS, VARIANTS, Variant
from benchmark.stages.frozen import KIND as FROZEN
from benchmark.stages.frozen import FrozenEncoder
from benchmark.stages.sample import SimCoreSampling

SAMPLER = """
class Mine:
    def select(self, target, pool, *, budget, seed=0):
        raise NotImplementedError
"""


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("X", "OS", "X+OS")])
def test_published_rows_and_controls_are_spelled_in_the_same_grammar(name, monkeypatch):
    known = VARIANTS[name]
    monkeypatch.setattr(names, "VARIANTS", {})
    read = find_variant(name)
    assert read.model_dump(exclude={"title", "control"}) == known.model_dump(exclude={"title", "control"})


@pytest.mark.parametrize(
    ("text", "sampler", "budget", "encoder"),
    [
        ("X+facility-location(5%)", "facility-location", "5%", "pretrained"),
        ("X+my.py:Mine(1%)", "my.py:Mine", "1%", "pretrained"),
        ("X+dir (old)/my.py:Mine:k=5,tau=0.9(100)", "dir (old)/my.py:Mine:k=5,tau=0.9", 100, "pretrained"),
        ("X+picks.txt(stop)", "picks.txt", None, "pretrained"),
        ("X+simcore(2.5%)@timm:resnet18=w (1).pth", "simcore", "2.5%", "timm:resnet18=w (1).pth"),
        ("X+simcore(1%)@untrained", "simcore", "1%", "untrained"),
    ],
)
def test_a_name_says_sampler_budget_and_encoder(text, sampler, budget, encoder):
    variant = find_variant(text)
    assert (variant.sampler, variant.budget, variant.encoder) == (sampler, budget, encoder)
    assert variant.target and variant.openset == "coreset" and not variant.control


def test_longer_training_and_encoders_as_they_are_have_names():
    assert find_variant("X(3x)").steps_factor == 3 and find_variant("X(3x)").trained
    frozen = find_variant("@timm:resnet18")
    assert not frozen.trained and frozen.encoder == "timm:resnet18" and frozen.control


@pytest.mark.parametrize(
    "text", ["X+simcore", "x+simcore(5%)", "X(0x)", "X(2)", "OS+random(5%)", "@", "@pretrained", ""]
)
def test_what_is_no_variant_is_refused(text):
    with pytest.raises(UnknownName, match="unknown variant"):
        find_variant(text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("X+simcor(5%)", "unknown sampler 'simcor'; did you mean simcore"),
        ("X+simcore(many)", "budget 'many' is none: give images"),
        ("X+none.py:Mine(5%)", "none.py cannot be read"),
        ("X+simcore(5%)@resnet18", "encoder 'resnet18' is no file, and no key or label"),
        ("X+simcore:kk=3(5%)", "has no field 'kk'"),
        ("X+OS_simcor_5", "unknown row or variant 'X.OS_simcor_5'; did you mean X.OS_simcore_5"),
    ],
)
def test_mistakes_in_a_row_are_one_line_before_any_work(tmp_path, row, message):
    with pytest.raises(UserError, match=message) as raised:
        PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=(row,), store=tmp_path / "runs"))
    assert "\n" not in str(raised.value) and not (tmp_path / "runs").exists()


def named(text):
    return Names(SimCoreSampling(k=10)).named(find_variant(text))


def test_a_row_is_called_without_the_folders_of_this_machine(tmp_path):
    (tmp_path / "mine.py").write_text(SAMPLER)
    variant = named(f"X+{tmp_path}/mine.py:Mine(5%)")
    assert variant.name == "X+mine.py:Mine(5%)" and str(tmp_path) not in variant.title
    assert variant.sampler == f"{tmp_path}/mine.py:Mine"


def test_two_files_of_one_name_are_two_samplers_of_one_name(tmp_path):
    for folder, code in (("a", SAMPLER), ("b", SAMPLER + "# another version")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(code)
    rows = tuple(f"X+{tmp_path / folder}/mine.py:Mine(5%)" for folder in "ab")
    with pytest.raises(UserError, match=r"two samplers are called mine\.py:Mine: rename a file or a class"):
        PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=rows, store=tmp_path))
    same = (rows[0], rows[0].replace("/a/", "/a/../a/"), "X+random(5%)")
    chosen = PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=same, store=tmp_path)).rows
    assert [row.id for row in chosen] == ["X+OS_rand_5", "X+mine.py:Mine(5%)"]


def test_another_encoder_is_another_row_with_stages_of_its_own(tmp_path):
    rows = ("X+simcore(5%)", "X+simcore(5%)@untrained")
    session = PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=rows, store=tmp_path))
    samples = {row: cell.sample.key for (row, _, _), cell in session.cells.items()}
    assert set(samples) == {"X+OS_simcore_5", "X+simcore(5%)@untrained"} and len(set(samples.values())) == 2
    assert set(CONTROLS) & set(samples) == {"X+simcore(5%)@untrained"}


def test_the_frozen_row_evaluates_the_network_as_it_is(tmp_path):
    rows = ("X", "@untrained")
    session = PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=rows, store=tmp_path))
    frozen = session.cells["@untrained", "dtd", 0]
    assert set(frozen.parts) == {"evaluate"} and frozen.pretrain is None
    assert frozen.evaluate.input("encoder").spec.recipe.length.steps == 0


@pytest.fixture
def networks(monkeypatch):
    """Two files of one name with the weights of two networks, without reading any."""

    def find(text, around):
        digest = ("a" if "/a/" in text else "b") * 64
        backbone = Backbone(name="resnet18", library="timm")
        spec = FrozenEncoder(backbone=backbone, origin="file", sha256=digest, mean=(0, 0, 0), std=(1, 1, 1))
        return Encoder(Stage(FROZEN, spec, (), "resnet18"), Embedding(resize=36, crop=32), {digest: text})

    monkeypatch.setattr(names, "find_encoder", find)


def test_features_of_a_network_of_timm_are_part_of_a_row(networks, tmp_path):
    encoder = "timm:resnet18=/a/weights.pth"
    rows = (f"X+simcore(5%)@{encoder}", f"@{encoder}", "X+simcore(5%)")
    session = PlannedTable(
        Query("2", profile="smoke", targets=("dtd",), rows=rows, coreset_metrics=True, store=tmp_path)
    )
    assert [row.id for row in session.rows] == [
        "X+OS_simcore_5",
        "X+simcore(5%)@timm:resnet18=weights.pth",
        "@timm:resnet18=weights.pth",
    ]
    seen = session.cells["X+simcore(5%)@timm:resnet18=weights.pth", "dtd", 0]
    frozen = session.cells["@timm:resnet18=weights.pth", "dtd", 0].evaluate.input("encoder")
    assert seen.sample.input("pool").input("encoder") == frozen == seen.parts["measure"].input("pool").input("encoder")
    assert frozen.kind.name == "frozen" and session.local == {"a" * 64: encoder}
    layout = session.values().layout
    assert layout.groups[1:] == (
        ("budget 5%", "simcore@timm:resnet18=weights.pth"),
        ("without a coreset", "frozen timm:resnet18=weights.pth"),
    )
    assert (
        layout.features.startswith("features of an encoder pretrained on X (")
        and "weights of a file" in layout.features
    )
    # Costs know the width of its features.
    assert planned_run(session).disk > 0


def test_a_random_network_is_another_one_for_every_seed(tmp_path):
    rows = ("X+simcore(5%)@random", "@random")
    session = PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=rows, seeds=(0, 1), store=tmp_path))
    encoders = [session.cells["@random", "dtd", seed].evaluate.input("encoder") for seed in (0, 1)]
    assert [encoder.spec.seed for encoder in encoders] == [0, 1]
    for seed, encoder in enumerate(encoders):
        seen = session.cells["X+simcore(5%)@random", "dtd", seed].sample.input("pool").input("encoder")
        assert seen.key == encoder.key


def test_two_networks_of_one_name_are_refused(networks, tmp_path):
    rows = tuple(f"X+simcore(5%)@timm:resnet18=/{folder}/weights.pth" for folder in "ab")
    with pytest.raises(UserError, match=r"two rows are called .*: rename a file"):
        PlannedTable(Query("2", profile="smoke", targets=("dtd",), rows=rows, store=tmp_path))


def test_without_training_a_row_without_a_coreset_has_nothing_to_measure(tmp_path):
    query = Query("2", profile="smoke", targets=("dtd",), rows=("X", "X+random(5%)"), train=False, store=tmp_path)
    planned = PlannedTable(query).values()
    assert set(planned.cells) == {("X+OS_rand_5", "dtd", 0)}
    assert "without training nothing is measured" in planned.obstacles["X", "dtd"]


def test_several_evaluations_are_measures_of_one_cell(tmp_path):
    evaluations = ("linear-released", "linear-clean")
    query = Query("2", profile="smoke", targets=("dtd",), rows=("X",), evaluation=evaluations, store=tmp_path)
    session = PlannedTable(query)
    (cell,) = session.cells.values()
    assert list(cell.parts) == ["evaluate", "evaluate:linear-clean", "pretrain"]
    assert [measure.name for measure in session.values().layout.measures] == ["accuracy", "linear-clean/accuracy"]
    assert cell.evaluate.kind.module == "benchmark.evaluations.linear_released"


def test_a_comma_within_a_sampler_separates_no_rows():
    rows = "X,X+simcore:k=5,tau=0.9(5%),X+hierarchical:levels=[100,10](1%)"
    spread = spread_lists(["reproduce", "--rows", rows], {"--rows"})
    assert spread[2::2] == ["X", "X+simcore:k=5,tau=0.9(5%)", "X+hierarchical:levels=[100,10](1%)"]


def test_a_variant_is_a_value():
    assert isinstance(find_variant("X"), Variant) and hash(named("X+random(7)")) == hash(named("X+random(7)"))
