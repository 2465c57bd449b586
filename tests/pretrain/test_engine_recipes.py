"""Every field of every method arrives in what an engine builds. A field added without a reading here fails the test.

Readings look at layers, losses and behaviour, never at the spec that a learner keeps.
"""

import math

import pytest
import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.pretrain.learner import TrainingPosition
from benchmark.specs.recipes import EMA

CHANGED = {
    "simclr": {"temperature": 0.3, "hidden": 20, "output": 12, "batchnorm": True},
    "moco": {"temperature": 0.3, "queue": 32, "layers": 1, "hidden": 20, "output": 12, "symmetric": False},
    "byol": {"hidden": 20, "output": 12, "predictor": 28},
    "simsiam": {"hidden": 20, "output": 12, "predictor": 28},
    "swav": {"prototypes": 7, "hidden": 20, "output": 12, "temperature": 0.3, "epsilon": 0.2, "iterations": 5}
    | {"frozen": 0.5},
    "dino": {"prototypes": 7, "hidden": 20, "bottleneck": 14, "batchnorm": True, "norm_last_layer": False}
    | {"student_temperature": 0.3, "teacher_temperature": (0.1, 0.2), "warmup": 0.3, "centre_momentum": 0.5}
    | {"frozen": 0.5, "drop_path": 0.2, "teacher": "own", "probed": "student"},
    "mae": {"mask": 0.5, "normalise": True, "width": 24, "depth": 2, "heads": 4},
    "barlow-twins": {"hidden": 20, "output": 12, "off_diagonal": 0.1, "scale": 0.5},
    "vicreg": {"hidden": 20, "output": 12, "invariance": 3.0, "variance": 5.0, "covariance": 7.0},
    "nnclr": {"temperature": 0.3, "queue": 32, "hidden": 20, "output": 12, "predictor": 28},
    "all4one": {"temperature": 0.3, "queue": 32, "hidden": 20, "output": 24, "predictor": 28, "transformer_lr": 0.5},
}
TEACHERS = {"base": 0.75, "final": 0.95, "per": "epoch", "buffers": "averaged"}
SOLO_REFUSES = {("simclr", "batchnorm"), ("moco", "layers"), ("moco", "symmetric"), ("dino", "centre_momentum")}


def linears(module):
    return [layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear)]


def head(module, **more):
    widths = linears(module)
    return {"hidden": widths[0], "output": widths[-1], **more}


def has_batchnorm(module):
    return any(isinstance(layer, nn.BatchNorm1d) for layer in module.modules())


def frozen(learner, layer):
    """The share of the training up to which `layer` gets no gradient."""
    weight = next(p for p in layer.parameters() if p.requires_grad)
    for step in range(11):
        weight.grad = torch.ones_like(weight)
        learner.before_update(TrainingPosition(step, 10, 1, 1))
        if weight.grad is not None:
            return step / 10
    return 1.0


def temperatures(learner):
    """DINO's teacher's temperature in each of ten epochs, as it reaches the loss."""
    passed = []
    criterion = getattr(learner, "_criterion", None)
    if criterion is not None:
        criterion.register_forward_pre_hook(
            lambda _m, _a, named: passed.append(named["teacher_temp"]), with_kwargs=True
        )
    for epoch in range(1, 11):
        moment = TrainingPosition(0, 10, epoch, 10)
        learner.begin(moment)
        if criterion is None:
            loss = learner.method.dino_loss_func
            passed.append(loss.teacher_temp_schedule[loss.epoch])
        else:
            width = linears(learner.student[1])[-1]
            learner.loss({"student": torch.zeros(4, width), "teacher": torch.zeros(4, width)}, moment)
    return passed


def drop_path(network):
    return max((getattr(layer, "drop_prob", 0.0) or 0.0 for layer in network.modules()), default=0.0)


def dino(learner, student, teacher, criterion):
    rates = temperatures(learner)
    same = all(torch.equal(a, b) for a, b in zip(student.parameters(), teacher.parameters(), strict=True))
    assert drop_path(teacher) == 0.0
    return {
        "prototypes": linears(student[1])[-1],
        "hidden": linears(student[1])[0],
        "bottleneck": linears(student[1])[-2],
        "batchnorm": has_batchnorm(student[1]),
        "norm_last_layer": not student[1].last_layer.weight_g.requires_grad,
        "student_temperature": criterion.student_temp,
        "teacher_temperature": (rates[0], rates[-1]),
        "warmup": rates.index(rates[-1]) / 10,
        "centre_momentum": criterion.center_momentum,
        "frozen": frozen(learner, student[1].last_layer),
        "drop_path": drop_path(student[0]),
        "teacher": "copy" if same else "own",
        "probed": "teacher" if learner.encoder() is teacher[0] else "student",
    }


def mae(learner, width, decoder):
    kept = []
    hook = learner.backbone.blocks[0].register_forward_pre_hook(lambda _m, inputs: kept.append(inputs[0].shape[1] - 1))
    # A patch of one colour is nothing once it is normalised, and far from every prediction otherwise.
    with torch.no_grad():
        loss = learner.loss(learner.train()(torch.full((4, 3, 32, 32), 100.0), 2), TrainingPosition(0, 1, 1, 1))
    hook.remove()
    blocks = getattr(decoder, "decoder_blocks", None) or decoder.blocks
    return {
        "mask": 1 - kept[0] / 16,
        "normalise": loss.item() < 1000,
        "width": width,
        "depth": len(blocks),
        "heads": blocks[0].attn.num_heads,
    }


def of_lightly(learner, kind):
    """The fields of a method read from a learner of lightly."""
    if kind == "simclr":
        projector = learner.projector
        return head(projector, temperature=learner.criterion.temperature, batchnorm=has_batchnorm(projector))
    if kind == "moco":
        criterion, layers = learner.criteria[0], len(linears(learner.online[1]))
        more = {"layers": layers, "symmetric": len(learner.criteria) == 2}
        queue = criterion.memory_bank.bank.shape[0]
        return head(learner.online[1], temperature=criterion.temperature, queue=queue, **more)
    if kind == "byol":
        return head(learner.online[1], predictor=linears(learner.predictor)[0])
    if kind == "simsiam":
        return head(learner.projector, predictor=linears(learner.predictor)[0])
    if kind == "swav":
        loss, layer = learner._criterion, learner.prototypes
        more = {"epsilon": loss.sinkhorn_epsilon, "iterations": loss.sinkhorn_iterations}
        more |= {"prototypes": linears(layer)[0], "frozen": frozen(learner, layer), "temperature": loss.temperature}
        return head(learner.projector, **more)
    if kind == "dino":
        return dino(learner, learner.student, learner.teacher, learner._criterion)
    if kind == "mae":
        return mae(learner, learner.embed.out_features, learner.decoder)
    if kind == "barlow-twins":
        return head(learner.projector, off_diagonal=learner.criterion.lambda_param, scale=learner.scale)
    if kind == "vicreg":
        loss = learner.criterion
        weights = {"invariance": loss.lambda_param, "variance": loss.mu_param, "covariance": loss.nu_param}
        return head(learner.projector, **weights)
    # Two rows, each its own neighbour: the loss is log(1 + exp(-1 / temperature)).
    loss = learner._contrast(torch.eye(2).double(), torch.eye(2).double()).item()
    more = {"temperature": -1 / math.log(math.exp(loss) - 1), "queue": learner.queue.bank.shape[0]}
    return head(learner.projector, predictor=linears(learner.predictor)[0], **more)


def of_solo_learn(learner, kind):
    """The fields of a method read from a learner of solo-learn: what its training step uses."""
    built = learner.method
    if kind == "dino":
        student = nn.Sequential(built.backbone, built.head)
        return dino(learner, student, nn.Sequential(built.momentum_backbone, built.momentum_head), built.dino_loss_func)
    if kind == "mae":
        return mae(learner, built.decoder.decoder_embed.out_features, built.decoder)
    fields = head(built.projector)
    if kind in ("byol", "simsiam", "nnclr", "all4one"):
        fields["predictor"] = linears(built.predictor)[0]
    if kind in ("simclr", "moco", "nnclr", "all4one", "swav"):
        fields["temperature"] = built.temperature
    if kind in ("moco", "nnclr", "all4one"):
        fields["queue"] = built.queue.shape[-1 if kind == "moco" else 0]
    if kind == "all4one":
        weight = next(built.transformer_encoder.parameters())
        (group,) = (group for group in learner.groups() if any(weight is each for each in group["params"]))
        fields["transformer_lr"] = group["lr"]
    if kind == "swav":
        fields |= {"epsilon": built.sk.epsilon, "iterations": built.sk.num_iters}
        fields |= {"prototypes": built.prototypes.out_features, "frozen": frozen(learner, built.prototypes)}
    if kind == "barlow-twins":
        fields |= {"off_diagonal": built.lamb, "scale": built.scale_loss}
    if kind == "vicreg":
        # It sums the variance terms of the views, whose mean is the method's.
        fields |= {"invariance": built.sim_loss_weight, "variance": 2 * built.var_loss_weight}
        fields["covariance"] = built.cov_loss_weight
    if kind == "simclr":
        fields["batchnorm"] = has_batchnorm(built.projector)
    if kind == "moco":
        fields |= {"layers": len(linears(built.projector)), "symmetric": built.queue.shape[0] == 2}
    return fields


def moved(learner):
    """(tau, tau of the buffers) at a moment: a teacher of zeros after a step beside an online network of ones."""
    pairs = learner.method.momentum_pairs if hasattr(learner.method, "momentum_pairs") else [_pair(learner)]
    online, teacher = pairs[0]

    def at(moment):
        for value, network in ((0.0, teacher), (1.0, online)):
            for tensor in [*network.parameters(), *network.buffers()]:
                if tensor.dtype.is_floating_point:
                    tensor.data.fill_(value)
        learner.after_update(moment)
        weight = 1 - next(teacher.parameters()).flatten()[0].item()
        buffers = {1 - buffer.flatten()[0].item() for buffer in teacher.buffers() if buffer.dtype.is_floating_point}
        return weight, (buffers.pop() if buffers else None)

    return at


def _pair(learner):
    return (learner.student if hasattr(learner, "student") else learner.online), learner.teacher


def of_teacher(learner):
    at = moved(learner)
    start, buffers = at(TrainingPosition(0, 10, 1, 10))
    averaged = None if buffers is None else ("averaged" if buffers != 1.0 else "own")
    # In the middle of the first epoch: per epoch nothing has moved yet.
    per = "epoch" if at(TrainingPosition(5, 10, 1, 10))[0] == pytest.approx(start) else "step"
    end = at(TrainingPosition(10, 10, 11, 10))[0]
    return {"base": pytest.approx(start), "final": pytest.approx(end), "per": per, "buffers": averaged}


@pytest.fixture
def read(engine):
    return of_lightly if engine.name == "lightly" else of_solo_learn


def alike(actual, expected):
    return actual.keys() == expected.keys() and all(
        value == pytest.approx(expected[name]) for name, value in actual.items()
    )


@pytest.fixture
def specs(small_methods):
    """With a warm-up, without which one of its two temperatures shows nowhere."""
    return {**small_methods, "dino": small_methods["dino"].model_copy(update={"warmup": 0.5})}


def test_there_is_a_change_and_a_reading_for_every_field(engine, small, specs, read):
    for kind in engine.methods():
        spec = specs[kind]
        fields = set(type(spec).model_fields) - {"kind", "ema"}
        assert set(CHANGED[kind]) == fields, kind
        assert all(getattr(spec, name) != value for name, value in CHANGED[kind].items()), kind
        assert set(read(engine.build(small(engine.name, spec), 0), kind)) == fields, kind
    assert set(TEACHERS) == set(EMA.model_fields)


@pytest.mark.parametrize("kind", CHANGED)
def test_every_field_of_a_method_arrives_and_moves_no_other(engine, small, specs, read, kind):
    if kind not in engine.methods():
        pytest.skip(f"engine {engine.name} has no {kind}")
    spec = specs[kind]
    before = read(engine.build(small(engine.name, spec), 0), kind)
    assert alike(before, {name: getattr(spec, name) for name in before})
    for name, value in CHANGED[kind].items():
        changed = spec.model_copy(update={name: value})
        if engine.name == "solo-learn" and (kind, name) in SOLO_REFUSES:
            with pytest.raises(UserError, match=r"solo-learn's \w+ .*; use engine lightly"):
                engine.build(small(engine.name, changed), 0)
            continue
        after = read(engine.build(small(engine.name, changed), 0), kind)
        if (kind, name) == ("moco", "layers"):
            # A head of one layer has no hidden units: what is read as their number is its output's.
            after["hidden"] = before["hidden"]
        assert alike(after, {**before, name: value}), name


@pytest.mark.parametrize("kind", ["moco", "byol", "dino", "all4one"])
@pytest.mark.parametrize("field", TEACHERS)
def test_every_field_of_a_teacher_arrives(engine, small, small_methods, kind, field):
    if kind not in engine.methods():
        pytest.skip(f"engine {engine.name} has no {kind}")
    ema = EMA(base=0.5, final=0.875).model_copy(update={field: TEACHERS[field]})
    spec = small_methods[kind].model_copy(update={"ema": ema})
    fields = of_teacher(engine.build(small(engine.name, spec), 0))
    if fields["buffers"] is None:
        assert kind == "dino"
        fields["buffers"] = ema.buffers
    assert fields == ema.model_dump()
