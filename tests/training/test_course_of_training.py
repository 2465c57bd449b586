import math

import numpy as np
import pytest
import timm
import timm.layers
import torch
import torchvision
from torch import nn

from benchmark.errors import UnknownName, UserError
from benchmark.planning.profiles import PAPER
from benchmark.specs.recipes import Backbone, CodedEpochs, Cosine, epochs_of
from benchmark.training import distributed as ranks
from benchmark.training.backbone_names import NETWORKS
from benchmark.training.backbones import (
    Groups,
    build,
    feature_dimension,
    group_batchnorm,
    groups_of,
)
from benchmark.training.schedule import StepPlan, course, learning_rate


@pytest.mark.parametrize(
    ("coreset", "epochs"), [(0, 5000), (13196, 5000), (184000, 696), (75461, 1697), (1_281_167, 100)]
)
def test_coded_epochs(coreset: int, epochs: int) -> None:
    assert epochs_of(CodedEpochs(), coreset) == epochs


def test_the_coded_rule_needs_a_coreset() -> None:
    with pytest.raises(UserError, match="coreset"):
        course(PAPER.setup().recipe, 10, seed=0)


def test_a_chained_course_is_full_batches_of_whole_permutations() -> None:
    run = StepPlan(images=10, batch=4, steps=10, chained=True, seed=0)
    chain = np.concatenate([run.rows(step) for step in range(10)])
    assert chain.shape == (40,)
    assert all(sorted(chain[start : start + 10]) == list(range(10)) for start in range(0, 40, 10))
    assert not np.array_equal(chain[:10], chain[10:20])
    assert np.array_equal(run.exposures(6), np.bincount(chain[:24], minlength=10))
    assert run.seen(6) == 24 and run.epochs == 4 and [run.epoch(step) for step in (0, 2, 3)] == [1, 1, 2]


def test_an_unchained_course_keeps_the_partial_batch() -> None:
    run = StepPlan(images=10, batch=4, steps=6, chained=False, seed=0)
    assert [len(run.rows(step)) for step in range(6)] == [4, 4, 2, 4, 4, 2]
    assert sorted(np.concatenate([run.rows(step) for step in range(3)])) == list(range(10))
    assert run.seen(5) == 18 and run.exposures(5).sum() == 18 and run.epochs == 2


def test_a_batch_larger_than_the_data_wraps() -> None:
    run = StepPlan(images=3, batch=7, steps=2, chained=True, seed=1)
    assert np.array_equal(np.bincount(run.rows(0)), run.exposures(1)) and run.seen(1) == 7


def test_the_order_depends_on_the_seed() -> None:
    assert not np.array_equal(StepPlan(50, 50, 1, True, 0).rows(0), StepPlan(50, 50, 1, True, 1).rows(0))


def _torch_cosine(steps: int, peak: float, floor: float) -> list[float]:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], peak)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, peak * floor)
    rates = []
    for _ in range(steps + 1):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


def test_per_step_cosine_is_torchs() -> None:
    run, schedule = StepPlan(10, 5, 20, True, 0), Cosine(per="step", floor=0.01)
    expected = _torch_cosine(20, 0.5, 0.01)[:20]
    assert [learning_rate(schedule, 0.5, run, step) for step in range(20)] == pytest.approx(expected)


def test_per_epoch_cosine_counts_from_one_and_ends_at_the_floor() -> None:
    run, schedule = StepPlan(10, 5, 20, False, 0), Cosine()
    expected = [rate for rate in _torch_cosine(10, 0.1, 1e-3)[1:] for _ in range(2)]
    rates = [learning_rate(schedule, 0.1, run, step) for step in range(20)]
    assert rates == pytest.approx(expected) and rates[-1] == pytest.approx(1e-4)


def test_epochs_counted_from_0_begin_at_the_peak_and_never_stand_still() -> None:
    run, schedule = StepPlan(10, 5, 8, False, 0), Cosine(floor=0.0, per="epoch", counted_from=0)
    rates = [learning_rate(schedule, 1.0, run, step) for step in range(8)]
    assert rates == pytest.approx([(1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in (0, 0, 1, 1, 2, 2, 3, 3)])


def test_lcr_on_byol_warms_up_and_falls_as_its_released_code_does() -> None:
    recipe = PAPER.setup("lcr-byol").recipe
    run = course(recipe, 128 * 52, seed=0)
    warm, fall = 10 * 52, 90 * 52
    released = 0.15 * np.concatenate([np.linspace(0, 1, warm), (1 + np.cos(np.pi * np.arange(fall) / fall)) / 2])
    rates = [learning_rate(recipe.schedule, recipe.optimiser.lr, run, step) for step in range(run.steps)]
    assert run.steps == len(released) == 5200
    assert np.abs(released - rates).max() < 3e-4  # its warm-up ends one step earlier


def test_warm_up_rises_linearly_to_the_peak() -> None:
    run, schedule = StepPlan(10, 5, 20, True, 0), Cosine(per="step", warmup_steps=4)
    rates = [learning_rate(schedule, 1.0, run, step) for step in range(20)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[12] == pytest.approx(1e-3 + 0.999 * (1 + math.cos(math.pi * 8 / 16)) / 2)


def test_grouped_batchnorm_equals_separate_chunks_and_keeps_the_first_statistics() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(10, 3, 4, 4), torch.randn(3)
    grouped, first = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    for layer in (grouped, first):
        layer.weight.data.copy_(weight)
    others = nn.BatchNorm2d(3)
    others.weight.data.copy_(weight)
    chunks = x.chunk(3)
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    expected = torch.cat([first(chunks[0]), others(chunks[1]), others(chunks[2])])
    made = group_batchnorm(nn.Sequential(grouped), Groups(3))(x)
    assert torch.allclose(made, expected, atol=1e-6) and not torch.allclose(made, nn.BatchNorm2d(3)(x), atol=1e-3)
    assert torch.equal(grouped.running_mean, first.running_mean)
    assert torch.equal(grouped.running_var, first.running_var)
    assert torch.equal(grouped.eval()(x), first.eval()(x))


def test_parts_of_a_given_size_and_a_part_of_one_row() -> None:
    x = torch.randn(7, 3)
    assert [len(part) for part in Groups(2, rows=3).cut(x[:6])] == [3, 3]
    assert [len(part) for part in Groups(4).cut(x[:6])] == [2, 2, 2]
    assert [len(part) for part in Groups(3).cut(x)] == [7]  # 3, 3 and 1: one row has no variance
    assert [len(part) for part in Groups(3).cut(x[:, :, None, None].expand(-1, -1, 2, 2))] == [3, 3, 1]


def test_the_number_of_groups() -> None:
    assert [groups_of(1024, None), groups_of(1024, 256), groups_of(16, 256)] == [1, 4, 1]
    with pytest.raises(UserError, match="does not divide"):
        groups_of(1024, 300)


@pytest.mark.parametrize(
    ("name", "library", "width"),
    [("resnet18", "torchvision", 512), ("resnet18", "timm", 512), ("mobilenet_v3_small", "torchvision", 576)],
)
def test_backbones_give_pooled_features(name: str, library: str, width: int) -> None:
    backbone = build(Backbone.model_validate({"name": name, "library": library}))
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    assert feature_dimension(backbone) == width and backbone.training
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())
    assert backbone(torch.zeros(2, 3, 48, 48)).shape == (2, width)


def test_efficientnet_drops_paths_as_torchvisions_does() -> None:
    """SimCore's released code subclasses torchvision's EfficientNet."""
    reference_layers = torchvision.models.efficientnet_b0().modules()
    layers = build(NETWORKS["efficientnet_b0"].backbone).modules()
    rates = [layer.p for layer in reference_layers if isinstance(layer, torchvision.ops.StochasticDepth)]
    assert rates[0] == 0.0 and rates[-1] == 0.1875
    assert [layer.drop_prob for layer in layers if isinstance(layer, timm.layers.DropPath)] == rates[1:]


def test_stochastic_depth_is_not_spread_over_devices() -> None:
    recipe = PAPER.setup("simclr", "efficientnet_b0").recipe
    with pytest.raises(UserError, match="efficientnet_b0 drops paths at random for each rank"):
        ranks.check(recipe, 2, {512})
    assert ranks.usable(recipe, 4, {512}) == 1 and ranks.usable(PAPER.setup().recipe, 4, {512}) == 4


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_an_unknown_backbone_names_the_near_ones(library: str) -> None:
    with pytest.raises(UnknownName, match="resnet"):
        build(Backbone.model_validate({"name": "resnet19", "library": library}))
