"""LCR's fit to the GradCAM of the loss of its inner method, with every switch, in float64 numpy."""

import numpy as np
import pytest
import torch

from benchmark.methods._lcr import LCR
from benchmark.pretrain.lcr import RationaleLearner

SWITCHES = {
    "nu": 0.5,
    "sign": "-",
    "weights": "gap",
    "target": "minmax",
    "softmax": "all",
    "temperature": 0.4,
    "detach": True,
    "map": "image",
}
N, C, H, W = 3, 96, 4, 5


def scaled(maps, axes):
    moved = maps - maps.min(axes, keepdims=True)
    return moved / (1e-7 + moved.max(axes, keepdims=True))


def softmax(a):
    powers = np.exp(a - a.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def cam(features, gradient, method):
    weights = gradient.mean((2, 3), keepdims=True) if method.weights == "gap" else gradient
    activation = np.maximum((features * weights).sum(1) * (1 if method.sign == "+" else -1), 0)
    return scaled(activation, (1, 2)) if method.target == "minmax" else activation


def fit(target, branch, method):
    """KL(target || branch), summed; of rows of a map or of whole maps."""
    axes = {"batch": (0, 1, 2), "image": (1, 2)}.get(method.map)
    maps = branch if axes is None else scaled(branch, axes)
    pair = (a if method.softmax == "row" else a.reshape(N, -1) for a in (target, maps))
    p, q = (softmax(a / method.temperature) for a in pair)
    return float((p * np.log(p / q)).sum())


def arrays():
    random = np.random.default_rng(0)
    return random.normal(size=(N, C, H, W)), random.normal(size=(N, C, H, W))


class Inner(torch.nn.Module):
    """A loss that is linear in the feature map, so that its gradient is given."""

    def __init__(self, features, gradient):
        super().__init__()
        self.features, self.gradient = features, gradient

    def loss(self, _outputs, _moment):
        return (self.features * self.gradient).sum()

    def statistics(self):
        return {}


def learner_of(engine, small, small_methods, **switches):
    method = LCR(inner=small_methods["byol"], projections=6, **switches)
    return engine.build(small(engine.name, method), 0), method


CASES = [{}, *({name: value} for name, value in SWITCHES.items()), {"map": "none"}, {**SWITCHES}]


def test_every_field_has_a_case():
    assert set(SWITCHES) == set(LCR.model_fields) - {"kind", "inner", "projections"}


@pytest.mark.parametrize("switches", CASES, ids=lambda case: "-".join(case) or "released")
def test_the_loss_is_the_inner_one_and_the_fit_to_its_gradcam(engine, small, small_methods, midway, switches):
    learner, method = learner_of(engine, small, small_methods, **switches)
    assert isinstance(learner, RationaleLearner)
    f, g = arrays()
    features = torch.from_numpy(f).float().requires_grad_()
    learner.inner = Inner(features, torch.from_numpy(g / 10).float())
    learner._watched.features, learner._first = features, N
    branch = learner.rationale.branch
    assert branch.project.out_channels == 6
    projected = np.einsum("kc,nchw->nkhw", branch.project.weight.detach().double().numpy()[..., 0, 0], f)
    over = (0, 2, 3)
    normal = (projected - projected.mean(over, keepdims=True)) / np.sqrt(projected.var(over, keepdims=True) + 1e-5)
    # BYOL's loss here is four times LCR's, both ways summed instead of the mean of -cos.
    share = 0.25 if method.inner.kind == "byol" else 1.0
    expected = fit(cam(f, share * g / 10, method), np.maximum(normal, 0).max(1), method)
    loss = learner.train().loss({}, midway)
    inner = share * float((f * g / 10).sum())
    assert loss.item() == pytest.approx(inner + method.nu * expected, rel=1e-4)
    assert learner.statistics()["fit_loss"] == pytest.approx(expected, rel=1e-3)
    target = learner.gradcam(features, torch.from_numpy(g).float())
    assert target.requires_grad != method.detach
