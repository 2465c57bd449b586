"""Weights that this suite did not write are held to the network's names: no layer is silently left random."""

import hashlib
import pickle

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from timm.models import _builder

from benchmark.errors import UserError
from benchmark.execution.store import Store
from benchmark.execution.task import Task
from benchmark.images.data import Data
from benchmark.planning.encoders import find_encoder
from benchmark.specs.recipes import MEAN, STD, Backbone
from benchmark.specs.stages import Stage
from benchmark.stages.frozen import KIND, FrozenEncoder, run
from benchmark.training import foreign_weights

PROJECTIONS = tuple(f"blocks.{block}.attn.proj" for block in (0, 1, 2, 5))


@pytest.fixture
def frozen(tmp_path):
    """Run stage `frozen` on a file in timm's form: the weights that it wrote."""

    def run_on(file, name="test_vit"):
        encoder = find_encoder(f"timm:{name}={file}")
        (tmp_path / "out").mkdir()
        run(
            Task(encoder.stage, Store(tmp_path), Data(None, True, tmp_path), "cpu", local=encoder.local),
            tmp_path / "out",
        )
        return load_file(tmp_path / "out" / "encoder.safetensors")

    return run_on


def whole(name="test_vit", **options):
    torch.manual_seed(5)
    return timm.create_model(name, **options).state_dict()


def without(weights, layers):
    return {name: tensor for name, tensor in weights.items() if name.rpartition(".")[0] not in layers}


def test_four_missing_projection_layers_are_an_error_with_their_names(frozen, tmp_path):
    torch.save(without(whole(), PROJECTIONS), tmp_path / "four.pth")
    # What this guards against: timm, asked for no classifier, leaves the four at their random weights.
    overlay = {"file": str(tmp_path / "four.pth")}
    timm.create_model("test_vit", pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay)
    with pytest.raises(UserError, match="8 weights of 4 layers are missing") as error:
        frozen(tmp_path / "four.pth")
    assert all(name in str(error.value) for name in PROJECTIONS) and "\n" not in str(error.value)
    assert not (tmp_path / "out" / "encoder.safetensors").exists()


@pytest.mark.parametrize("classifier", ["head", "fc"])
def test_a_classifier_may_be_there(frozen, tmp_path, classifier):
    weights = without(whole(), ("head",)) | {
        f"{classifier}.weight": torch.ones(7, 64),
        f"{classifier}.bias": torch.ones(7),
    }
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}}, tmp_path / "file.pth")
    loaded = frozen(tmp_path / "file.pth")
    expected = without(weights, ("head", "fc"))
    assert loaded.keys() == expected.keys() and all(torch.equal(loaded[name], expected[name]) for name in loaded)


def test_the_classifier_that_timm_names_may_be_there(frozen, tmp_path):
    weights = whole("test_convnext")
    assert "head.fc.weight" in weights
    save_file(weights, tmp_path / "file.safetensors")
    assert "head.fc.weight" not in frozen(tmp_path / "file.safetensors", "test_convnext")


def test_other_layers_and_shapes_are_an_error_with_their_names(frozen, tmp_path):
    extra = {f"decoder.{number}.weight": torch.ones(2) for number in range(7)}
    save_file({**whole(), **extra, "norm.weight": torch.ones(3)}, tmp_path / "more.safetensors")
    with pytest.raises(UserError) as error:
        frozen(tmp_path / "more.safetensors")
    assert "7 weights of 7 layers are not the network's: decoder.0, " in str(error.value)
    assert "decoder.4 and 2 more" in str(error.value) and "1 weights of 1 layers are of another shape: norm" in str(
        error.value
    )


class Payload:
    def __reduce__(self):
        return print, ("run by unpickling",)


def test_a_file_that_would_run_code_is_refused(frozen, tmp_path, capsys):
    torch.save({"weights": Payload()}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="weights_only=True blocked"):
        frozen(tmp_path / "bad.pth")
    (tmp_path / "out").rmdir()
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(UserError, match="cannot be used"):
        frozen(tmp_path / "plain.pth")
    assert "run by unpickling" not in capsys.readouterr().out


@pytest.fixture
def hub(monkeypatch):
    """What timm gets from the Hub instead of its own weights."""

    def hold(weights):
        monkeypatch.setattr(foreign_weights, "_hub_answers", lambda: True)
        monkeypatch.setattr(_builder, "load_state_dict_from_hf", lambda *_, **__: dict(weights))

    return hold


def run_hub(folder, name):
    spec = FrozenEncoder(backbone=Backbone(name=name, library="timm"), origin="timm", sha256=None, mean=MEAN, std=STD)
    run(Task(Stage(KIND, spec, (), name), Store(folder), Data(None, True, folder), "cpu"), folder)
    return load_file(folder / "encoder.safetensors")


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_convnext", "test_efficientnet"])
def test_weights_of_timm_lose_their_classifier_and_nothing_else(hub, tmp_path, name):
    weights = whole(name)
    hub(weights)
    loaded = run_hub(tmp_path, name)
    assert loaded.keys() == whole(name, num_classes=0).keys()
    assert all(torch.equal(loaded[key], weights[key]) for key in loaded)


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_weights_are_those_of_the_cache(tmp_path, monkeypatch, offline):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    # Nothing listens at this port.
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(_builder, "load_state_dict_from_hf", lambda *_, **__: pytest.fail("a download was begun"))
    with pytest.raises(UserError, match=r"weights of resnet18 are not on this machine, and the Hub .* does not answer"):
        run_hub(tmp_path, "resnet18")
    repository = tmp_path / "models--timm--resnet18.a1_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("1" * 40)
    (repository / "snapshots" / ("1" * 40)).mkdir(parents=True)
    (repository / "snapshots" / ("1" * 40) / "model.safetensors").touch()
    foreign_weights.check_obtainable("resnet18")


def test_weights_of_timm_that_lack_layers_are_an_error(hub, tmp_path):
    hub(without(whole(), PROJECTIONS))
    with pytest.raises(UserError, match=r"of 4 layers are missing: blocks\.0\.attn\.proj"):
        run_hub(tmp_path, "test_vit")


def test_weights_of_this_suite_are_held_to_their_names_too(tmp_path):
    save_file(without(whole("test_resnet", num_classes=0), ("layer1.0.conv1",)), tmp_path / "lost.safetensors")
    digest = hashlib.sha256((tmp_path / "lost.safetensors").read_bytes()).hexdigest()
    spec = FrozenEncoder(
        backbone=Backbone(name="test_resnet", library="timm"), origin="suite", sha256=digest, mean=MEAN, std=STD
    )
    stage = Stage(KIND, spec, (), "lost")
    local = {digest: str(tmp_path / "lost.safetensors")}
    with pytest.raises(UserError, match=r"1 weights of 1 layers are missing: layer1\.0\.conv1"):
        run(Task(stage, Store(tmp_path), Data(None, True, tmp_path), "cpu", local=local), tmp_path)
