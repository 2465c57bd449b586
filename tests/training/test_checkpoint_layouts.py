"""Checkpoints as other programs write them: read back whole, or refused with the names that do not fit."""

import argparse
import pickle
import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from benchmark.errors import UserError
from benchmark.specs.recipes import Backbone
from benchmark.training.backbones import build
from benchmark.training.checkpoint_layouts import backbone_of, read_checkpoint
from benchmark.training.foreign_weights import foreign_network

RESNET18 = Backbone(name="resnet18", library="torchvision")


@pytest.fixture(scope="module")
def weights():
    """A ResNet-18 without classifier, by torchvision's names."""
    torch.manual_seed(3)
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    return network.state_dict()


def prefixed(weights, prefix):
    return {prefix + name: tensor for name, tensor in weights.items()}


def official(weights, *, optimiser_buffers=1, heads=("head.module.fc1", "head.module.fc2", "classifier"), **more):
    """What `save_model` of the released code writes, its networks wrapped for several devices."""
    layers = {f"{head}.{name}": torch.ones(2) for head in heads for name in ("weight", "bias")}
    buffers = {f"buffer_{number}": torch.ones(2) for number in range(optimiser_buffers)}
    options = argparse.Namespace(model="resnet50", method="simclr", dataset="cub", dataset1="cub", dataset2="imagenet")
    return {
        "args": options,
        "model": prefixed(weights, "backbone.module.") | layers,
        "optimizer": {"state": {0: buffers}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "epoch": 5000,
        **more,
    }


def lightly_sequence(weights):
    """`nn.Sequential(*list(resnet.children())[:-1])`, as in lightly's tutorials."""
    places = {name: place for place, (name, _) in enumerate(torchvision.models.resnet18().named_children())}
    state = {
        f"backbone.{places[name.partition('.')[0]]}.{name.partition('.')[2]}": tensor
        for name, tensor in weights.items()
    }
    return {"state_dict": state | {"projection_head.layers.0.weight": torch.ones(2)}, "epoch": 3}


FILES = {
    "official": official,
    "official, Adam": lambda weights: official(weights, optimiser_buffers=2),
    "official, BYOL": lambda weights: official(
        weights, heads=("online_encoder.projector.net.0", "online_net.module.1.net.0", "target_encoder.module.net.0")
    ),
    "solo-learn": lambda weights: {
        "state_dict": prefixed(weights, "backbone.")
        | {f"{part}.0.weight": torch.ones(2) for part in ("projector", "classifier", "momentum_backbone")},
        "pytorch-lightning_version": "2.1.2",
    },
    "lightly": lightly_sequence,
    "lightly, whole": lambda weights: {
        "state_dict": prefixed(weights, "backbone.") | {"projection_head.layers.0.weight": torch.ones(2)}
    },
    "torchvision": lambda weights: weights | {"fc.weight": torch.ones(1000, 512), "fc.bias": torch.ones(1000)},
    "torchvision, parallel": lambda weights: {"state_dict": prefixed(weights, "module.")},
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_every_layout_gives_the_weights_that_went_in(weights, tmp_path, name):
    path = tmp_path / "file.pth"
    torch.save(FILES[name](weights), path)
    checkpoint = read_checkpoint(path)
    layout = name.partition(",")[0]
    assert checkpoint.layout.name == layout and backbone_of(checkpoint, path) == RESNET18
    loaded = foreign_network(RESNET18, layout, path).state_dict()
    assert loaded.keys() == weights.keys() and all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_a_safetensors_file_is_read_too(weights, tmp_path):
    save_file(weights, tmp_path / "file.safetensors")
    assert backbone_of(read_checkpoint(tmp_path / "file.safetensors"), tmp_path) == RESNET18


@pytest.mark.parametrize("name", ["resnet50", "resnext50_32x4d"])
def test_the_network_is_known_by_its_names_and_shapes(tmp_path, name):
    with torch.device("meta"):
        shapes = torchvision.models.get_model(name).state_dict()
    path = tmp_path / "file.pth"
    torch.save({key: torch.zeros(()).expand(tensor.shape) for key, tensor in shapes.items()}, path)
    assert backbone_of(read_checkpoint(path), path).name == name


def test_a_stem_for_small_images_is_known(tmp_path):
    small = Backbone(name="resnet18", library="torchvision", stem="cifar")
    path = tmp_path / "file.pth"
    torch.save({"state_dict": prefixed(build(small).state_dict(), "backbone.")}, path)
    assert backbone_of(read_checkpoint(path), path) == small


def test_the_picks_and_the_target_of_the_released_code_are_kept(weights, tmp_path):
    path = tmp_path / "epoch_1000.pth"
    torch.save(official(weights, indices=[5, 3, 11]), path)
    assert read_checkpoint(path).picks == (5, 3, 11) and read_checkpoint(path).target == "cub"
    torch.save(official(weights, indices="all"), path)
    with pytest.raises(UserError, match="'indices' are no list of positions"):
        read_checkpoint(path)


# What is refused ------------------------------------------------------------------------------------------------------
def test_names_that_a_layout_does_not_know_are_an_error(weights, tmp_path):
    path = tmp_path / "file.pth"
    for name, content in (
        ("solo-learn", {"state_dict": prefixed(weights, "backbone.")}),
        ("official", official(weights)),
    ):
        state = content["model"] if name == "official" else content["state_dict"]
        state |= {f"decoder.{number}.weight": torch.ones(1) for number in range(7)}
        torch.save(content, path)
        with pytest.raises(
            UserError, match=r"has no weights named decoder\.0\.weight, .*decoder\.4\.weight and 2 more"
        ):
            read_checkpoint(path)


def test_missing_and_surplus_layers_of_the_backbone_are_an_error_with_their_names(weights, tmp_path):
    path = tmp_path / "file.pth"
    lost = {name: tensor for name, tensor in weights.items() if "downsample.0" not in name}
    torch.save(official(lost | {"layer4.1.shortcut.weight": torch.ones(1)}), path)
    with pytest.raises(UserError) as error:
        backbone_of(read_checkpoint(path), path)
    text = str(error.value)
    assert "from resnet18 it differs: 3 weights are missing: layer2.0.downsample.0.weight" in text
    assert "1 weights are not the network's: layer4.1.shortcut.weight" in text and "\n" not in text
    with pytest.raises(UserError, match=r"missing: layer2\.0\.downsample\.0"):
        foreign_network(RESNET18, "official", path)


def test_a_layer_of_another_size_is_an_error_with_its_name(weights, tmp_path):
    path = tmp_path / "file.pth"
    torch.save(weights | {"conv1.weight": torch.ones(64, 3, 5, 5)}, path)
    with pytest.raises(UserError, match=r"1 weights are of another shape: conv1\.weight"):
        backbone_of(read_checkpoint(path), path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"blocks.0.attn.proj.weight": torch.ones(2)}, r"its layout is none of .* needs timm:NAME="),
        ({"epoch": 3}, "holds no weights by name"),
        ([torch.ones(2)], "holds no weights by name"),
    ],
)
def test_a_file_of_no_known_layout_is_refused(tmp_path, content, why):
    torch.save(content, tmp_path / "file.pth")
    with pytest.raises(UserError, match=why):
        read_checkpoint(tmp_path / "file.pth")


class Payload:
    def __reduce__(self):
        return print, ("run by unpickling",)


@pytest.mark.parametrize("place", ["args", "model", "optimizer", "indices"])
def test_a_file_that_would_run_code_is_refused(weights, tmp_path, capsys, place):
    hostile = official({"conv1.weight": torch.ones(1)}, indices=[1])
    hostile[place] = argparse.Namespace(model=Payload()) if place == "args" else {"weight": Payload()}
    torch.save(hostile, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=rf"checkpoint {re.escape(str(tmp_path / 'bad.pth'))} cannot be used"):
        read_checkpoint(tmp_path / "bad.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"model": Payload()}))
    with pytest.raises(UserError, match="cannot be used"):
        read_checkpoint(tmp_path / "plain.pth")
    assert "run by unpickling" not in capsys.readouterr().out


def test_a_cut_file_and_an_absent_one_are_refused(weights, tmp_path):
    torch.save(weights, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:5000])
    for name in ("cut.pth", "absent.pth", "absent.safetensors"):
        with pytest.raises(UserError, match=f"{name} cannot be used"):
            read_checkpoint(tmp_path / name)
