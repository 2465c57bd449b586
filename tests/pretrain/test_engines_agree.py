"""Two engines, one loss; and the hand-made outputs of the other tests have the names that forward gives."""

import numpy as np
import pytest
import torch

from benchmark.pretrain.engines import ENGINES, find_engine

SHARED = sorted(set(find_engine("lightly").methods()) & set(ENGINES.get("solo-learn").methods()))
WIDTHS = {"swav": 10, "dino": 10}
PARTS = {"byol": "pt", "moco": "zt", "dino": "zt", "simsiam": "zp", "nnclr": "zp", "swav": "p"}
LEARNS = {
    "lightly": {
        "moco": "query",
        "dino": "student",
        "swav": "scores",
        **dict.fromkeys(("byol", "simsiam", "nnclr"), "p"),
    },
    "solo-learn": dict.fromkeys(("byol", "simsiam", "nnclr", "swav"), "p"),
}
"""Which output a gradient reaches."""
N = 8


def arrays(kind, seed=1):
    random = np.random.default_rng(seed)
    return {name: random.normal(size=(2 * N, WIDTHS.get(kind, 16))) / 3 for name in PARTS.get(kind, "z")}


def test_the_engines_share_all_methods_but_one():
    assert (
        sorted(["simclr", "moco", "byol", "simsiam", "swav", "dino", "mae", "barlow-twins", "vicreg", "nnclr"])
        == SHARED
    )
    assert set(ENGINES.get("solo-learn").methods()) - set(SHARED) == {"all4one"}


@pytest.mark.parametrize("kind", [kind for kind in SHARED if kind != "mae"])
def test_both_engines_give_the_same_losses_and_gradients_step_by_step(solo, small, named, queues, midway, kind):
    """MAE's is held to one formula by both engines in its own test. Three steps: queues and centres move alike."""
    losses, gradients = [], []
    for engine in (find_engine("lightly"), solo):
        learner = engine.build(small(engine.name, kind), 0)
        learner.begin(midway)
        if kind in ("moco", "nnclr"):
            for number, queue in enumerate(queues(learner, kind)):
                old = np.random.default_rng(number).normal(size=queue.shape)
                queue.copy_(queue.new_tensor(old / np.linalg.norm(old, axis=1, keepdims=True)))
        for step in range(3):
            outputs = named(engine.name, kind, **arrays(kind, step))
            loss = learner.loss(outputs, midway)
            losses.append(loss.item())
            gradients.append(torch.autograd.grad(loss, outputs[LEARNS[engine.name].get(kind, "z")])[0])
    assert losses[:3] == pytest.approx(losses[3:], rel=1e-5) and len(set(losses[:3])) == 3
    # A tangent to the sphere, where one engine normalises in forward and the other in the loss.
    if kind != "moco":
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(gradients[:3], gradients[3:], strict=True))
        assert all(gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("kind", [kind for kind in SHARED if kind != "mae"])
def test_forward_gives_what_the_loss_is_fed_with_here(engine, small, named, kind):
    local = kind in ("swav", "dino") or (kind, engine.name) == ("byol", "solo-learn")
    augmentation = {"size": 32, "stored": 40, "local": {"count": 2, "size": 32} if local else None}
    learner = engine.build(small(engine.name, kind, augmentation=augmentation), 0)
    views = torch.randn(2 * N, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    made = learner(views, N, views[:N].repeat(2, 1, 1, 1) if local else None)
    handmade = named(engine.name, kind, **arrays(kind), **({"local": arrays(kind)[PARTS[kind][0]]} if local else {}))
    assert set(handmade) <= set(made)
    for name in [name for name, tensor in handmade.items() if tensor.shape[1] > 1]:
        assert made[name].shape == handmade[name].shape
        # Projections are normalised in forward where `named` says so, and only there.
        norms = made[name].norm(dim=1), handmade[name].norm(dim=1)
        unit = [torch.allclose(each, torch.ones(len(each)), atol=1e-5) for each in norms]
        assert unit[0] == unit[1], name
