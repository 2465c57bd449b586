"""Which engine builds what, from which seed, and how it refuses what it cannot do."""

import importlib.util
import subprocess
import sys

import pytest
import torch

from benchmark.errors import UnknownName, UserError
from benchmark.methods._lcr import LCR
from benchmark.methods.moco import MoCo
from benchmark.methods.simclr import SimCLR
from benchmark.pretrain.engines import ENGINES, find_engine
from benchmark.specs.recipes import Backbone, Epochs


def test_a_missing_engine_is_an_error_with_its_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"engine 'solo-learn' is not installed.*pip install .*9187ea39c2c3f43c455a"):
        find_engine("solo-learn")


@pytest.mark.parametrize("module", ["lightning", "omegaconf", "einops", "solo"])
def test_what_an_engine_needs_beside_itself_is_missed_by_name(monkeypatch, module):
    """Seen: without lightning, all was said to be there, and the run ended in a ModuleNotFoundError."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else "there")
    with pytest.raises(UserError, match=rf"engine 'solo-learn' is not installed \(no {module}\); run: pip install"):
        find_engine("solo-learn")


@pytest.mark.parametrize("name", ["solo-learn", "lightly"])
def test_an_import_that_fails_is_one_line_with_the_line_that_installs_the_engine(monkeypatch, tmp_path, name):
    engine = ENGINES.get(name)
    for module in engine.modules:
        broken = f"raise RuntimeError('{module} is broken\\nat its root')"
        (tmp_path / f"{module}.py").write_text(broken)
        # Put back as it was: other tests may have imported the real one.
        monkeypatch.setitem(sys.modules, module, None)
        del sys.modules[module]
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError) as error:
        engine.require()
    first = engine.modules[0]
    why = f"engine '{name}' cannot be imported ({first} is broken at its root); run: {engine.install}"
    assert str(error.value) == why and isinstance(error.value.__cause__, RuntimeError)


def test_solo_learn_puts_no_network_of_its_own_under_a_name_of_timm(solo):
    script = """
import timm
before = timm.model_entrypoint("convnext_tiny")
from benchmark.pretrain.engines import find_engine
find_engine("solo-learn")
assert timm.model_entrypoint("convnext_tiny") is before, "replaced"
import solo.backbones.convnext.convnext as own
assert own.convnext_tiny is not before
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_an_unknown_engine_names_the_near_ones():
    with pytest.raises(UnknownName, match="did you mean lightly"):
        find_engine("lightning")


def test_a_method_that_an_engine_lacks_names_the_engine_that_has_it_and_how_to_install_it(small):
    with pytest.raises(UserError) as error:
        find_engine("lightly").build(small("lightly", "all4one"), 0)
    install = ENGINES.get("solo-learn").install
    assert str(error.value) == f"engine 'lightly' has no method 'all4one': engine 'solo-learn' has it ({install})"
    assert "pip install" in install


def test_a_method_of_no_engine_says_so():
    with pytest.raises(UserError, match=r"engine 'lightly' has no method 'simclr-2': nobody has it"):
        find_engine("lightly").maker("simclr-2")


def test_every_method_builds_and_its_initial_weights_depend_on_the_seed_alone(engine, small, small_methods):
    for kind in engine.methods():
        torch.manual_seed(5)
        first = engine.build(small(engine.name, kind), 1).state_dict()
        torch.manual_seed(6)
        state = torch.get_rng_state()
        again = engine.build(small(engine.name, kind, batch=4), 1).state_dict()
        other = engine.build(small(engine.name, kind), 2).state_dict()
        assert torch.equal(torch.get_rng_state(), state)
        assert first.keys() == again.keys() and all(torch.equal(first[name], again[name]) for name in first)
        moved = [name for name in first if first[name].ndim > 1 and not torch.equal(first[name], other[name])]
        assert any("conv" in name or "qkv" in name for name in moved)


def test_every_parameter_that_learns_is_in_one_group_and_nothing_of_a_teacher_is(engine, small):
    for kind in engine.methods():
        learner = engine.build(small(engine.name, kind), 0)
        grouped = [id(parameter) for group in learner.groups() for parameter in group["params"]]
        learns = {id(parameter) for parameter in learner.parameters() if parameter.requires_grad}
        assert len(grouped) == len(set(grouped)) and learns <= set(grouped), kind
        teachers = [p for name, p in learner.named_parameters() if "teacher" in name or "momentum" in name]
        assert not set(map(id, teachers)) & set(grouped), kind
        assert bool(teachers) == hasattr(learner_method(learner), "ema"), kind


def learner_method(learner):
    """The spec of a learner's method; lightly's keep it where they need it."""
    return getattr(learner, "spec", None) or getattr(learner, "method", None)


def test_only_mae_takes_one_view(engine, small):
    one = {"size": 32, "stored": 40, "views": 1}
    for kind in set(engine.methods()) - {"mae"}:
        with pytest.raises(UserError, match=f"method '{kind}' compares two views"):
            engine.build(small(engine.name, kind, augmentation=one), 0)
    assert engine.build(small(engine.name, "mae", augmentation=one), 0).views_in_a_pass == 1


def test_local_crops_are_refused_where_the_loss_has_no_term_for_them(engine, small, small_methods):
    crops = {"size": 32, "stored": 40, "local": {"count": 2, "size": 16}}
    for kind in set(engine.methods()) - set(engine.multicrop):
        with pytest.raises(UserError, match=f"engine '{engine.name}' has no loss for local crops in method '{kind}'"):
            engine.build(small(engine.name, kind, augmentation=crops), 0)
    with pytest.raises(UserError, match="in method 'lcr'"):
        engine.build(small(engine.name, LCR(inner=small_methods["byol"]), augmentation=crops), 0)


@pytest.mark.parametrize("backbone", ["test_vit", "vit_tiny_patch16_224"])
def test_local_crops_reach_the_loss_of_a_vision_transformer_of_another_size(engine, small, midway, backbone):
    network = Backbone(name=backbone, library="timm", image_size=32, patch_size=8)
    crops = {"size": 32, "stored": 40, "local": {"count": 2, "size": 16}}
    views, local = torch.randn(8, 3, 32, 32), torch.randn(8, 3, 16, 16)
    losses = []
    for crop in (local, 2 * local):
        learner = engine.build(small(engine.name, "dino", backbone=network, augmentation=crops), 0)
        learner.begin(midway)
        losses.append(learner.loss(learner(views, 4, crop), midway).item())
    assert losses[0] != losses[1]
    # Full views go through as without local crops.
    without = engine.build(small(engine.name, "dino", backbone=network), 0)
    assert torch.equal(without.backbone.eval()(views), learner.backbone.eval()(views))


def test_an_online_classifier_needs_labels_and_whole_images(engine, small):
    with pytest.raises(UserError, match="labelled images of X"):
        engine.build(small(engine.name, "simclr", online={"lr": 0.1}), 0)
    with pytest.raises(UserError, match="MAE sees parts of images"):
        engine.build(small(engine.name, "mae", online={"lr": 0.1}), 0, classes=3)


def test_mae_needs_patches_and_lcr_a_feature_map(engine, small, small_methods):
    resnet = Backbone(name="test_resnet", library="timm")
    with pytest.raises(UserError, match=r"MAE masks patches of a vision transformer, and test_resnet is none"):
        engine.build(small(engine.name, "mae", backbone=resnet), 0)
    for name in ("swin_tiny_patch4_window7_224", "deit_tiny_distilled_patch16_224"):
        with pytest.raises(UserError, match=rf"one class token, and {name} is none"):
            engine.build(small(engine.name, "mae", backbone=Backbone(name=name, library="timm")), 0)
    vit = Backbone(name="vit_tiny_patch16_224", library="timm")
    lcr = LCR(inner=small_methods["byol"])
    with pytest.raises(UserError, match=r"VisionTransformer pools no feature map"):
        engine.build(small(engine.name, lcr, backbone=vit), 0)


REFUSED = {
    "solo-learn's SimCLR has a head without BatchNorm": SimCLR(temperature=0.2, batchnorm=True),
    "solo-learn's MoCoV2Plus asks with both views": MoCo(temperature=0.2, queue=16, ema={"base": 0.9}, symmetric=False),
    "solo-learn's MoCoV2Plus has a head of two layers": MoCo(temperature=0.2, queue=16, ema={"base": 0.9}, layers=1),
    "solo-learn's MoCoV2Plus needs a queue that its batch divides: 20, 8": MoCo(
        temperature=0.2, queue=20, ema={"base": 0.9}
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_solo_learn_refuses_what_it_cannot_do(solo, small, message):
    with pytest.raises(UserError, match=message):
        solo.build(small(solo.name, REFUSED[message]), 0)


@pytest.mark.parametrize("kind", ["moco", "nnclr", "all4one"])
def test_solo_learns_queues_need_full_batches(solo, small, kind):
    with pytest.raises(UserError, match="needs full batches: set drop_last"):
        solo.build(small(solo.name, kind, length=Epochs(epochs=1)), 0)
    assert solo.build(small(solo.name, kind, length=Epochs(epochs=1), drop_last=True), 0)


def test_solo_learn_moves_dinos_centre_by_a_tenth(solo, small, small_methods):
    method = small_methods["dino"].model_copy(update={"centre_momentum": 0.5})
    with pytest.raises(UserError, match=r"solo-learn's DINO moves its centre by 0.9; use engine lightly"):
        solo.build(small(solo.name, method), 0)
