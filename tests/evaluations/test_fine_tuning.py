import copy

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.evaluations import EVALUATIONS, Question
from benchmark.evaluations._fine_tuning import NotTrainable, _clean, _released, fine_tuned
from benchmark.evaluations.fine_tuning import FineTuning
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.profiles import find_profile
from benchmark.planning.query import Query
from benchmark.specs.recipes import SGD, Augmentation, Embedding
from benchmark.training.image_views import SquareImages

EMBEDDING = Embedding(resize=16, crop=16, stored=16)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x)).relu().mean((2, 3))


def colours(seed, n, brighter=90):
    """Images of three colours with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    pixels = random.integers(0, 140, (n, 16, 16, 3))
    pixels[np.arange(n), :, :, labels] += brighter
    return pixels.astype(np.uint8), labels


def spec(reading, **changes):
    fields = {
        "reading": reading,
        "embedding": EMBEDDING,
        "metric": "top1",
        "augmentation": Augmentation(size=16, stored=16, jitter_probability=0.0, grey_probability=0.0, views=1),
        "optimiser": SGD(lr=0.1, weight_decay=1e-4),
        "batch": 16,
        "epochs": 8,
        "decay_epochs": (5, 7),
    }
    return FineTuning.model_validate({**fields, **changes})


def tune(requested, train=None, test=None, encoder=None, classes=3):
    (x, y), (xt, yt) = train or colours(1, 64), test or colours(2, 60)
    test_images = SquareImages.of((xt, None))
    return fine_tuned(
        encoder or Encoder(), lambda rows: SquareImages.of((x, rows)), y, classes, test_images, yt, requested
    )


@pytest.mark.parametrize("reading", ["released", "clean"])
def test_separable_images_are_learned_and_shuffled_labels_are_not(reading):
    assert tune(spec(reading)).accuracy >= 95
    x, y = colours(1, 64)
    xt, yt = colours(2, 300)
    shuffled = tune(
        spec(reading, rates=(0.03,), epochs=2),
        (x, np.random.default_rng(3).permutation(y)),
        (xt, np.random.default_rng(4).permutation(yt)),
    )
    # The best of two epochs on test is no look at chance alone: two standard errors more are allowed for it.
    error = 100 * np.sqrt(1 / 3 * 2 / 3 / 300)
    assert abs(shuffled.accuracy - 100 / 3) <= (3 if reading == "clean" else 5) * error


def test_the_encoder_itself_is_trained_and_the_one_that_was_given_stays():
    encoder = Encoder()
    before = copy.deepcopy(encoder.state_dict())
    trained = tune(spec("released", rates=(0.1,)), encoder=encoder)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    dead = Encoder()
    nn.init.zeros_(dead.conv.weight)
    # Without a gradient into the encoder this one would see nothing: its features are equal for all images.
    assert trained.accuracy >= 95 and tune(spec("released", rates=(0.1,)), encoder=dead).accuracy > 60


def test_released_takes_the_best_test_epoch_of_the_best_rate():
    result = tune(spec("released", rates=(1e-4, 0.1)))
    curves = dict(map(tuple, result.info["test_curves"]))
    assert result.info["chosen_on"] == "test" and {len(curve) for curve in curves.values()} == {8}
    assert result.accuracy == max(max(curve) for curve in curves.values())
    rate, epoch = result.info["rate"], result.info["epoch"]
    assert curves[rate][epoch - 1] == result.accuracy and result.info["last"] == curves[rate][-1]
    assert result.accuracy == pytest.approx(100 * np.mean(result.predicted == result.labels))


def test_clean_chooses_the_rate_on_train_alone():
    requested = spec("clean", rates=(1e-4, 0.1))
    xt, yt = colours(2, 60)
    result, shuffled = tune(requested), tune(requested, test=(xt, np.random.default_rng(4).permutation(yt)))
    assert result.info == shuffled.info and np.array_equal(result.predicted, shuffled.predicted)
    assert result.info["chosen_on"] == "validation" and result.info["rate"] == 0.1
    assert result.info["validation_images"] == 16


class Rehearsed:
    """In place of trainings: the rate 0.1 is right after the first epoch and wrong after the last, 0.01 half right."""

    labels = np.arange(16) % 2

    def images(self, rows):
        return rows

    def train(self, rows, rate, watched, every=1):
        right = self.labels[watched].astype(np.int32)
        if every > 1:
            yield right
        else:
            yield from {0.1: (right, 1 - right), 0.01: (0 * right, 0 * right)}[rate]


def test_the_last_epoch_and_not_the_best_one_chooses_the_rate():
    everything = np.arange(16)
    known = Rehearsed.labels.astype(np.int32)
    result = _clean(Rehearsed(), everything, known, spec("clean", rates=(0.1, 0.01), epochs=2))
    assert result.info["validation_curves"] == [[0.1, [100, 0]], [0.01, [50, 50]]]
    assert result.info["rate"] == 0.01 and result.accuracy == 100


def test_the_released_reading_keeps_the_best_epoch_and_not_the_last():
    everything, known = np.arange(16), Rehearsed.labels.astype(np.int32)
    result = _released(Rehearsed(), everything, known, spec("released", rates=(0.1, 0.01), epochs=2))
    assert (result.accuracy, result.info["rate"], result.info["epoch"], result.info["last"]) == (100, 0.1, 1, 0)


def test_equal_rates_of_either_reading_give_the_first_and_the_last_epoch():
    """One rate, and a validation part that moves nothing: clean is the last epoch of released."""
    released, clean = (tune(spec(reading, rates=(0.03,))) for reading in ("released", "clean"))
    assert clean.accuracy == released.info["last"]


def test_the_rate_falls_after_the_decay_epochs():
    requested = spec("clean", decay_epochs=(60, 80), epochs=100)
    rates = [requested.rate_at(0.1, epoch) for epoch in (1, 60, 61, 80, 81, 100)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_a_rate_that_diverges_is_passed_over_and_all_of_them_are_an_error():
    result = tune(spec("clean", rates=(1e30, 0.1)))
    assert result.info["rate"] == 0.1 and len(dict(map(tuple, result.info["validation_curves"]))[1e30]) < 8
    for reading in ("clean", "released"):
        with pytest.raises(NotTrainable, match=r"not finite at any of the rates 1e\+30"):
            tune(spec(reading, rates=(1e30,)))


class Pooled(Encoder):
    """BatchNorm behind the pooling, as in the last layers of a network on small images: one value an image."""

    def forward(self, x):
        return self.norm(self.conv(x).mean((2, 3), keepdim=True)).flatten(1)


@pytest.mark.parametrize("reading", ["released", "clean"])
@pytest.mark.parametrize("images", [17, 65])
def test_a_last_batch_of_one_image_is_left_out(reading, images):
    """Batches of 16; the clean reading trains on 17 of 20 first."""
    chosen = spec(reading, rates=(0.1,), validation=0.15 if reading == "clean" and images == 17 else 0.25)
    train = colours(1, 20 if reading == "clean" and images == 17 else images)
    assert tune(chosen, train=train, encoder=Pooled()).accuracy >= 90


def test_too_few_images_are_refused():
    with pytest.raises(NotTrainable, match="two labelled images, and there is one"):
        tune(spec("released"), train=colours(1, 1))
    with pytest.raises(NotTrainable, match="beside those that choose the rate, and there is one"):
        tune(spec("clean"), train=(colours(1, 2)[0], np.zeros(2, np.int64)), encoder=Pooled())
    with pytest.raises(NotTrainable, match="no class has two labelled images"):
        tune(spec("clean"), train=colours(1, 3))


def test_a_class_without_labels_is_never_right_and_the_record_counts_it():
    x, y = colours(1, 64)
    xt, yt = colours(2, 60)
    result = tune(spec("released", rates=(0.1,)), (x[y != 2], y[y != 2]), (xt, yt))
    assert result.info["classes_without_labels"] == 1 and tune(spec("clean")).info["classes_without_labels"] == 0
    assert result.accuracy == pytest.approx(100 * np.mean(yt != 2)) and set(result.predicted) == {0, 1}


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    first, again, other = (tune(spec("released", rates=(0.03,), seed=seed, epochs=3)) for seed in (1, 1, 2))
    assert first.info == again.info and first.info != other.info


def test_the_released_settings_are_those_of_issue_1():
    setup = find_profile("paper").setup()
    question = Question(setup.probing, setup.recipe, "top1", 0, False, find_profile("paper").released_probe, "released")
    requested = EVALUATIONS.get("fine-tuning").spec(question)
    assert (requested.rates, requested.epochs, requested.decay_epochs, requested.decay) == (
        (0.1, 0.03, 0.01),
        100,
        (60, 80),
        0.1,
    )
    assert requested.optimiser == SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4) and requested.batch == 256
    few = EVALUATIONS.get("fine-tuning-10").spec(question)
    assert (few.percent, few.draw, few.reading) == (10, "released", "released")


def test_an_encoder_is_fine_tuned_on_a_tenth_of_the_labels(small_encoder):
    record = small_encoder.evaluate("fine-tuning-10")
    assert record.identity["spec"]["draw"] == "stratified" and record.info["chosen_on"] == "validation"
    assert record.info["validation_images"] == 5 and record.metrics["n"] == 60
    low, high = record.metrics["intervals"]["accuracy"]
    assert low <= record.metrics["accuracy"] <= high


def test_the_authors_table_is_planned_with_fine_tuning_in_every_cell(tmp_path):
    session = PlannedTable(Query("full-finetuning", profile="smoke", controls=True, store=tmp_path / "runs"))
    specs = {row: cell.evaluate.spec for (row, _, _), cell in session.cells.items()}
    assert {"X", "OS", "X+OS_simcore_stop", "X(2x)"} <= set(specs)
    assert {spec.kind for spec in specs.values()} == {"fine-tuning"}
    probe = PlannedTable(
        Query("full-finetuning", profile="smoke", evaluation=("linear-clean",), store=tmp_path / "runs")
    )
    assert {cell.evaluate.spec.kind for cell in probe.cells.values()} == {"clean"}
    assert probe.plan.cells[0].pretrain.key == session.plan.cells[0].pretrain.key


def test_a_plan_counts_the_images_that_fine_tuning_sees():
    clean, released = (spec(reading, epochs=10) for reading in ("clean", "released"))
    assert released.images_seen(100) == 3 * 10 * 100 and clean.images_seen(100) == 10 * (3 * 75 + 100)
    assert spec("released", epochs=10, percent=10).images_seen(100) == 300
