"""Fields of backbones, crops, optimisers and schedules arrive; rates are the recipe's, step by step of a real run."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.errors import UserError
from benchmark.methods._lcr import LCR
from benchmark.pretrain import train as training
from benchmark.pretrain.engines import find_engine
from benchmark.specs.recipes import LARS, SGD, Adam, AdamW, Augmentation, Backbone, Cosine, SeedAxes
from benchmark.training.image_views import SquareImages
from benchmark.training.loader import Feed
from benchmark.training.optimisers import optimiser
from benchmark.training.schedule import course, learning_rate

BACKBONES = {
    "name": Backbone(name="test_convnext", library="timm"),
    "library": Backbone(name="resnet18", library="torchvision"),
    "image_size": Backbone(name="test_vit", library="timm", image_size=64, patch_size=8),
    "patch_size": Backbone(name="test_vit", library="timm", image_size=32, patch_size=4),
    "stem": Backbone(name="resnet18", library="torchvision", stem="cifar"),
    "drop_path": Backbone(name="test_vit", library="timm", image_size=32, patch_size=8, drop_path=0.25),
}


def read(network, field):
    if field == "name":
        return type(network).__name__
    if field == "library":
        return type(network).__module__.partition(".")[0]
    if field == "stem":
        return network.conv1.kernel_size, isinstance(network.maxpool, nn.Identity)
    if field == "drop_path":
        return max(getattr(layer, "drop_prob", None) or 0.0 for layer in network.modules())
    return getattr(network.patch_embed, {"image_size": "img_size"}.get(field, field))


BACKBONE_VALUES = {"name": "ConvNeXt", "library": "torchvision", "image_size": (64, 64), "patch_size": (4, 4)}
BACKBONE_VALUES |= {"stem": ((3, 3), True), "drop_path": 0.25}


def test_every_field_of_a_backbone_arrives(engine, small):
    assert set(BACKBONES) == set(Backbone.model_fields)
    before = {"image_size": (32, 32), "patch_size": (8, 8), "stem": ((7, 7), False), "drop_path": 0.0}
    vit = Backbone(name="test_vit", library="timm", image_size=32, patch_size=8)
    plain = {"stem": BACKBONES["library"], "image_size": vit, "patch_size": vit, "drop_path": vit}
    for field, spec in BACKBONES.items():
        built = engine.build(small(engine.name, "simclr", backbone=spec), 0).backbone
        assert read(built, field) == BACKBONE_VALUES[field]
        if field in plain:
            other = engine.build(small(engine.name, "simclr", backbone=plain[field]), 0).backbone
            assert read(other, field) == before[field]


CROPS = {
    "size": 24,
    "scale": (0.8, 1.0),
    "ratio": (1.0, 2.0),
    "flip": 0.0,
    "jitter": (0.1, 0.8, 0.8, 0.2),
    "jitter_probability": 0.1,
    "grey_probability": 0.9,
    "views": 1,
    "interpolation": "bicubic",
    "blur": (1.0, 0.0),
    "solarise": (0.0, 1.0),
    "local": {"count": 2, "size": 16},
}


def test_every_field_of_an_augmentation_changes_the_crops():
    # What "stored" says is the cache, which is made before.
    assert set(CROPS) == set(Augmentation.model_fields) - {"stored"}
    images = SquareImages.of((np.random.default_rng(0).integers(0, 256, (8, 40, 40, 3), dtype=np.uint8), None))

    def crops(**changes):
        spec = Augmentation.model_validate({"size": 32, "stored": 40, **changes})
        return next(Feed(images, spec, lambda _s: np.arange(8), (1, 2), lambda n: slice(0, n), "cpu").crops(0, 1))

    plain = crops()
    for name, value in CROPS.items():
        made = crops(**{name: value})
        same = made.views.shape == plain.views.shape and torch.equal(made.views, plain.views)
        assert same == (name == "local"), name
        assert (made.local is not None) == (name == "local")


OPTIMISERS = {
    SGD(lr=0.1): {"lr": 0.2, "momentum": 0.5, "nesterov": False, "weight_decay": 0.3},
    Adam(lr=0.1): {"lr": 0.2, "betas": (0.5, 0.9), "weight_decay": 0.3},
    AdamW(lr=0.1): {"lr": 0.2, "betas": (0.5, 0.9), "weight_decay": 0.3, "decay_vectors": False},
    LARS(lr=0.1): {"lr": 0.2, "momentum": 0.5, "weight_decay": 0.3, "trust": 0.02, "clip": True},
}


def stepped(spec, steps=4, make=None):
    """Weights after some steps down a bumpy slope."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1))
    groups = [{"params": list(network.parameters())}]
    moving = make(groups) if make else optimiser(spec, groups)
    for x in torch.randn(steps, 16, 4):
        moving.zero_grad()
        (network(x) - x.sum(1, keepdim=True)).square().mean().backward()
        moving.step()
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("spec", OPTIMISERS, ids=lambda spec: spec.kind)
def test_every_field_of_an_optimiser_moves_the_weights_otherwise(spec):
    changes = OPTIMISERS[spec]
    assert set(changes) == set(type(spec).model_fields) - {"kind"}
    # With a weight decay to spare vectors from, and a trust that a clip at lr bites on.
    base = spec.model_copy(update={"weight_decay": 0.1} | ({"trust": 5.0} if spec.kind == "lars" else {}))
    plain = stepped(base)
    for name, value in changes.items():
        assert not torch.equal(stepped(base.model_copy(update={name: value})), plain), name


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("trust", [1e-3, 2.0])
def test_lars_is_solo_learns_own(solo, clip, trust):
    from solo.utils import lars

    spec = LARS(lr=0.3, momentum=0.9, weight_decay=0.01, trust=trust, clip=clip)
    reference = stepped(
        spec,
        make=lambda groups: lars.LARS(
            groups, lr=0.3, momentum=0.9, weight_decay=0.01, eta=trust, clip_lr=clip, exclude_bias_n_norm=True
        ),
    )
    assert torch.allclose(stepped(spec), reference, atol=1e-5) and not torch.allclose(stepped(spec, steps=1), reference)


def test_adamw_does_not_decay_vectors_where_its_spec_says_so(small, engine):
    learner = engine.build(small(engine.name, "byol"), 0)
    for decays in (True, False):
        made = optimiser(AdamW(lr=0.1, weight_decay=0.3, decay_vectors=decays), learner.groups())
        decay = {p.ndim > 1: set() for group in made.param_groups for p in group["params"]}
        for group in made.param_groups:
            for parameter in group["params"]:
                decay[parameter.ndim > 1].add(group["weight_decay"])
        assert decay == {True: {0.3}, False: {0.3 if decays else 0.0}}


SCHEDULE = {
    "floor": 0.5, "per": "step", "warmup_steps": 3, "warmup_share": 0.5, "warmup_from": 0.3, "counted_from": 0
}  # fmt: skip


def test_every_field_of_a_schedule_changes_the_rates(small):
    run = course(small("lightly", "simclr"), 16, 0)
    assert set(SCHEDULE) == set(Cosine.model_fields)

    def rates(**changes):
        base = {"warmup_share": 0.25} if "warmup_from" in changes else {}
        return [learning_rate(Cosine(**base, **changes), 1.0, run, step) for step in range(run.steps)]

    for name, value in SCHEDULE.items():
        plain = rates(warmup_from=0.0) if name == "warmup_from" else rates()
        assert rates(**{name: value}) != plain, name


def images(n=16):
    return SquareImages.of((np.random.default_rng(0).integers(0, 256, (n, 40, 40, 3), dtype=np.uint8), None))


@pytest.fixture
def rates(monkeypatch, tmp_path):
    """Train and see the rate of every parameter group at every step, [steps, groups]."""

    def seen(recipe):
        steps = []

        class Spy(training._Trainer):
            def _step(self, crops):
                super()._step(crops)
                steps.append([group["lr"] for group in self.optimiser.param_groups])

        monkeypatch.setattr(training, "_Trainer", Spy)
        training.train(recipe, images(), SeedAxes(init=1, data=2), checkpoint_dir=tmp_path)
        return np.array(steps)

    return seen


def cosine(peak, steps=4):
    return peak * (1e-3 + (1 - 1e-3) * (1 + np.cos(np.pi * np.arange(steps) / steps)) / 2)


def test_the_rate_is_the_recipes_and_not_one_scaled_by_the_batch(small, engine, rates):
    measured = rates(small(engine.name, "simclr", optimiser=SGD(lr=0.3)))
    assert measured == pytest.approx(np.repeat(cosine(0.3)[:, None], measured.shape[1], 1))


def test_simsiams_predictor_keeps_its_peak_rate(small, engine, rates):
    measured = rates(small(engine.name, "simsiam", optimiser=SGD(lr=0.3)))
    assert measured[:, -1] == pytest.approx([0.3] * 4)
    assert measured[:, 0] == pytest.approx(cosine(0.3)) and measured[:, 0][-1] < 0.1


@pytest.mark.parametrize("optimiser", [SGD(lr=0.3), LARS(lr=0.3), AdamW(lr=0.3, decay_vectors=False)])
def test_all4ones_transformer_has_a_peak_rate_of_its_own(small, small_methods, solo, rates, optimiser):
    method = small_methods["all4one"].model_copy(update={"transformer_lr": 0.02})
    measured = rates(small(solo.name, method, optimiser=optimiser))
    cut = 1 if optimiser.kind == "sgd" else 2
    # The last of its groups, each of which LARS and AdamW cut in two.
    assert all(measured[:, -place] == pytest.approx(cosine(0.02)) for place in range(1, cut + 1))
    assert all(measured[:, place] == pytest.approx(cosine(0.3)) for place in range(measured.shape[1] - cut))


def peaks_of(learner):
    made = optimiser(SGD(lr=0.3, weight_decay=0.1), learner.groups())
    return {id(p): (group["peak"], group["weight_decay"]) for group in made.param_groups for p in group["params"]}


def test_lcrs_branch_and_the_online_classifier_are_moved(small, small_methods):
    learner = find_engine("lightly").build(small("lightly", small_methods["byol"], online={"lr": 0.7}), 0, classes=3)
    assert peaks_of(learner)[id(learner.classifier.weight)] == (0.7, 0.0)
    learner = find_engine("lightly").build(small("lightly", LCR(inner=small_methods["byol"])), 0)
    assert peaks_of(learner)[id(learner.rationale.branch.project.weight)] == (0.3, 0.1)


def test_an_online_classifier_is_refused_where_another_network_is_kept(small, small_methods):
    for method in (LCR(inner=small_methods["byol"]), small_methods["dino"]):
        with pytest.raises(UserError, match="keeps another network than it trains"):
            find_engine("lightly").build(small("lightly", method, online={"lr": 0.7}), 0, classes=3)
