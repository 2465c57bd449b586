"""`export`: a trained encoder as a folder that timm loads, and whose card is true; what it refuses."""

import json
import re
import shutil
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import load_file

from benchmark.__main__ import main
from benchmark.commands.export import _network as export_network
from benchmark.commands.export._network import timm_form, write_network
from benchmark.errors import UserError
from benchmark.execution.record import write_record
from benchmark.execution.store import Store
from benchmark.methods import METHODS
from benchmark.methods._lcr import LCR
from benchmark.planning.encoders import embedding_of
from benchmark.planning.profiles import PROFILES
from benchmark.pretrain.encoder import build_encoder, load_encoder
from benchmark.specs.base import digest
from benchmark.specs.recipes import Backbone
from benchmark.training.backbones import build


@pytest.fixture
def exported(finished_small_run, tmp_path, capsys):
    """Run `export` on the small job's store: exit code, what was printed, the folder."""

    def run(key, store=None, out="out"):
        with pytest.raises(SystemExit) as end:
            main(["export", key, "--out", str(tmp_path / out), "--store", str(store or finished_small_run[1].root)])
        return end.value.code, capsys.readouterr(), tmp_path / out

    return run


@pytest.fixture
def cell(finished_small_run):
    """The cell of X and SimCore's 5 %."""
    return next(cell for cell in finished_small_run[0].plan.cells if cell.variant.name == "X+simcore(5%)")


def features(model, side=32):
    torch.manual_seed(0)
    with torch.no_grad():
        return model.eval()(torch.randn(2, 3, side, side))


def test_timm_loads_it_in_three_ways_with_the_same_features(exported, cell, finished_small_run):
    code, out, folder = exported(cell.pretrain.key[:8])
    assert code == 0 and str(folder) in out.out and len(out.out.splitlines()) == 1
    weights = str(folder / "model.safetensors")
    own_features = features(
        load_encoder(cell.pretrain.spec.recipe, finished_small_run[1].file(cell.pretrain, "encoder.safetensors"))
    )
    overlay = {"pretrained": True, "pretrained_cfg_overlay": {"file": weights}}
    for how in (overlay, {"checkpoint_path": weights}):
        assert torch.allclose(features(timm.create_model("test_resnet", num_classes=0, **how)), own_features, atol=1e-5)
    assert torch.allclose(features(timm.create_model(f"local-dir:{folder}", pretrained=True)), own_features, atol=1e-5)
    config = json.loads((folder / "config.json").read_text())
    assert config["architecture"] == "test_resnet" and config["num_features"] == own_features.shape[1]
    assert config["pretrained_cfg"]["input_size"] == [3, 32, 32] and config["pretrained_cfg"]["crop_pct"] == 32 / 36


def test_the_card_tells_what_the_records_hold(exported, cell, finished_small_run):
    _, _, folder = exported(cell.pretrain.key)
    card, store = (folder / "README.md").read_text(), finished_small_run[1]
    record, drawn, probed = (store.record(stage) for stage in (cell.pretrain, cell.sample, cell.evaluate))
    assert json.loads((folder / "record.json").read_text()) == record.to_json()
    sentences = [*record.identity["inputs"].values(), record.key, f"{record.metrics['samples']:,} images"]
    sentences += [
        f"{drawn.metrics['size']:,} images",
        "simcore",
        "budget 5%",
        f"{record.metrics['target_images']} rendered",
    ]
    sentences += ["rendered stand-in images (targets/dtd/train)", "not on photographs", "simclr", "lightly"]
    sentences += [
        f"{probed.metrics['accuracy']:.2f} %",
        f"torch {torch.__version__.partition('+')[0]}",
        "init 0, data 0",
    ]
    assert [text for text in sentences if text not in card] == []
    # Every field, those that keys leave out too.
    assert all(
        f"| {field} |" in card for field in ("augmentation.blur", "online", "optimiser.lr", "method.temperature")
    )


def test_a_label_names_a_training_and_a_coreset_its_encoder(exported, cell, finished_small_run):
    store = finished_small_run[1]
    keys = {}
    for out, name in (("a", cell.pretrain.label), ("b", cell.sample.label), ("c", cell.sample.key[:8])):
        code, _, folder = exported(name, out=out)
        assert code == 0
        keys[out] = json.loads((folder / "record.json").read_text())["key"]
    retrieval = store.record(cell.sample.input("pool")).identity["inputs"]["encoder"]
    assert keys == {"a": cell.pretrain.key, "b": retrieval, "c": retrieval} and retrieval != cell.pretrain.key


def test_the_code_of_the_card_runs(exported, cell, monkeypatch):
    _, _, folder = exported(cell.evaluate.key)
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    monkeypatch.chdir(folder)
    names = {}
    exec(code, names)
    assert names["features"].shape == (1, 96)


def written(recipe, encoder, folder):
    folder.mkdir()
    write_network(timm_form(recipe.backbone, encoder), embedding_of(recipe), folder)
    return json.loads((folder / "config.json").read_text())


def test_a_vision_transformer_keeps_its_sizes(tmp_path):
    recipe = PROFILES["smoke"].setup("mae").recipe
    assert recipe.backbone.patch_size == 8
    encoder = build_encoder(recipe)
    config = written(recipe, encoder, tmp_path / "out")
    assert config["model_args"] == {"img_size": 32, "patch_size": 8}
    weights = {"pretrained_cfg_overlay": {"file": str(tmp_path / "out" / "model.safetensors")}}
    for model in (
        timm.create_model("test_vit", pretrained=True, num_classes=0, **config["model_args"], **weights),
        timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True),
    ):
        assert torch.allclose(features(model), features(encoder), atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d"])
def test_a_resnet_of_torchvision_is_one_of_timm(tmp_path, name):
    recipe = (
        PROFILES["smoke"].setup().recipe.model_copy(update={"backbone": Backbone(name=name, library="torchvision")})
    )
    encoder = build(recipe.backbone)
    written(recipe, encoder, tmp_path / "out")
    weights = str(tmp_path / "out" / "model.safetensors")
    assert torch.allclose(
        features(timm.create_model(name, num_classes=0, checkpoint_path=weights)), features(encoder), atol=1e-4
    )


def test_of_lcr_the_inner_network_and_the_branch_are_exported(exported, new_session, run_here, tmp_path, monkeypatch):
    entry = METHODS.get("lcr")
    usual = entry.model_copy(update={"small": entry.small.model_copy(update={"stem": "imagenet"})})
    monkeypatch.setitem(METHODS._entries, "lcr", usual)
    session = new_session(tmp_path / "runs", targets=("dtd",), rows=("X",), steps=(2,), method="lcr")
    (cell,) = session.plan.cells
    run_here(session)
    assert isinstance(cell.pretrain.spec.recipe.method, LCR)
    code, _, folder = exported(cell.pretrain.key[:10], store=tmp_path / "runs")
    card = (folder / "README.md").read_text()
    assert code == 0 and "**not** in `model.safetensors`" in card and "under LCR's map" in card
    whole = load_file(session.store.file(cell.pretrain, "encoder.safetensors"))
    parts = {
        prefix + name: tensor
        for prefix, file in (("network.", "model.safetensors"), ("branch.", "branch.safetensors"))
        for name, tensor in load_file(folder / file).items()
    }
    assert parts.keys() == whole.keys() and all(torch.equal(parts[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (Backbone(name="resnet18", library="torchvision", stem="cifar"), "stem 'cifar' of resnet18 cannot be exported"),
        (Backbone(name="resnet18", library="torchvision", stem="no-maxpool"), "stem 'no-maxpool' of resnet18 cannot"),
        (Backbone(name="mobilenet_v2", library="torchvision"), "torchvision's mobilenet_v2 cannot be exported"),
        (Backbone(name="densenet121", library="torchvision"), None),
    ],
)
def test_what_timm_does_not_have_is_refused(backbone, message):
    if message is None:
        assert timm_form(backbone, build(backbone)).architecture == backbone.name
        return
    with pytest.raises(UserError, match=message):
        timm_form(backbone, build(backbone))


def test_a_network_that_computes_otherwise_is_refused(exported, cell, monkeypatch, tmp_path):
    monkeypatch.setattr(export_network, "_same_features", lambda *_: None)
    code, out, _ = exported(cell.pretrain.key)
    assert code == 2 and "computes otherwise" in out.err and list(tmp_path.iterdir()) == []


def refused(exported, tmp_path, *arguments, **places):
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = exported(*arguments, **places)
    lines = out.err.strip().splitlines()
    assert code == 2 and len(lines) == 1 and lines[0].startswith("error: ") and sorted(tmp_path.rglob("*")) == before
    return lines[0]


def test_mistakes_get_one_line_and_nothing_is_written(exported, cell, tmp_path, finished_small_run):
    assert "of eight or more digits 'abc'" in refused(exported, tmp_path, "abc")
    assert "no stage of the store" in refused(exported, tmp_path, "../../../../x")
    assert "no stage of the store" in refused(exported, tmp_path, "0123456789")
    assert "no stage of the store" in refused(exported, tmp_path, cell.pretrain.key, store=tmp_path / "absent")
    drawn = next(one for one in finished_small_run[0].plan.cells if one.variant.sampler == "random").sample
    assert "rests on no finished training" in refused(exported, tmp_path, drawn.key)
    assert "there is no folder" in refused(exported, tmp_path, cell.pretrain.key, out="absent/out")
    (tmp_path / "out").mkdir()
    assert "exists already" in refused(exported, tmp_path, cell.pretrain.key)


def test_an_unfinished_training_is_not_an_unknown_one(exported, cell, tmp_path, finished_small_run):
    store = Store(tmp_path / "runs")
    probe, key = cell.evaluate.key, cell.pretrain.key
    shutil.copytree(finished_small_run[1].folder("evaluate", probe), store.folder("evaluate", probe))
    store.scratch(cell.pretrain)
    assert "is not finished" in refused(exported, tmp_path, key[:9], store=store.root)
    store.fail(cell.pretrain, "Traceback\nDivergedError: the loss is nan at step 3", {})
    assert "it failed (DivergedError: the loss is nan at step 3)" in refused(exported, tmp_path, key, store=store.root)
    assert "rests on no finished training" in refused(exported, tmp_path, probe, store=store.root)


def test_a_damaged_encoder_is_named(exported, cell, tmp_path, finished_small_run):
    store = Store(tmp_path / "runs")
    shutil.copytree(
        finished_small_run[1].folder("pretrain", cell.pretrain.key), store.folder("pretrain", cell.pretrain.key)
    )
    (store.folder("pretrain", cell.pretrain.key) / "encoder.safetensors").write_bytes(b"half")
    line = refused(exported, tmp_path, cell.pretrain.key, store=store.root)
    assert f"pretrain {cell.pretrain.key[:12]} ({cell.pretrain.label}) is damaged" in line
    assert "encoder.safetensors is not what was written" in line


def test_a_recipe_of_another_version_is_named(exported, cell, tmp_path, finished_small_run):
    record = finished_small_run[1].record(cell.pretrain)
    identity = json.loads(json.dumps(record.identity).replace('"engine": "lightly"', '"motor": "lightly"'))
    store, key = Store(tmp_path / "runs"), digest(identity)
    shutil.copytree(finished_small_run[1].folder("pretrain", record.key), store.folder("pretrain", key))
    write_record(store.folder("pretrain", key), replace(record, identity=identity, key=key))
    assert "of another version of the suite" in refused(exported, tmp_path, key, store=store.root)
