"""Encoders by name: the authors' files, checkpoints, exports, results of the store, random weights."""

import argparse
import json
from dataclasses import replace

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.errors import UserError
from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.images.data import Data
from benchmark.planning.encoders import Encoder, Surroundings, find_encoder
from benchmark.planning.names import find_protocol
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.planner import Planner
from benchmark.planning.profiles import find_profile
from benchmark.planning.query import Query
from benchmark.planning.released import NAME
from benchmark.specs.cells import evaluation_part
from benchmark.specs.recipes import MEAN, Backbone
from benchmark.training.backbones import build


@pytest.fixture(scope="module")
def authors(tmp_path_factory):
    """A folder with the authors' file for cub: ResNet-18 in place of ResNet-50, in their layout, with picks."""
    folder = tmp_path_factory.mktemp("authors")
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    content = {
        "args": argparse.Namespace(dataset1="cub"),
        "model": {f"backbone.module.{name}": tensor for name, tensor in network.state_dict().items()},
        "optimizer": {},
        "epoch": 5000,
        "indices": [4, 2],
    }
    torch.save(content, folder / NAME.format(target="cub"))
    return folder


def write(encoder, root):
    store = open_store(root)
    run_stage(Task(encoder.stage, store, Data(None, True, root), "cpu", local=encoder.local))
    return store


def test_the_authors_file_is_taken_from_a_folder_with_its_picks(authors, tmp_path):
    encoder = find_encoder(f"released={authors}", Surroundings(target="cub"))
    assert encoder.label == "the authors' encoder for cub" and encoder.stage.spec.origin == "official"
    assert (encoder.embedding.resize, encoder.embedding.crop) == (256, 224)
    store = write(encoder, tmp_path / "runs")
    content = torch.load(authors / NAME.format(target="cub"), weights_only=False)["model"]
    loaded = load_file(store.file(encoder.stage, "encoder.safetensors"))
    assert {f"backbone.module.{name}" for name in loaded} == set(content)
    assert all(torch.equal(tensor, content[f"backbone.module.{name}"]) for name, tensor in loaded.items())
    record = store.record(encoder.stage)
    assert record.metrics["picks"] == 2 and record.identity["spec"]["sha256"] == encoder.stage.spec.sha256


def test_an_authors_file_of_another_target_is_refused(authors, tmp_path):
    with pytest.raises(UserError, match=r"has no cars_resnet50.*; there: cub_resnet50"):
        find_encoder(f"released={authors}", Surroundings(target="cars"))
    (tmp_path / NAME.format(target="cars")).symlink_to(authors / NAME.format(target="cub"))
    with pytest.raises(UserError, match="was pretrained for cub, not for cars"):
        find_encoder(f"released={tmp_path}", Surroundings(target="cars"))
    with pytest.raises(UserError, match="of one target each, and none is named here"):
        find_encoder(f"released={authors}")


def test_the_file_comes_from_the_hub_and_its_revision_is_shown(authors, monkeypatch):
    class Api:
        def model_info(self, repository):
            files = [argparse.Namespace(rfilename=path.name) for path in authors.iterdir()]
            return argparse.Namespace(sha="0123456789abcdef", siblings=files)

    def download(repository, name, revision):
        assert (repository, revision) == ("sungnyun/openssl-simcore", "0123456789abcdef")
        return str(authors / name)

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    encoder = find_encoder("released", Surroundings(target="cub"))
    assert encoder.label == "the authors' encoder for cub (revision 0123456789ab)"
    with pytest.raises(UserError, match=r"has no dtd_.*known for aircraft, .*, not for dtd"):
        find_encoder("released", Surroundings(target="dtd"))


def test_without_a_network_the_way_out_is_a_folder(monkeypatch):
    class Api:
        def model_info(self, repository):
            raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    with pytest.raises(UserError, match=r"no route to host\); give its files with --encoder released=FOLDER"):
        find_encoder("released", Surroundings(target="cub"))


def test_a_random_encoder_is_the_network_of_the_profile_by_its_seed(tmp_path):
    setup = find_profile("smoke").setup()
    first, again, other = (find_encoder("random", Surroundings(setup=setup, seed=seed)) for seed in (0, 0, 1))
    assert first.stage.key == again.stage.key != other.stage.key
    states = [
        load_file(write(one, tmp_path / name).file(one.stage, "encoder.safetensors"))
        for one, name in ((first, "a"), (again, "b"), (other, "c"))
    ]
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
    assert not all(torch.equal(tensor, states[2][name]) for name, tensor in states[0].items())
    with pytest.raises(UserError, match="a random encoder needs a method"):
        find_encoder("random")


def test_an_export_is_taken_with_its_way_of_preparing_images(tmp_path):
    backbone = Backbone(name="test_vit", library="timm", image_size=32, patch_size=8)
    save_file(build(backbone).state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "test_vit",
        "model_args": {"img_size": 32, "patch_size": 8},
        "pretrained_cfg": {"input_size": [3, 32, 32], "mean": list(MEAN), "std": [0.2, 0.2, 0.2], "crop_pct": 32 / 36},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    encoder = find_encoder(str(tmp_path))
    assert encoder.stage.spec.backbone == backbone and encoder.stage.spec.std == (0.2, 0.2, 0.2)
    assert (encoder.embedding.resize, encoder.embedding.crop) == (36, 32)
    write(encoder, tmp_path / "runs")
    for content in ("{}", "[", json.dumps({**config, "pretrained_cfg": {}})):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(UserError, match=r"config\.json is no configuration of an export"):
            find_encoder(str(tmp_path))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with two untrained encoders of X, of two seeds, and their stages."""
    root = tmp_path_factory.mktemp("trained") / "runs"
    data = Data(None, True, root)
    data.read([("targets", "dtd", "train")])
    profile = find_profile("smoke")
    planner = Planner(profile, find_protocol("clean"), data, None, profile.setup())
    stages = [planner.retrieval("dtd", seed, untrained=True) for seed in (0, 1)]
    store = open_store(root)
    for stage in stages:
        run_stage(Task(stage, store, data, "cpu"))
    return store, stages


def test_a_pretraining_of_the_store_keeps_its_key(trained):
    store, (stage, _) = trained
    for name in (stage.key, stage.key[:12], stage.label):
        encoder = find_encoder(name, Surroundings(store=store.root))
        assert encoder.stage.key == stage.key and store.has(encoder.stage) and not encoder.local
        assert encoder.embedding == find_profile("smoke").embedding and encoder.recipe == stage.spec.recipe


def test_names_that_the_store_does_not_know_or_knows_twice_are_refused(trained, tmp_path):
    store, (stage, _) = trained
    for name in ("deadbeef00", stage.key[:4], "X, cub, seed 0"):
        with pytest.raises(UserError, match=r"is no file, and no key or label .* random"):
            find_encoder(name, Surroundings(store=store.root))
    with pytest.raises(UserError, match="is no file, and no key or label"):
        find_encoder(stage.key, Surroundings(store=tmp_path / "absent"))
    twin = replace(stage, spec=stage.spec.model_copy(update={"seeds": stage.spec.seeds.model_copy(update={"data": 7})}))
    run_stage(Task(twin, store, Data(None, True, store.root), "cpu"))
    with pytest.raises(UserError, match=f"2 pretrainings of .* are named '{stage.label}': give a key"):
        find_encoder(stage.label, Surroundings(store=store.root))


def test_what_another_version_made_is_refused(trained, monkeypatch):
    store, (_, stage) = trained
    from benchmark.planning import encoders

    monkeypatch.setattr(encoders, "PRETRAIN", replace(encoders.PRETRAIN, version=99))
    with pytest.raises(UserError, match="was made by another version of this suite"):
        find_encoder(stage.key, Surroundings(store=store.root))


def test_views_of_an_encoder_from_elsewhere_have_the_size_that_it_sees(trained, tmp_path):
    """Not the profile's 32 px: a network of 224 px would be judged on crops that it was never shown."""
    timm_weights = tmp_path / "weights.safetensors"
    save_file(build(Backbone(name="test_vit", library="timm")).state_dict(), timm_weights)
    rows = (f"@timm:test_vit={timm_weights}", "@untrained")
    query = Query(
        "2", profile="smoke", rows=rows, targets=("dtd",), evaluation=("knn", "geometry"), store=tmp_path / "runs"
    )
    cells = PlannedTable(query).cells
    sizes = {row: cell.parts[evaluation_part("geometry")].spec for (row, _, _), cell in cells.items()}
    seen = {row: (spec.augmentation.size, spec.embedding.crop, spec.augmentation.stored) for row, spec in sizes.items()}
    assert sorted(seen.values(), key=str) == [(160, 160, "original"), (32, 32, 40)]
    store, (stage, _) = trained
    own = find_encoder(stage.key, Surroundings(store=store.root))
    assert own.recipe_or(find_profile("paper").setup().recipe) == stage.spec.recipe


def test_the_released_probe_standardises_by_the_method_of_the_encoder_and_not_by_the_row_s(trained, tmp_path):
    """Only MAE's is standardised."""
    weights = tmp_path / "weights.safetensors"
    save_file(build(Backbone(name="test_vit", library="timm")).state_dict(), weights)
    rows = ("X", f"@timm:test_vit={weights}")
    cells = PlannedTable(
        Query("2", profile="paper", rows=rows, targets=("cub",), method="mae", store=tmp_path / "runs")
    ).cells.values()
    assert [cell.evaluate.spec.standardise for cell in cells] == [True, False]
    profile, (_, (stage, _)) = find_profile("paper"), trained
    planner = Planner(profile, find_protocol("released"), Data(None, False, tmp_path), chosen=profile.setup("simclr"))
    for method, standardised in (("mae", True), ("simclr", False)):
        setup = profile.setup(method)
        named = Encoder(stage, setup.probing, recipe=setup.recipe)
        assert planner.evaluate(stage, "cub", 0, named=named).spec.standardise is standardised


def test_the_authors_encoders_are_a_row_of_a_table(authors, tmp_path):
    rows = ("X", f"@released={authors}")
    session = PlannedTable(Query("2", profile="smoke", rows=rows, targets=("cub", "cars"), store=tmp_path / "runs"))
    stage = session.cells["@released", "cub", 0].parts["evaluate"].input("encoder")
    assert stage.spec.origin == "official" and session.local == {stage.spec.sha256: str(next(authors.iterdir()))}
    assert ("@released", "cars", 0) not in session.cells and ("X", "cars", 0) in session.cells
    (row,) = (row for row in session.rows if row.id == "@released")
    assert row.title == "the authors' encoder as it is"
    assert "has no cars_resnet50" in session.obstacle(row, "cars") and session.obstacle(row, "cub") == ""


def as_a_row(root, table="2", **options):
    return PlannedTable(Query(table, **{"profile": "smoke", "targets": ("cub",), "store": root / "runs", **options}))


def test_the_authors_encoder_takes_the_place_of_the_row_that_it_is_taken_for(authors, tmp_path):
    session = as_a_row(tmp_path, encoder=f"released={authors}", targets=("cub", "cars"))
    (row,) = session.rows
    assert row.id == "X+OS_simcore_stop" and row.published is not None and not row.variant.trained
    cell = session.cells[row.id, "cub", 0]
    # Both readings of the probe, that of the protocol first, on the encoder of the file.
    assert [cell.evaluate.spec.kind, cell.parts[evaluation_part("linear-released")].spec.kind] == ["clean", "released"]
    assert cell.evaluate.input("encoder").spec.origin == "official"
    assert not any(stage.kind.name in ("pretrain", "sample") for stage in session.plan.stages)
    assert "has no cars_resnet50" in session.obstacle(row, "cars")
    notes = list(session.recipe_notes())
    assert any("not trained here but measured of released as it is" in note for note in notes)
    assert any("the stopping criterion's is assumed" in note for note in notes)
    paper = as_a_row(tmp_path, encoder=f"released={authors}", profile="paper", protocol="released")
    (cell,) = paper.cells.values()
    assert cell.evaluate.spec.kind == "released"


def test_another_encoder_is_measured_as_the_row_that_is_named(authors, tmp_path):
    weights = str(next(authors.iterdir()))
    session = as_a_row(tmp_path, encoder=weights, rows=("X", "@untrained"))
    assert [row.id for row in session.rows] == ["X", "@untrained"]
    assert session.cells["X", "cub", 0].evaluate.input("encoder").spec.origin == "official"
    values = session.values().layout
    assert [measure.name for measure in values.measures] == ["accuracy", "linear-released/accuracy"]
    knn = as_a_row(tmp_path, "table7a", encoder=weights, rows=("X_k20",))
    assert {cell.evaluate.spec.kind for cell in knn.cells.values()} == {"knn"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"name it with --rows \(now: X, "),
        ({"rows": ("X", "OS")}, r"\(now: X, OS\)"),
        ({"rows": ("@untrained",)}, r"\(now: none\)"),
        ({"rows": ("X",), "steps": (5,), "method": "byol"}, "leave out --steps, --method"),
        ({"rows": ("X",), "train": False, "coreset_metrics": True}, "leave out --no-train"),
        ({"rows": ("X",), "encoder": "nothing"}, "encoder 'nothing' is no file"),
    ],
)
def test_an_encoder_is_of_one_row_and_of_no_training(authors, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        as_a_row(tmp_path, **{"encoder": str(next(authors.iterdir())), **options})
