"""Weights of torchvision under timm's names: the same features, or a line that says where the two differ."""

import sys

import pytest
import torch
from torchvision.models import get_model

from benchmark.errors import UserError
from benchmark.specs.recipes import Backbone
from benchmark.training.foreign_weights import foreign_network
from scripts import torchvision_to_timm
from scripts.torchvision_to_timm import convert

NAME, TORCHVISION = "mobilenetv2_100", "mobilenet_v2"


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    return get_model(TORCHVISION, num_classes=7).eval()


def test_the_file_gives_the_features_of_the_original(original, tmp_path, monkeypatch, capsys):
    torch.save({"state_dict": original.state_dict()}, tmp_path / "weights.pth")
    out = tmp_path / "weights.safetensors"
    arguments = ["", NAME, str(tmp_path / "weights.pth"), str(out), "--torchvision", TORCHVISION]
    monkeypatch.setattr(sys, "argv", arguments)
    torchvision_to_timm.main()
    assert "outputs equal those of torchvision's mobilenet_v2" in capsys.readouterr().out
    network = foreign_network(Backbone(name=NAME, library="timm"), "file", out)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        features = original.features(image).mean((2, 3))
        assert torch.allclose(network.eval()(image), features, rtol=1e-3, atol=1e-4)


def test_layers_of_one_shape_in_another_order_are_seen_by_their_outputs(original):
    state = dict(original.state_dict())
    first, second = "features.8.conv.0.0.weight", "features.9.conv.0.0.weight"
    # The pairing goes by order: with these two exchanged every shape still fits.
    names = list(state)
    places = {first: second, second: first}
    exchanged = {places.get(name, name): state[places.get(name, name)] for name in names}
    with pytest.raises(UserError, match="all shapes fit, but timm's mobilenetv2_100 computes otherwise"):
        convert(NAME, exchanged, TORCHVISION)


@pytest.mark.parametrize(
    ("name", "message"),
    [("resnet18", r"features.0.0.weight \(32, 3, 3, 3\) stands where conv1.weight"), ("absent", "timm has no network")],
)
def test_what_does_not_fit_is_named(original, name, message):
    with pytest.raises(UserError, match=message):
        convert(name, original.state_dict(), "")


def test_a_file_that_lacks_tensors_is_refused(original):
    state = dict(list(original.state_dict().items())[:-2])
    state["classifier.1.weight"] = original.state_dict()["classifier.1.weight"]
    with pytest.raises(UserError, match="the file has 261 tensors and the network 262"):
        convert(NAME, state, "")
