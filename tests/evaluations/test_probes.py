import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from torch import nn

from benchmark.errors import UserError
from benchmark.evaluations import _released_probe as released
from benchmark.evaluations import linear_clean, online_classifier
from benchmark.evaluations._features import UnusableFeatures, naming_images
from benchmark.evaluations._label_fractions import TooFewLabels
from benchmark.evaluations._logistic_regression import clean_probe, fit, held_out
from benchmark.evaluations._released_probe import released_probe
from benchmark.evaluations._released_reading import decayed
from benchmark.evaluations.linear_clean import CleanProbe
from benchmark.evaluations.linear_released import ReleasedProbe
from benchmark.evaluations.online_classifier import OnlineProbe
from benchmark.specs.recipes import SGD, Augmentation, Embedding
from benchmark.training.image_views import SquareImages

EMBEDDING = Embedding(resize=16, crop=16, stored=16)


def _clusters(per_class: int, seed: int, classes: int = 5, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(0).normal(size=(classes, d))
    labels = np.repeat(np.arange(classes), per_class)
    noise = np.random.default_rng(seed).normal(size=(len(labels), d)) * np.linspace(0.2, 5, d)
    return (centres[labels] * 2 + noise + 7).astype(np.float32), labels


@pytest.mark.parametrize("strength", [1e-3, 1e-1, 10.0])
def test_the_objective_and_its_optimum_are_scikit_learns(strength: float) -> None:
    x, y = _clusters(20, 1)
    probe = fit(x, y, strength, 5)
    reference = LogisticRegression(C=1 / (strength * len(x)), tol=1e-6, max_iter=3000).fit(x.astype(np.float64), y)

    def objective(weight: np.ndarray, bias: np.ndarray) -> float:
        scores = x.astype(np.float64) @ weight.T + bias
        chosen = scores[np.arange(len(y)), y] - np.logaddexp.reduce(scores, axis=1)
        return float(-chosen.mean() + strength / 2 * (weight**2).sum())

    best = objective(reference.coef_, reference.intercept_)
    assert probe.objective == pytest.approx(best, abs=1e-4)
    assert objective(probe.weight, probe.bias) == pytest.approx(probe.objective, abs=1e-9)
    assert np.mean(probe.predict(x) == reference.predict(x)) > 0.98


def test_validation_is_the_last_part_of_every_class() -> None:
    labels = np.array([0, 1, 0, 0, 1, 0, 2, 0, 0, 0, 0])
    assert np.flatnonzero(held_out(labels, 0.25)).tolist() == [4, 9, 10]


def _clean(metric: str = "top1", strengths: tuple[float, ...] = (1e-3, 1e-1, 10.0)) -> CleanProbe:
    return CleanProbe.model_validate({"embedding": EMBEDDING, "metric": metric, "strengths": strengths})


def test_the_clean_probe_learns_and_keeps_its_predictions() -> None:
    (x, y), (xt, yt) = _clusters(20, 1), _clusters(15, 2)
    result = clean_probe(x, y, xt, yt, _clean())
    assert result.accuracy == pytest.approx(100 * np.mean(result.predicted == yt)) and result.accuracy > 50
    assert result.predicted.dtype == np.int32 and result.predicted.shape == yt.shape
    assert [strength for strength, _ in result.info["validation"]] == [1e-3, 1e-1, 10.0]
    refit = fit(x, y, result.info["strength"], 5)
    assert np.array_equal(refit.predict(xt), result.predicted)


def test_the_strength_is_chosen_on_train_images_only() -> None:
    (x, y), (xt, yt) = _clusters(20, 1), _clusters(15, 2)
    shuffled = np.random.default_rng(0).permutation(yt)
    assert clean_probe(x, y, xt, shuffled, _clean()).info == clean_probe(x, y, xt, yt, _clean()).info


def test_ties_go_to_the_stronger_penalty() -> None:
    x = np.repeat(np.eye(3, dtype=np.float32) * 50, 8, axis=0)
    y = np.repeat(np.arange(3), 8)
    assert clean_probe(x, y, x, y, _clean(strengths=(1e-4, 1e-2, 1e-3))).info["strength"] == 1e-2


def test_mean_per_class_is_used_where_it_is_the_metric() -> None:
    (x, y), (xt, yt) = _clusters(20, 1), _clusters(15, 2)
    keep = np.r_[0:15, 15:18, 30:75]
    result = clean_probe(x, y, xt[keep], yt[keep], _clean("mean_per_class"))
    right = result.predicted == yt[keep]
    assert result.accuracy == pytest.approx(100 * np.mean([right[yt[keep] == label].mean() for label in range(5)]))


def test_a_probe_without_a_spare_image_is_refused() -> None:
    x, y = np.eye(3, dtype=np.float32), np.arange(3)
    with pytest.raises(UserError, match="two or more"):
        clean_probe(x, y, x, y, _clean())


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu().mean((2, 3))


def _images(seed: int, n: int) -> tuple[SquareImages, np.ndarray]:
    """Three colours with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    pixels = random.integers(0, 140, (n, 16, 16, 3))
    pixels[np.arange(n), :, :, labels] += 60
    return SquareImages.of((pixels.astype(np.uint8), None)), labels


def _released(**changes: object) -> ReleasedProbe:
    fields = {
        "embedding": EMBEDDING,
        "metric": "top1",
        "augmentation": Augmentation(size=16, stored=16, jitter_probability=0.0, grey_probability=0.0),
        "optimiser": SGD(lr=10.0),
        "batch": 16,
        "epochs": 6,
        "decay_epochs": (3, 4),
    }
    return ReleasedProbe.model_validate({**fields, **changes})


def _run(encoder: nn.Module, spec: ReleasedProbe) -> object:
    (train, y), (test, yt) = _images(1, 60), _images(2, 30)
    return released_probe(encoder, train, y, test, yt, spec)


def test_the_released_probe_reports_the_best_epoch_and_the_last() -> None:
    result = _run(_Encoder(), _released())
    curve = result.info["test_curve"]
    assert result.accuracy == max(curve) == result.info["best"] and result.info["last"] == curve[-1]
    assert len(curve) == 6 and result.info["best_minus_last"] == max(curve) - curve[-1]
    assert result.info["best_epoch"] == curve.index(max(curve)) + 1
    assert result.predicted.tolist() == result.info["predicted_best"] and result.accuracy > 60
    last = _run(_Encoder(), _released(epoch_choice="last"))
    assert last.accuracy == curve[-1] and last.predicted.tolist() == result.info["predicted_last"]


def test_batchnorm_adapts_on_a_copy_and_frozen_is_another_number() -> None:
    encoder = _Encoder().eval()
    before = copy.deepcopy(encoder.state_dict())
    adapted, frozen = _run(encoder, _released()), _run(encoder, _released(adapt_batchnorm=False))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert not encoder.training
    assert adapted.info["test_curve"] != frozen.info["test_curve"]


def test_adapting_leaves_the_running_statistics_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[nn.Module] = []
    keeping = SimpleNamespace(deepcopy=lambda module: copies.append(copy.deepcopy(module)) or copies[-1])
    monkeypatch.setattr(released, "copy", keeping)
    encoder = _Encoder()
    _run(encoder, _released(epochs=1))
    _run(encoder, _released(epochs=1, adapt_batchnorm=False))
    assert copies[0].norm.num_batches_tracked == 4 and copies[1].norm.num_batches_tracked == 0


class _Pooled(_Encoder):
    """BatchNorm behind the pooling, as in the last layers of a network on small images: one value an image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x).mean((2, 3), keepdim=True)).flatten(1)


@pytest.mark.parametrize(("encoder", "changes"), [(_Pooled, {}), (_Encoder, {"standardise": True})])
@pytest.mark.parametrize("images", [17, 33])
def test_a_last_batch_of_one_image_is_left_out_where_batches_are_normalised(encoder, changes, images) -> None:
    (train, y), (test, yt) = _images(1, images), _images(2, 30)
    result = released_probe(encoder(), train, y, test, yt, _released(**changes))
    assert result.accuracy > 60 and len(result.info["test_curve"]) == 6
    with pytest.raises(TooFewLabels, match="needs two training images: there is one"):
        released_probe(encoder(), *_images(1, 1), test, yt, _released(**changes))


def test_a_batch_of_one_counts_where_nothing_is_normalised_by_batches() -> None:
    (train, y), (test, yt) = _images(1, 17), _images(2, 30)
    steps: list[int] = []
    frozen = _released(adapt_batchnorm=False, epochs=1)
    encoder = _Encoder()
    encoder.register_forward_pre_hook(lambda module, x: steps.append(len(x[0])))
    released_probe(encoder, train, y, test, yt, frozen)
    # The first pass looks at the number of features.
    assert steps[1:3] == [16, 1]


def test_the_step_decay_starts_after_its_epochs() -> None:
    rates = [decayed(10, 0.1, (60, 80), epoch) for epoch in (1, 60, 61, 80, 81, 100)]
    assert rates == pytest.approx([10, 10, 1, 1, 0.1, 0.1])


def test_the_same_seed_gives_the_same_probe() -> None:
    first, again, other = (_run(_Encoder(), _released(seed=seed)) for seed in (1, 1, 2))
    assert first.info == again.info and first.info != other.info


class _Undefined(_Encoder):
    """Features of the very bright images are undefined."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = x.mean((1, 2, 3)) > 1.5
        return torch.where(bright[:, None], torch.nan, super().forward(x))


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_released_probe_refuses_features_that_are_not_finite_and_names_the_image(split: str) -> None:
    images = {"train": _images(1, 60), "test": _images(2, 30)}
    images[split][0].parts[0][0][17] = 255
    manifest = SimpleNamespace(ids=[f"{number}.png" for number in range(60)], label=f"targets/x/{split}")
    data = SimpleNamespace(verified_source=lambda _: SimpleNamespace(manifest=manifest))
    task = SimpleNamespace(images=lambda name: name, data=data)

    def probed(rows: np.ndarray) -> None:
        train = SquareImages.of((images["train"][0].parts[0][0], rows))
        with naming_images(task, train=rows):
            released_probe(_Undefined(), train, images["train"][1][rows], *images["test"], _released())

    with pytest.raises(UnusableFeatures, match=rf"image 17\.png of targets/x/{split} are not finite"):
        probed(np.arange(5, 60))
    if split == "train":
        probed(np.arange(18, 60))


@pytest.mark.parametrize("module", [linear_clean, online_classifier])
def test_probes_of_given_features_refuse_those_that_are_not_finite(module, feature_task, tmp_path) -> None:
    x, y = _clusters(20, 1)
    x[7] = np.nan
    spec = _clean() if module is linear_clean else OnlineProbe(embedding=EMBEDDING, metric="top1")
    task = feature_task(module, spec, train=(x, y), test=(x, y))
    with pytest.raises(UnusableFeatures, match=r"image 7\.png of targets/x/t.* are not finite"):
        module.run(task, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_probe_takes_features_of_zeros_which_have_no_direction(feature_task, tmp_path) -> None:
    (x, y), (test, labels) = _clusters(20, 1), _clusters(15, 2)
    x[7] = test[3] = 0
    task = feature_task(linear_clean, _clean(), train=(x, y), test=(test, labels))
    assert linear_clean.run(task, tmp_path).metrics["n"] == len(labels)


def test_the_released_probe_tells_separable_images_and_is_at_chance_on_shuffled_labels() -> None:
    def bright(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = _images(seed, n)
        pixels = images.parts[0][0]
        pixels[np.arange(n), :, :, labels] = 255
        return images, labels

    (train, y), (test, labels) = bright(1, 60), bright(2, 300)
    assert released_probe(_Encoder(), train, y, test, labels, _released()).accuracy >= 95
    shuffled = np.random.default_rng(3).permutation(y), np.random.default_rng(4).permutation(labels)
    last = _released(epoch_choice="last", epochs=2)
    chance = released_probe(_Encoder(), train, shuffled[0], test, shuffled[1], last).accuracy
    assert abs(chance - 100 / 3) <= 3 * 100 * np.sqrt(1 / 3 * 2 / 3 / 300)


def test_the_online_classifier_tells_separable_features_and_is_at_chance_on_shuffled_labels(
    feature_task, clusters, tmp_path
) -> None:
    (x, y), (test, labels) = clusters(60, 1), clusters(60, 2)
    trained = fit(x, y, 1e-3, 5)
    # The file takes an array as it lies in memory, row by row.
    layer = {"weight": np.ascontiguousarray(trained.weight, np.float32), "bias": trained.bias.astype(np.float32)}
    save_file(layer, tmp_path / "classifier.safetensors")

    def accuracy_on(labels: np.ndarray) -> float:
        spec = OnlineProbe(embedding=EMBEDDING, metric="top1")
        task = feature_task(online_classifier, spec, test=(test, labels))
        task.file = lambda _name, file: tmp_path / "classifier.safetensors"
        return online_classifier.run(task, tmp_path).metrics["accuracy"]

    assert accuracy_on(labels) >= 95
    chance = accuracy_on(np.random.default_rng(4).permutation(labels))
    assert abs(chance - 20) <= 3 * 100 * np.sqrt(0.2 * 0.8 / 300)
