"""The stages of a comparison: whose features and weights each seed rests on. Reads no image and imports no torch."""

import pytest

from benchmark.comparison.plan import Comparison
from benchmark.comparison.request import Request
from benchmark.specs.cells import ordered
from benchmark.specs.recipes import SeedAxes


@pytest.fixture
def comparison(tmp_path):
    request = Request(
        ("random", "herding"), ("simcore",), ("dtd",), "imagenet", ("5%", "stop"), (0, 1, 2), train=True, store=tmp_path
    )
    return Comparison(request)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_training_and_draw_behind_a_trial_is_of_the_trials_own_seed(comparison, seed):
    trials = [trial for trial in comparison.trials() if trial.seed == seed]
    assert len(trials) == 1 + 2 * 3
    stages = ordered(end for trial in trials for end in trial.ends())
    trainings = [stage.spec.seeds for stage in stages if stage.kind.name == "pretrain"]
    draws = [stage.spec.seed for stage in stages if stage.kind.name == "sample"]
    assert len(trainings) == 7 and set(trainings) == {SeedAxes(init=seed, data=seed)}
    assert len(draws) == 6 and set(draws) == {seed}


def test_the_retrieval_encoder_of_a_seed_is_x_alone_of_that_seed(comparison):
    encoders = {}
    for trial in comparison.trials():
        if trial.budget is None:
            encoders[trial.seed] = trial.evaluate.input("encoder").key
    for trial in comparison.trials():
        if trial.budget is not None:
            assert trial.measure.input("pool").input("encoder").key == encoders[trial.seed]
    assert len(set(encoders.values())) == 3
