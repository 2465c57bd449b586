"""`--engine`: either engine plans the same recipes, and what one of them lacks is refused before anything runs."""

import pytest

from benchmark.__main__ import main
from benchmark.commands.show.recipe import fields
from benchmark.methods import METHODS
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.pretrain.engines import ENGINES, Engine

ENGINE_NAMES = ("lightly", "solo-learn")
PAPER_TABLES = ("2", "3", "4", "5")


def planned(tmp_path, table, engine, profile="paper", **options):
    """By cell, all stages below it with their specs, each spec as a flat dictionary of its fields."""
    cells = PlannedTable(Query(table, profile=profile, engine=engine, store=tmp_path, **options)).cells
    return {
        name: [(stage.kind.name, dict(fields(stage.spec))) for stage in below(cell)] for name, cell in cells.items()
    }


def below(cell):
    for end in cell.ends():
        yield from stages(end)


def stages(stage):
    yield stage
    for needed in stage.stages():
        yield from stages(needed)


def differences(one, other):
    """The names of the fields in which two lists of stages differ. The stages themselves must be of the same kinds."""
    assert [kind for kind, _ in one] == [kind for kind, _ in other]
    return {
        name
        for (_, first), (_, second) in zip(one, other, strict=True)
        for name in first.keys() | second.keys()
        if first.get(name) != second.get(name)
    }


@pytest.mark.parametrize("protocol", ["released", "clean"])
@pytest.mark.parametrize("table", PAPER_TABLES)
def test_every_cell_of_the_papers_tables_is_planned_by_lightly_as_by_solo_learn(tmp_path, table, protocol):
    # The equal steps of `clean` follow from the number of images of X, which is not known of every target.
    targets = ("cub",) if protocol == "clean" else ()
    default, solo, lightly = (
        planned(tmp_path, table, engine, protocol=protocol, targets=targets)
        for engine in (None, *reversed(ENGINE_NAMES))
    )
    assert default == solo and len(solo) >= 4
    assert solo.keys() == lightly.keys()
    assert all(differences(solo[cell], lightly[cell]) == {"recipe.engine"} for cell in solo)


@pytest.mark.parametrize("profile", ["smoke", "mini", "paper"])
@pytest.mark.parametrize("name", METHODS.names())
def test_the_engine_of_a_method_changes_nothing_else_of_its_recipe(tmp_path, name, profile):
    options = {"profile": profile, "method": name, "targets": ("cub",), "controls": True}
    first, *others = (planned(tmp_path, "2", engine, **options) for engine in METHODS.get(name).engines)
    for other in others:
        assert first.keys() == other.keys()
        assert all(differences(first[cell], other[cell]) == {"recipe.engine"} for cell in first)


def outcome(capsys, *arguments):
    """Exit code and error line of a command."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize("table", PAPER_TABLES)
@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_plan_takes_every_table_of_the_paper_with_either_engine(capsys, tmp_path, monkeypatch, table, engine):
    """Seen: `plan --engine lightly` was refused for All4One, a method of another table."""
    # A data root without the paper's open-sets is a note.
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    code, error = outcome(
        capsys, "plan", "--table", table, "--profile", "paper", "--engine", engine, "--store", str(tmp_path)
    )
    assert (code, error) == (0, "")


# Each method with its own network, and the methods that cannot train every network with others of timm.
WITHOUT_CLASS_TOKEN, WITHOUT_MAP = "resnet14t", "vit_tiny_patch16_384"
METHODS_AND_NETWORKS = [(name, None) for name in METHODS.names()]
METHODS_AND_NETWORKS += [
    (name, network) for name in ("simclr", "mae", "lcr-byol") for network in (WITHOUT_CLASS_TOKEN, WITHOUT_MAP)
]


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize(("name", "network"), METHODS_AND_NETWORKS)
def test_plan_refuses_a_method_an_engine_or_a_network_exactly_where_a_run_does(
    capsys, tmp_path, monkeypatch, name, engine, network
):
    # Both engines are taken to be there: whether one is installed is asked by a run alone.
    monkeypatch.setattr(Engine, "require", lambda engine: None)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    command = ["--profile", "paper", "--method", name, "--engine", engine, "--rows", "X", "--targets", "cub"]
    command += ["--store", str(tmp_path / "runs"), *(["--backbone", network] if network else [])]
    (planned_code, refusal), (code, error) = (outcome(capsys, verb, *command) for verb in ("plan", "reproduce"))
    if planned_code:
        assert (planned_code, refusal) == (code, error) == (2, error) and len(error.splitlines()) == 1
    else:
        # The run came as far as its images, which are not there.
        assert code == 2 and "give --data-root" in error
    assert bool(planned_code) == refused(name, engine, network) and not (tmp_path / "runs").exists()


def refused(name, engine, network):
    method = METHODS.get(name)
    if engine not in method.engines or (name, engine) == ("moco", "solo-learn"):
        return True
    return (name, network) in (("mae", WITHOUT_CLASS_TOKEN), ("lcr-byol", WITHOUT_MAP))


@pytest.mark.parametrize("kind", ["all4one"])
def test_a_method_of_one_engine_is_refused_with_the_name_of_the_other(capsys, tmp_path, kind):
    code, error = outcome(capsys, "plan", "--method", kind, "--engine", "lightly", "--store", str(tmp_path))
    assert code == 2 and error == f"error: engine 'lightly' has no method '{kind}'; solo-learn has it\n"
    assert kind in ENGINES.get("solo-learn").methods()
