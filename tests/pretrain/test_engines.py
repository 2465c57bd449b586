import importlib.util
import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmark.errors import UnknownName, UserError
from benchmark.pretrain.engines import ENGINES, Engine, find_engine, solo_learn
from benchmark.specs import SGD, Augmentation, Backbone, Cosine, Recipe, SimCLR, Steps

RESNET = Backbone(name="resnet18", library="torchvision")


def recipe(engine: str, **changes: object) -> Recipe:
    fields = {
        "engine": engine,
        "method": SimCLR(temperature=0.07),
        "backbone": RESNET,
        "augmentation": Augmentation(size=32, stored=40),
        "optimiser": SGD(lr=0.1, weight_decay=1e-4),
        "schedule": Cosine(),
        "length": Steps(steps=3),
        "batch": 8,
        "precision": "float32",
    }
    return Recipe.model_validate({**fields, **changes})


@pytest.fixture(params=["lightly", "solo-learn"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found = ENGINES.get(request.param)
    if any(importlib.util.find_spec(module) is None for module in found.modules):
        warnings.warn(f"NOT TESTED: engine {found.name}; install it with: {found.install}", stacklevel=1)
        pytest.skip(f"{found.name} is not installed: {found.install}")
    return found


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> float:
    """Chen et al. 2020, equation 1 and algorithm 1, in plain loops."""
    z = [row / row.norm() for row in torch.cat([first, second]).double()]
    n, total = len(first), 0.0
    for i, anchor in enumerate(z):
        similarity = [math.exp(float(anchor @ other) / temperature) for other in z]
        partner = (i + n) % (2 * n)
        total -= math.log(similarity[partner] / sum(s for k, s in enumerate(similarity) if k != i))
    return total / (2 * n)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_the_loss_is_the_formula(engine: Engine, temperature: float) -> None:
    learner = engine.build(recipe(engine.name, method=SimCLR(temperature=temperature)), 0)
    first, second = torch.randn(2, 6, 128, generator=torch.Generator().manual_seed(1))
    assert float(learner.contrast(first, second)) == pytest.approx(nt_xent(first, second, temperature), rel=1e-5)
    views = torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    learner.eval()
    z1, z2 = (learner(view).detach() for view in views)
    assert float(learner.loss(*views).detach()) == pytest.approx(nt_xent(z1, z2, temperature), rel=1e-4)


def test_the_head_is_linear_relu_linear_without_batchnorm(engine: Engine) -> None:
    learner = engine.build(recipe(engine.name), 0)
    layers = [layer for layer in learner.projector.modules() if not list(layer.children())]
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [tuple(layer.weight.shape) for layer in (layers[0], layers[2])] == [(512, 512), (128, 512)]
    assert layers[0].bias is not None and layers[2].bias is not None
    trained = {id(parameter) for parameter in learner.trainable()}
    assert trained == {id(p) for part in (learner.backbone, learner.projector) for p in part.parameters()}


def test_initial_weights_depend_on_the_seed_alone(engine: Engine) -> None:
    torch.manual_seed(5)
    first = engine.build(recipe(engine.name), 1).state_dict()
    torch.manual_seed(6)
    again = engine.build(recipe(engine.name, batch=4), 1).state_dict()
    other = engine.build(recipe(engine.name), 2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["backbone.conv1.weight"], other["backbone.conv1.weight"])


def test_lightly_head_with_batchnorm() -> None:
    learner = find_engine("lightly").build(recipe("lightly", method=SimCLR(temperature=0.2, batchnorm=True)), 0)
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in learner.projector.modules()) == 2


def test_a_missing_engine_is_an_error_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"engine 'solo-learn' is not installed.*pip install .*9187ea39c2c3f43c455a"):
        find_engine("solo-learn")


def test_an_unknown_engine_names_the_near_ones() -> None:
    with pytest.raises(UnknownName, match="did you mean lightly"):
        find_engine("lightning")


def test_solo_learn_refuses_what_it_cannot_do() -> None:
    pytest.importorskip("solo")
    engine = find_engine("solo-learn")
    with pytest.raises(UserError, match="no BatchNorm"):
        engine.build(recipe("solo-learn", method=SimCLR(temperature=0.2, batchnorm=True)), 0)
    with pytest.raises(UserError, match="resnet18, resnet50 only"):
        engine.build(recipe("solo-learn", backbone=Backbone(name="resnet18", library="timm")), 0)


def test_a_key_that_solo_learn_drops_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("solo")
    honest = solo_learn.resolved
    monkeypatch.setattr(
        solo_learn, "resolved", lambda method: {**honest(method), "method_kwargs": {"temperature": 0.1}}
    )
    with pytest.raises(UserError, match=r"method_kwargs.temperature: 0.1, not 0.07"):
        find_engine("solo-learn").build(recipe("solo-learn"), 0)


def test_differences_walk_into_nested_settings() -> None:
    wanted: dict[str, object] = {"a": {"b": 1, "c": 2}, "d": "x", "unread": 3}
    found: Callable[..., list[str]] = solo_learn.differences
    assert found(wanted, {"a": {"b": 1, "c": 2}, "d": "x"}) == []
    assert found(wanted, {"a": {"b": 5}, "d": "y"}) == ["a.b: 5, not 1", "d: 'y', not 'x'"]
