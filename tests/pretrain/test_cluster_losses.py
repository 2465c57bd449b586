"""The losses of SwAV, DINO and MAE against the papers' formulas in float64, and both engines against each other."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.methods.dino import DINO
from benchmark.methods.mae import MAE
from benchmark.methods.swav import SwAV
from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.learner import TrainingPosition, teacher_temperature

N, K = 6, 10


def rows(number, n=2 * N, width=K):
    return np.random.default_rng(number).normal(size=(n, width))


def softmax(logits):
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return [power / sum(powers) for power in powers]


def cross_entropy(target, logits):
    return -sum(t * math.log(s) for t, s in zip(target, softmax(logits), strict=True))


def sinkhorn(scores, epsilon, iterations):
    """SwAV, equation 3 and listing 1: every prototype gets 1/K of the batch, every row of the result sums to one."""
    q = np.exp(scores / epsilon).T
    q /= q.sum()
    for _ in range(iterations):
        for k in range(len(q)):
            q[k] /= q[k].sum() * len(q)
        for b in range(q.shape[1]):
            q[:, b] /= q[:, b].sum() * q.shape[1]
    return (q * q.shape[1]).T


def swapped(views, local, method):
    """SwAV, equations 2 and 6: each full view's code is predicted from every other crop; the mean of all pairs."""
    losses = []
    for i, view in enumerate(views):
        codes = sinkhorn(view, method.epsilon, method.iterations)
        for j, crop in enumerate([*views, *local]):
            if i != j:
                pairs = zip(codes, crop / method.temperature, strict=True)
                losses.append(np.mean([cross_entropy(*pair) for pair in pairs]))
    return np.mean(losses)


def with_local(small, engine, method, count=2):
    augmentation = {"size": 32, "stored": 40, "local": {"count": count, "size": 16}}
    return small(engine, method, augmentation=augmentation)


@pytest.mark.parametrize("changes", [{}, {"temperature": 0.3, "epsilon": 0.2, "iterations": 1}])
def test_swav_is_the_swapped_prediction_of_sinkhorns_codes(engine, small, named, midway, changes):
    method = SwAV(prototypes=K, hidden=8, output=8, **changes)
    scores, local = rows(1) / 4, rows(2) / 4
    learner = engine.build(small(engine.name, method), 0)
    loss = learner.loss(named(engine.name, "swav", p=scores), midway)
    assert loss.item() == pytest.approx(swapped([scores[:N], scores[N:]], [], method), rel=1e-5)
    learner = engine.build(with_local(small, engine.name, method), 0)
    loss = learner.loss(named(engine.name, "swav", p=scores, local=local), midway)
    expected = swapped([scores[:N], scores[N:]], [local[:N], local[N:]], method)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("frozen", [0.0, 0.5])
def test_swavs_prototypes_are_of_length_one_at_every_step_that_may_have_moved_them(small, frozen):
    """Released main_swav.py normalises them before every forward pass. Frozen ones stay as they are."""
    learner = find_engine("lightly").build(small("lightly", SwAV(prototypes=K, hidden=8, output=8, frozen=frozen)), 0)
    weights = next(learner.prototypes.parameters())
    for step in range(4):
        with torch.no_grad():
            weights.mul_(3.0)
        learner.begin(TrainingPosition(step, 4, 1 + step, 4))
        moved = step == 0 or step / 4 >= frozen
        lengths = weights.detach().double().norm(dim=1)
        assert lengths.shape == (K,)
        if moved:
            assert lengths.tolist() == pytest.approx([1.0] * K, rel=1e-5)
        else:
            assert lengths.min() > 2.9


def centre_of(learner):
    """The DINO centre of a learner, [K], as a view that can be written to."""
    criterion = learner._criterion if hasattr(learner, "_criterion") else learner.method.dino_loss_func
    return criterion.center.view(-1)


def distilled(students, teachers, centre, student_temperature, temperature):
    """DINO, equation 3 with centring (equation 4): each teacher view against every crop that is not the same view."""
    losses = []
    for i, teacher in enumerate(teachers):
        for j, student in enumerate(students):
            if i != j:
                targets = [softmax(row) for row in (teacher - centre) / temperature]
                pairs = zip(targets, student / student_temperature, strict=True)
                losses.append(np.mean([cross_entropy(*pair) for pair in pairs]))
    return np.mean(losses)


@pytest.mark.parametrize("local", [False, True])
def test_dino_is_cross_entropy_to_the_centred_sharpened_teacher(engine, small, named, local):
    method = DINO(
        prototypes=K,
        ema={"base": 0.9},
        hidden=8,
        bottleneck=8,
        student_temperature=0.2,
        teacher_temperature=(0.1, 0.3),
        warmup=0.5,
    )
    s, t, crops, centre = rows(1), rows(2), rows(3), rows(4)[0]
    recipe = with_local(small, engine.name, method) if local else small(engine.name, method)
    learner = engine.build(recipe, 0)
    moment = TrainingPosition(step=3, steps=8, epoch=2, epochs=4)
    learner.begin(moment)
    centre_of(learner).copy_(torch.from_numpy(centre))
    students = [s[:N], s[N:], *([crops[:N], crops[N:]] if local else [])]
    # Halfway through the two epochs of the warm-up: 0.2.
    expected = distilled(students, [t[:N], t[N:]], centre, 0.2, 0.2)
    arrays = {"z": s, "t": t, **({"local": crops} if local else {})}
    loss = learner.loss(named(engine.name, "dino", **arrays), moment)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    # Equation 4: the centre has moved to the mean of the teacher's outputs by a tenth, for the next step.
    assert np.allclose(centre_of(learner).numpy(), 0.9 * centre + 0.1 * t.mean(0), atol=1e-6)


def test_the_teachers_temperature_rises_linearly_over_the_warm_up():
    method = DINO(prototypes=4, ema={"base": 0.9}, teacher_temperature=(0.04, 0.08), warmup=0.4)
    epochs = [TrainingPosition(step=0, steps=10, epoch=epoch, epochs=10) for epoch in range(1, 11)]
    temperatures = [teacher_temperature(method, moment) for moment in epochs]
    assert temperatures == pytest.approx([0.04, 0.05, 0.06, 0.07] + [0.08] * 6)
    at_once = method.model_copy(update={"warmup": 0.0})
    assert [teacher_temperature(at_once, moment) for moment in epochs] == [0.08] * 10


class Fixed(torch.nn.Module):
    """In the place of a layer: gives what it was made with."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, _x):
        return self.value


PATCH, PATCHES = 8, 16


def patches_of(images):
    """[n, 16, 8 * 8 * 3]: patches row by row, in each of them pixels row by row, in each of them its colours."""
    patches = np.empty((len(images), PATCHES, PATCH * PATCH * 3))
    for n, image in enumerate(images):
        for p in range(PATCHES):
            top, left = PATCH * (p // 4), PATCH * (p % 4)
            patches[n, p] = image[:, top : top + PATCH, left : left + PATCH].transpose(1, 2, 0).ravel()
    return patches


def masked_error(learner, images, predicted, masked, monkeypatch):
    """The loss of an engine's MAE learner whose decoder said `predicted` [n, 16, d] with patches `masked` [n, m]."""
    kept = np.array([[p for p in range(PATCHES) if p not in row] for row in masked])
    there = torch.from_numpy(images).float()
    if hasattr(learner, "predict"):
        from lightly.models import utils

        zeros = np.zeros((len(images), 1), dtype=int)
        # Token 0 is the class token.
        keep, gone = np.concatenate([zeros, 1 + kept], 1), 1 + masked
        monkeypatch.setattr(
            utils, "random_token_mask", lambda *_a, **_k: (torch.from_numpy(keep), torch.from_numpy(gone))
        )
        learner.predict = Fixed(torch.from_numpy(np.take_along_axis(predicted, masked[..., None], 1)).float())
        return learner.loss(learner(there, len(images)), None).item()
    mask = np.zeros((len(images), PATCHES))
    np.put_along_axis(mask, masked, 1.0, 1)
    pred = torch.from_numpy(predicted).float()
    made = {"feats": torch.zeros(len(images), 1), "pred": pred, "mask": torch.from_numpy(mask).float()}
    return learner.loss({**made, "images": there}, SimpleNamespace(step=0)).item()


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("views", [1, 2])
def test_mae_is_the_mean_squared_error_of_the_masked_patches(engine, small, monkeypatch, normalise, views):
    method = MAE(width=16, depth=1, heads=2, normalise=normalise)
    recipe = small(engine.name, method, augmentation={"size": 32, "stored": 40, "views": views})
    images = rows(1, 4, 3 * 32 * 32).reshape(4, 3, 32, 32)
    predicted = rows(2, 4, PATCHES * 192).reshape(4, PATCHES, 192)
    masked = np.stack([np.random.default_rng(n).permutation(PATCHES)[:12] for n in range(4)])
    target, total = patches_of(images), 0.0
    for n in range(4):
        for p in masked[n]:
            expected = target[n, p]
            if normalise:
                expected = (expected - expected.mean()) / math.sqrt(expected.var(ddof=1) + 1e-6)
            total += np.mean((predicted[n, p] - expected) ** 2)
    error = masked_error(engine.build(recipe, 0), images, predicted, masked, monkeypatch)
    assert error == pytest.approx(total / (4 * 12), rel=1e-5)


def test_mae_hides_the_share_of_the_patches_that_it_says(engine, small):
    learner = engine.build(small(engine.name, MAE(mask=0.5, width=16, depth=1, heads=2)), 0)
    seen = []
    blocks = learner.backbone.blocks[0]
    blocks.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[1]))
    learner.train()(torch.zeros(2, 3, 32, 32), 2)
    # Half of the sixteen patches and the class token.
    assert seen == [9]
