"""solo-learn is held to the recipe key by key, resumes nothing by itself and learns from no label."""

import copy

import pytest
import torch

from benchmark.errors import UserError
from benchmark.pretrain.engines import ENGINES
from benchmark.pretrain.engines.solo_learn import COMMIT

KINDS = ENGINES.get("solo-learn").methods()


@pytest.fixture
def learners(solo):
    from benchmark.pretrain.engines.solo_learn import construct

    return construct


def leaves(settings, path=()):
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def at(settings, path):
    for key in path:
        settings = settings[key]
    return settings


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_that_is_resolved_otherwise_or_dropped_is_named(learners, solo, small, kind):
    from benchmark.pretrain.engines.solo_learn.config import config_for

    recipe = small(solo.name, kind)
    built = solo.build(recipe, 0).method
    config = config_for(recipe.method, built.features_dim)
    requested = learners.settings(recipe, config, built.backbone_name)
    resolved = learners.resolved(built, config)
    assert learners.differences(requested, resolved) == []
    for path in leaves(requested):
        if path[-1] in learners.UNREAD or path[0] in learners.UNREAD:
            continue
        changed, dropped = copy.deepcopy(requested), copy.deepcopy(resolved)
        at(changed, path[:-1])[path[-1]] = "something else"
        name = ".".join(path)
        lines = learners.differences(changed, resolved)
        assert len(lines) == 1 and lines[0].startswith(f"{name}: ") and "not 'something else'" in lines[0]
        del at(dropped, path[:-1])[path[-1]]
        assert learners.differences(requested, dropped) == [f"{name}: dropped"]


def test_a_key_resolved_otherwise_is_an_error_of_the_build(learners, solo, small, monkeypatch):
    honest = learners.resolved

    def other(built, config):
        resolved = honest(built, config)
        return {**resolved, "method_kwargs": {**resolved["method_kwargs"], "temperature": 0.1}}

    monkeypatch.setattr(learners, "resolved", other)
    with pytest.raises(UserError, match=r"resolved the recipe differently: method_kwargs.temperature: 0.1, not 0.2"):
        solo.build(small(solo.name, "simclr"), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_its_label_classifier_never_learns_and_no_label_reaches_it(solo, small, midway, monkeypatch, kind):
    learner = solo.build(small(solo.name, kind), 0).train()
    built, labels = learner.method, []
    step = type(built).training_step

    def spy(self, batch, number):
        labels.append(batch[-1])
        return step(self, batch, number)

    monkeypatch.setattr(type(built), "training_step", spy)
    learner.begin(midway)
    learner.loss(learner(torch.randn(16, 3, 32, 32), 8), midway).backward()
    assert len(labels) == 1 and labels[0].unique().tolist() == [-1]
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in built.classifier.parameters())
    grouped = {id(parameter) for group in learner.groups() for parameter in group["params"]}
    assert not grouped & {id(parameter) for parameter in built.classifier.parameters()}
    assert built.cfg.auto_resume.enabled is False and built.trainer is None and not built.knn_eval


def test_the_line_that_installs_it_names_the_commit():
    assert f"solo-learn@{COMMIT}" in ENGINES.get("solo-learn").install and len(COMMIT) == 40
