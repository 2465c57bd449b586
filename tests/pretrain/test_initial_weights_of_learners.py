"""Trainings that start from given weights: the network and every copy of it, in every method."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.planning.profiles import find_profile
from benchmark.pretrain.engines import find_engine
from benchmark.pretrain.learner import start_from
from benchmark.pretrain.train import train
from benchmark.specs.recipes import SeedAxes, Steps
from benchmark.training.backbones import build
from benchmark.training.image_views import SquareImages

# The number of networks that each method holds: a teacher or a momentum encoder is a second one.
NETWORKS = {"simclr": 1, "swav": 1, "moco": 2, "byol": 2, "dino": 2, "mae": 1, "lcr": 2, "lcr-byol": 2}


def recipe_of(method):
    return find_profile("smoke").setup(method, engine="lightly").recipe


def drawn(recipe, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return {name: tensor.clone() for name, tensor in build(recipe.backbone).state_dict().items()}


@pytest.mark.parametrize("method", NETWORKS)
def test_the_network_and_its_teacher_start_from_the_weights(method):
    recipe = recipe_of(method)
    learner, weights = find_engine("lightly").build(recipe, 0), drawn(recipe, 5)
    start_from(learner, weights)
    holders = [module for module in learner.modules() if set(module.state_dict()) == set(weights)]
    assert len(holders) == NETWORKS[method] and learner.backbone in holders
    for holder in holders:
        assert all(torch.equal(tensor, weights[name]) for name, tensor in holder.state_dict().items())


def test_weights_of_another_network_are_refused():
    learner = find_engine("lightly").build(recipe_of("simclr"), 0)
    with pytest.raises(ValueError, match="not of the network that is trained"):
        start_from(learner, {"conv.weight": torch.zeros(1)})


def test_a_training_of_no_step_gives_the_weights_back_and_one_of_a_step_moves_them(tmp_path):
    recipe = recipe_of("moco").model_copy(update={"length": Steps(steps=0)})
    weights = drawn(recipe, 5)
    save_file(weights, tmp_path / "initial.safetensors")
    pixels = torch.randint(0, 255, (8, 32, 32, 3), dtype=torch.uint8).numpy()
    ends = []
    for steps in (0, 1):
        longer = recipe.model_copy(update={"length": Steps(steps=steps)})
        options = {"checkpoint_dir": tmp_path / str(steps), "initial": tmp_path / "initial.safetensors", "workers": 0}
        result = train(longer, SquareImages.of((pixels, None)), SeedAxes(init=0, data=0), **options)
        ends.append(load_file(result.encoder))
    assert all(torch.equal(tensor, weights[name]) for name, tensor in ends[0].items())
    assert not all(torch.equal(tensor, weights[name]) for name, tensor in ends[1].items())
