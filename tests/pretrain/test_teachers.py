"""Teachers, frozen layers and queues: how they move, when, and that a resumed run takes them up where they were."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from lightly.utils.scheduler import cosine_schedule
from safetensors.torch import load_file

from benchmark.methods.moco import MoCo
from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.learner import TrainingPosition, tau
from benchmark.pretrain.train import train
from benchmark.specs.recipes import EMA, SGD, AdamW, SeedAxes
from benchmark.training.image_views import SquareImages
from benchmark.training.optimisers import optimiser

EPOCHS, PER_EPOCH = 3, 5
STEPS = EPOCHS * PER_EPOCH
MOMENTS = [TrainingPosition(step, STEPS, 1 + step // PER_EPOCH, EPOCHS) for step in range(STEPS)]


def test_tau_per_step_is_solo_learns_and_lightlys_half_cosine(solo):
    from solo.utils.momentum import MomentumUpdater

    updater, ema = MomentumUpdater(0.99, 1.0), EMA(base=0.99)
    reference = []
    for moment in MOMENTS:
        updater.update_tau(moment.step, moment.steps)
        reference.append(updater.cur_tau)
    rates = [tau(ema, moment) for moment in MOMENTS]
    assert rates == pytest.approx(reference, abs=1e-12) and rates[0] == 0.99 and rates == sorted(set(rates))


def test_tau_per_step_is_lightlys_schedule_over_one_step_more():
    # lightly's ends at its last step, ours after it: solo-learn's convention.
    reference = [cosine_schedule(step, STEPS + 1, 0.9, 1.0) for step in range(STEPS)]
    assert [tau(EMA(base=0.9), moment) for moment in MOMENTS] == pytest.approx(reference, abs=1e-12)


def test_tau_per_epoch_is_constant_in_an_epoch_and_rises_between_them():
    rates = [tau(EMA(base=0.9, final=0.98, per="epoch"), moment) for moment in MOMENTS]
    expected = [0.98 - 0.08 * (np.cos(np.pi * epoch / EPOCHS) + 1) / 2 for epoch in range(EPOCHS)]
    assert rates == pytest.approx(np.repeat(expected, PER_EPOCH), abs=1e-12)
    constant = EMA(base=0.996, final=0.996)
    assert {tau(constant, moment) for moment in MOMENTS} == {0.996}


def pairs(learner):
    """(online, teacher) networks of a learner."""
    if hasattr(learner.method, "momentum_pairs"):
        return learner.method.momentum_pairs
    return [(learner.student if hasattr(learner, "student") else learner.online, learner.teacher)]


def tensors(networks, of):
    return [tensor.clone() for network in networks for tensor in getattr(network, of)()]


@pytest.mark.parametrize("buffers", ["own", "averaged"])
@pytest.mark.parametrize("kind", ["byol", "moco", "all4one"])
def test_a_teacher_averages_weights_and_buffers_as_its_spec_says(engine, small, small_methods, kind, buffers):
    if kind not in engine.methods():
        pytest.skip(f"engine {engine.name} has no {kind}")
    method = small_methods[kind].model_copy(update={"ema": EMA(base=0.75, buffers=buffers)})
    learner = engine.build(small(engine.name, method), 0)
    online, teacher = zip(*pairs(learner), strict=True)
    torch.manual_seed(1)
    for tensor in [*tensors_of(online, "parameters"), *tensors_of(online, "buffers")]:
        if tensor.dtype.is_floating_point:
            tensor.data.add_(torch.rand_like(tensor))
    before = {of: tensors(teacher, of) for of in ("parameters", "buffers")}
    students = {of: tensors(online, of) for of in ("parameters", "buffers")}
    learner.after_update(MOMENTS[0])
    for of in ("parameters", "buffers"):
        moves = of == "parameters" or buffers == "averaged"
        for now, old, latest in zip(tensors(teacher, of), before[of], students[of], strict=True):
            if not old.dtype.is_floating_point:
                continue
            expected = 0.75 * old + 0.25 * latest if moves else old
            assert torch.allclose(now, expected, atol=1e-6) and torch.equal(now, old) != moves


def tensors_of(networks, of):
    return [tensor for network in networks for tensor in getattr(network, of)()]


@pytest.mark.parametrize("kind", ["byol", "moco", "dino", "all4one"])
def test_a_teacher_begins_as_a_copy_and_learns_nothing_by_gradients(engine, small, kind):
    if kind not in engine.methods():
        pytest.skip(f"engine {engine.name} has no {kind}")
    learner = engine.build(small(engine.name, kind), 0)
    for online, teacher in pairs(learner):
        state = teacher.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in online.state_dict().items())
        assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_dinos_teacher_of_its_own_is_another_random_network(engine, small, small_methods):
    method = small_methods["dino"].model_copy(update={"teacher": "own"})
    learner = engine.build(small(engine.name, method), 0)
    for online, teacher in pairs(learner):
        pools = zip(online.named_parameters(), teacher.parameters(), strict=True)
        random = [torch.equal(a, b) for (name, a), b in pools if "weight" in name and a.ndim > 1 and "_g" not in name]
        assert random and not any(random)
        assert not any(parameter.requires_grad for parameter in teacher.parameters())


def images(n=24):
    return SquareImages.of((np.random.default_rng(0).integers(0, 256, (n, 40, 40, 3), dtype=np.uint8), None))


LAYERS = {
    ("lightly", "swav"): "prototypes.heads.0.weight",
    ("solo-learn", "swav"): "method.prototypes.weight_v",
    ("lightly", "dino"): "student.1.last_layer.weight_v",
    ("solo-learn", "dino"): "method.head.last_layer.weight_v",
}


@pytest.mark.parametrize("kind", ["swav", "dino"])
@pytest.mark.parametrize("rule", [SGD(lr=0.1, weight_decay=0.5), AdamW(lr=0.1, weight_decay=0.5)])
def test_prototypes_do_not_move_by_a_bit_while_they_are_frozen(engine, small, small_methods, kind, rule):
    method = small_methods[kind].model_copy(update={"frozen": 0.5})
    learner = engine.build(small(engine.name, method, optimiser=rule), 0).train()
    layer = dict(learner.named_parameters())[LAYERS[engine.name, kind]]
    other = next(p for p in learner.backbone.parameters() if p.ndim > 2 and p.requires_grad)
    moving = optimiser(rule, learner.groups())
    torch.manual_seed(0)
    seen, others = [], []
    for step in range(8):
        moment = TrainingPosition(step, 8, 1, 1)
        learner.begin(moment)
        loss = learner.loss(learner(torch.randn(16, 3, 32, 32), 8), moment)
        moving.zero_grad()
        loss.backward()
        learner.before_update(moment)
        moving.step()
        learner.after_update(moment)
        seen.append(layer.detach().clone())
        others.append(other.detach().clone())
    assert [torch.equal(a, b) for a, b in pairwise(seen)] == [True] * 3 + [False] * 4
    assert not any(torch.equal(a, b) for a, b in pairwise(others))


@pytest.mark.parametrize("kind", ["moco", "nnclr"])
def test_queues_are_first_in_first_out_and_in_the_state(engine, small, named, queues, midway, kind):
    learner = engine.build(small(engine.name, kind), 0)
    count, batches = len(queues(learner, kind)), []
    for step in range(3):
        rows = np.random.default_rng(step).normal(size=(16, 16))
        arrays = {"z": rows, "t": rows} if kind == "moco" else {"z": rows, "p": rows}
        batches.append(torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True)).float())
        learner.loss(named(engine.name, kind, **arrays), midway)
    # Sixteen places for batches of eight: the third took those of the first. Queue 1 holds the keys of view 2.
    views = [slice(8, 16), slice(0, 8)] if kind == "moco" else [slice(0, 8)]
    state = [tensor for tensor in learner.state_dict().values() if tensor.dtype.is_floating_point]
    for queue, view in zip(queues(learner, kind), views, strict=True):
        assert torch.allclose(queue, torch.cat([batches[2][view], batches[1][view]]), atol=1e-6)
        held = [tensor for tensor in state if tensor.shape[-2:] in ((16, 16),)]
        kept = [each for tensor in held for each in tensor.reshape(-1, 16, 16)]
        assert any(torch.equal(each, queue) or torch.equal(each.T, queue) for each in kept)
    assert count == len(views)


def test_moco_of_one_direction_has_one_queue(small, queues):
    method = MoCo(temperature=0.2, queue=16, ema=EMA(base=0.9), output=8, symmetric=False)
    assert len(queues(find_engine("lightly").build(small("lightly", method), 0), "moco")) == 1


@pytest.mark.parametrize("kind", ["moco", "byol", "swav", "dino", "nnclr", "all4one", "mae"])
def test_a_resumed_run_of_a_method_with_a_state_is_bitwise_the_unbroken_one(tmp_path, engine, small, kind):
    if kind not in engine.methods():
        pytest.skip(f"engine {engine.name} has no {kind}")
    spec, seeds = small(engine.name, kind, optimiser=AdamW(lr=1e-2)), SeedAxes(init=3, data=4)
    whole = train(spec, images(), seeds, checkpoint_dir=tmp_path / "whole")
    part = train(spec, images(), seeds, checkpoint_dir=tmp_path / "parts", stop_after=2)
    rest = train(spec, images(), seeds, checkpoint_dir=tmp_path / "parts")
    assert part.encoder is None and part.losses == whole.losses[:2] and rest.losses == whole.losses
    first, second = load_file(whole.encoder), load_file(rest.encoder)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
