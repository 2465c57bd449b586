import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file

from benchmark.errors import UserError
from benchmark.methods.simclr import SimCLR
from benchmark.pretrain import train as training
from benchmark.pretrain.encoder import load_encoder
from benchmark.pretrain.engines import Engine, find_engine
from benchmark.pretrain.learner import Learner
from benchmark.pretrain.train import DivergedError, TrainResult, Watch, train
from benchmark.specs.recipes import (
    SGD,
    AdamW,
    Augmentation,
    Backbone,
    CodedEpochs,
    Cosine,
    Embedding,
    Epochs,
    Recipe,
    SeedAxes,
    Steps,
)
from benchmark.training import checkpoint
from benchmark.training.backbones import build
from benchmark.training.distributed import usable
from benchmark.training.features import embed
from benchmark.training.image_views import FileImages, SquareImages

SEEDS = SeedAxes(init=3, data=4)


def recipe(**changes: object) -> Recipe:
    fields = {
        "engine": "lightly",
        "method": SimCLR(temperature=0.2),
        "backbone": Backbone(name="resnet18", library="torchvision"),
        "augmentation": Augmentation(size=32, stored=40),
        "optimiser": SGD(lr=0.05, weight_decay=1e-4),
        "schedule": Cosine(per="step"),
        "length": Steps(steps=4),
        "batch": 8,
        "precision": "float32",
    }
    return Recipe.model_validate({**fields, **changes})


def squares(n: int = 20) -> SquareImages:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 40, 40, 3), dtype=np.uint8)
    return SquareImages.of((pixels, None))


def weights(result: TrainResult) -> dict[str, torch.Tensor]:
    assert result.encoder is not None
    return load_file(result.encoder)


def equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


OPTIMISERS = [(SGD(lr=0.05), "bfloat16"), (AdamW(lr=1e-3), "float32")]


@pytest.mark.parametrize(("optimiser", "precision"), OPTIMISERS)
def test_a_resumed_run_is_bitwise_the_unbroken_one(tmp_path: Path, optimiser: object, precision: str) -> None:
    spec = recipe(optimiser=optimiser, precision=precision)
    whole = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "whole")
    part = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts", stop_after=2)
    assert part.steps == 2 and part.encoder is None and part.losses == whole.losses[:2]
    rest = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts")
    assert rest.losses == whole.losses and equal(weights(rest), weights(whole))


def _killed_at_step_three(folder: Path) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if done == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    train(recipe(), squares(), SEEDS, checkpoint_dir=folder, checkpoint_every=0.0, watch=Watch(progress))


def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_killed_at_step_three, args=(tmp_path / "killed",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    steps: list[int] = []
    resumed = train(
        recipe(),
        squares(),
        SEEDS,
        checkpoint_dir=tmp_path / "killed",
        watch=Watch(lambda _, done, __: steps.append(done)),
    )
    whole = train(recipe(), squares(), SEEDS, checkpoint_dir=tmp_path / "whole")
    assert steps == [4] and resumed.losses == whole.losses and equal(weights(resumed), weights(whole))


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stopped_run_saves_its_step_and_says_where_it_goes_on(tmp_path: Path, devices: int) -> None:
    spec = recipe(batchnorm_group=4, length=Steps(steps=5), optimiser=SGD(lr=0.01))
    whole = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "whole", devices=devices)
    taken: list[int] = []
    lines: list[str] = []

    def stops_after(step: int) -> Watch:
        return Watch(lambda _, done, __: taken.append(done), lines.append, lambda: taken[-1] >= step)

    for step in (2, 3):
        part = train(
            spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts", watch=stops_after(step), devices=devices
        )
        assert part.steps == step and part.encoder is None and part.losses == whole.losses[:step]
    rest = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts", watch=stops_after(9), devices=devices)
    assert taken == [1, 2, 3, 4, 5] and lines == ["goes on from step 2 of 5", "goes on from step 3 of 5"]
    assert rest.resumed == (2, 3) and whole.resumed == ()
    assert rest.losses == whole.losses and equal(weights(rest), weights(whole))


def test_a_checkpoint_of_another_run_is_not_used(tmp_path: Path) -> None:
    train(recipe(), squares(), SEEDS, checkpoint_dir=tmp_path, stop_after=2)
    other = SeedAxes(init=3, data=5)
    after = train(recipe(), squares(), other, checkpoint_dir=tmp_path)
    assert after.losses == train(recipe(), squares(), other, checkpoint_dir=tmp_path / "fresh").losses


@pytest.mark.parametrize("left", [0, 60, 5000])
def test_a_damaged_checkpoint_is_as_none(tmp_path: Path, left: int) -> None:
    spec = recipe(length=Steps(steps=2))
    whole = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "whole")
    train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts", stop_after=1)
    file = tmp_path / "parts" / checkpoint.FILE
    file.write_bytes(file.read_bytes()[:left])
    again = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts")
    assert again.losses == whole.losses and equal(weights(again), weights(whole))


@pytest.mark.parametrize("place", [-1, -5000])
def test_a_checkpoint_with_a_flipped_byte_is_as_none(tmp_path: Path, place: int) -> None:
    """A bit of a weight or of the optimiser's state: the file can be read all the same."""
    spec = recipe(length=Steps(steps=2))
    whole = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "whole")
    train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts", stop_after=1)
    file = tmp_path / "parts" / checkpoint.FILE
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    again = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "parts")
    assert again.resumed == ()
    assert again.losses == whole.losses and equal(weights(again), weights(whole))


def test_a_checkpoint_that_fills_the_disk_says_so_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.write(tmp_path / "file", {"a": torch.zeros(2)}, {})

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_text("half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(tmp_path / "file", {"a": torch.ones(2)}, {})
    assert list(tmp_path.iterdir()) == [tmp_path / "file"] and not load_file(tmp_path / "file")["a"].any()


def test_no_steps_give_the_untrained_encoder_of_the_init_seed(tmp_path: Path) -> None:
    spec = recipe(length=Steps(steps=0))
    one = train(spec, squares(), SEEDS, checkpoint_dir=tmp_path / "a")
    two = train(spec, squares(9), SeedAxes(init=3, data=99), checkpoint_dir=tmp_path / "b")
    built = find_engine("lightly").build(spec, 3).backbone.state_dict()
    assert one.steps == 0 and one.samples == 0 and equal(weights(one), weights(two)) and equal(weights(one), built)


def test_the_result_counts_what_was_seen(tmp_path: Path) -> None:
    result = train(recipe(length=Epochs(epochs=2)), squares(20), SEEDS, checkpoint_dir=tmp_path)
    assert (result.steps, result.epochs, result.samples) == (6, 2, 40)
    assert result.exposures.tolist() == [2] * 20 and len(result.losses) == 6 and result.curve[-1][0] == 6
    assert result.engine.startswith("lightly 1.")


def test_the_last_partial_batch_and_the_coded_rule(tmp_path: Path) -> None:
    spec = recipe(length=CodedEpochs(cap=7, passes=100, reference=30))
    assert train(spec, squares(9), SEEDS, checkpoint_dir=tmp_path, coreset_size=3000, stop_after=1).epochs == 1


def test_a_loss_that_is_no_number_is_an_error_with_the_step(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) at step \d+; losses before: .*lr"):
        train(recipe(optimiser=SGD(lr=1e30)), squares(), SEEDS, checkpoint_dir=tmp_path)


def test_rows_of_several_caches_are_read_in_place(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (12, 40, 40, 3), dtype=np.uint8)
    np.save(tmp_path / "pool.npy", pixels)
    pool = np.load(tmp_path / "pool.npy", mmap_mode="r")
    images = SquareImages.of((pixels[:4], None), (pool, np.array([9, 2])))
    assert len(images) == 6 and images.side == 40
    assert np.array_equal(images.take(np.array([5, 0, 4])), pixels[[2, 0, 9]])


class _Reader:
    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def open(self, index: int) -> Image.Image:
        return Image.fromarray(self._pixels[index])


def _files() -> FileImages:
    pixels = np.random.default_rng(2).integers(0, 256, (9, 50, 44, 3), dtype=np.uint8)
    return FileImages.of((_Reader(pixels), None), (_Reader(pixels), np.array([3])))


def test_training_from_files_does_not_depend_on_the_workers(tmp_path: Path) -> None:
    spec = recipe(augmentation=Augmentation(size=32), length=Steps(steps=2))
    runs = [train(spec, _files(), SEEDS, checkpoint_dir=tmp_path / str(n), workers=n) for n in (0, 2)]
    assert runs[0].losses == runs[1].losses and equal(weights(runs[0]), weights(runs[1]))


# Several ranks. In float64: BatchNorm over a handful of values can make a rounding of float32 as large as a real fault.


class InFloat64:
    """An engine whose learners have weights in float64 and take crops to it. The gathered outputs are float32 as ever:
    ranks agree on them to the last bit unless a value lies within float64's rounding of the edge between two."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def build(self, *arguments: Any) -> Learner:
        learner = self._engine.build(*arguments).double()
        learner.register_forward_pre_hook(_widened)
        return learner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _widened(_module: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.double() if torch.is_tensor(each) else each for each in inputs)


def _engine_in_float64(name: str) -> Any:
    return InFloat64(find_engine(name))


class SquaresInFloat64(SquareImages):
    """Images that bring `InFloat64` with them to the process of another rank, which nothing else here reaches."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        training.find_engine = _engine_in_float64
        super().__setstate__(state)


@pytest.fixture
def on_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TrainResult]:
    """`on_ranks(devices, images, changes of the recipe)`: a training in float64."""
    monkeypatch.setattr(training, "find_engine", _engine_in_float64)

    def run(devices: int, n: int, **changes: object) -> TrainResult:
        images = SquaresInFloat64(squares(n).parts)
        spec = recipe(**{"batchnorm_group": 4, "optimiser": SGD(lr=0.01), **changes})
        return train(spec, images, SEEDS, checkpoint_dir=tmp_path / str(devices), devices=devices)

    return run


def assert_same_training(one: TrainResult, two: TrainResult) -> None:
    """Alike to 1e-5 of how far each tensor moved. Seen: 9e-13. An output that falls on the other side of an edge of
    float32, as it may on another processor, counts some 1e-7."""
    assert two.losses == pytest.approx(one.losses, rel=1e-6)
    before = find_engine("lightly").build(recipe(), SEEDS.init).backbone.state_dict()
    first, second = weights(one), weights(two)
    assert first.keys() == second.keys() == before.keys()
    for name, value in first.items():
        if value.is_floating_point():
            moved = (value - before[name]).abs().max().item()
            assert value.dtype == torch.float64 and moved > 0, name
            assert (second[name] - value).abs().max().item() <= 1e-5 * moved, name


@pytest.mark.slow
def test_two_ranks_do_what_one_device_does(on_ranks: Callable[..., TrainResult]) -> None:
    assert_same_training(*(on_ranks(devices, 20, length=Steps(steps=2)) for devices in (1, 2)))


def test_two_ranks_cut_a_partial_batch_into_the_groups_of_one_device(on_ranks: Callable[..., TrainResult]) -> None:
    """27 images: a batch of 16 and one of 11, whose 22 crops are groups of 6, 6, 6 and 4, two of them on each rank."""
    changes = {"batch": 16, "batchnorm_group": 8, "length": Epochs(epochs=1)}
    one, two = (on_ranks(devices, 27, **changes) for devices in (1, 2))
    assert len(one.losses) == 2
    assert_same_training(one, two)


def test_devices_are_as_many_as_every_batch_can_be_spread_over() -> None:
    spec = recipe(batch=512, batchnorm_group=256)
    assert [usable(spec, devices, {512}) for devices in (1, 2, 3, 4, 8)] == [1, 2, 2, 4, 4]
    # 6 crops in 4 groups of 2 leave the fourth device without any; 10 in groups of 3 leave it a single one.
    assert usable(spec, 4, {512, 3}) == 2 and usable(spec, 4, {512, 5}) == 1
    assert usable(recipe(batch=512), 4, {512}) == 1


def test_devices_that_cannot_share_the_groups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="BatchNorm group"):
        train(recipe(), squares(), SEEDS, checkpoint_dir=tmp_path, devices=2)


def test_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no images"):
        train(recipe(), squares(0), SEEDS, checkpoint_dir=tmp_path)


def test_float16_trains_on_a_cpu(tmp_path: Path) -> None:
    result = train(recipe(precision="float16"), squares(), SEEDS, checkpoint_dir=tmp_path, stop_after=2)
    full = train(recipe(), squares(), SEEDS, checkpoint_dir=tmp_path / "full", stop_after=1)
    assert result.losses[0] == pytest.approx(full.losses[0], rel=0.02)


def test_features_do_not_depend_on_where_an_image_stands(tmp_path: Path) -> None:
    encoder = build(Backbone(name="resnet18", library="torchvision"))
    spec, images = Embedding(resize=36, crop=32, stored=40), squares(150)
    whole = embed(encoder, images, spec, path=tmp_path / "features.npy")
    part = embed(encoder, SquareImages.of((images.parts[0][0], np.array([140, 7]))), spec)
    assert whole.shape == (150, 512) and whole.dtype == np.float32 and not encoder.training
    assert np.allclose(part, whole[[140, 7]], atol=1e-4)
    assert np.array_equal(np.load(tmp_path / "features.npy"), whole)
    assert embed(encoder, _files(), Embedding(resize=36, crop=32)).shape == (10, 512)


@pytest.mark.parametrize("images", [squares(700), _files()])
def test_features_are_those_of_one_thread(images: SquareImages | FileImages) -> None:
    encoder = build(Backbone(name="resnet10t", library="timm"))
    spec = Embedding(resize=36, crop=32, stored=40)
    one, several = (embed(encoder, images, spec, workers=workers) for workers in (1, 2))
    assert np.array_equal(one, several)


def test_a_network_that_cannot_take_a_block_is_an_error_in_every_thread() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 64), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    with pytest.raises(RuntimeError, match="Kernel size"):
        embed(network, squares(300), Embedding(resize=36, crop=32, stored=40), workers=2)


def test_an_encoder_is_loaded_as_it_was_written(tmp_path: Path) -> None:
    result = train(recipe(length=Steps(steps=1)), squares(), SEEDS, checkpoint_dir=tmp_path)
    assert result.encoder is not None
    encoder = load_encoder(recipe(), result.encoder)
    assert equal({name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}, weights(result))
