import numpy as np
import pytest
import torch
import torchvision.transforms as transforms
import torchvision.transforms.functional as F
from PIL import Image

from benchmark.specs.recipes import Augmentation
from benchmark.training import augment as A

SPEC = Augmentation(size=24, stored=40)


def _squares(n: int, side: int = 40) -> np.ndarray:
    coarse = torch.from_numpy(np.random.default_rng(3).random((n, 3, 5, 5), dtype=np.float32))
    fine = F.resize(coarse, [side, side]) * 255
    return fine.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def _one_by_one(square: np.ndarray, box: np.ndarray, change: A.Colours, i: int, size: int) -> torch.Tensor:
    image = torch.from_numpy(square.copy()).permute(2, 0, 1).float() / 255
    image = F.resized_crop(image, *box.tolist(), [size, size], antialias=True).clamp(0, 1)
    image = F.hflip(image) if change.flip[i] else image
    operations = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    for operation in change.order[i] if change.jitter[i] else ():
        image = operations[operation](image, float(change.factors[i, operation]))
    image = F.rgb_to_grayscale(image, 3) if change.grey[i] else image
    return F.normalize(image, A.MEAN, A.STD)


def test_batched_augmentation_equals_torchvision_image_by_image() -> None:
    n = 48
    squares, u = _squares(n), A.uniforms((0, 1, 2), n)
    side = np.full(n, 40)
    box, change = A.boxes(u, side, side, SPEC), A.colours(u, SPEC)
    assert change.flip.any() and change.jitter.any() and change.grey.any() and not change.jitter.all()
    batched = A.augment(torch.from_numpy(squares), u, SPEC)
    expected = torch.stack([_one_by_one(squares[i], box[i], change, i, SPEC.size) for i in range(n)])
    assert torch.allclose(batched, expected, atol=5e-5)


def test_crops_of_files_equal_torchvision_on_pil_images() -> None:
    square, u = _squares(1, 90)[0][:70], A.uniforms((5,), 1)
    image = Image.fromarray(square)
    top, left, h, w = A.boxes(u, np.array([70]), np.array([90]), SPEC)[0].tolist()
    expected = np.asarray(F.resized_crop(image, top, left, h, w, [24, 24]))
    made = A.crop_image(image, u[0], SPEC)
    assert np.abs(made.astype(int) - expected.astype(int)).max() <= 1
    through = A.augment_crops(torch.from_numpy(made.copy())[None], u, SPEC)
    change = A.colours(u, SPEC)
    whole = _one_by_one(made, np.array([0, 0, 24, 24]), change, 0, 24)
    assert torch.allclose(through[0], whole, atol=5e-5)


def _torchvision_boxes(n: int, height: int, width: int) -> np.ndarray:
    image = torch.zeros(3, height, width)
    return np.array([transforms.RandomResizedCrop.get_params(image, [0.2, 1.0], [3 / 4, 4 / 3]) for _ in range(n)])


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 100)])
def test_boxes_are_distributed_as_torchvisions(height: int, width: int) -> None:
    n = 4000
    torch.manual_seed(0)
    boxes = A.boxes(A.uniforms((9,), n), np.full(n, height), np.full(n, width), SPEC)
    reference = _torchvision_boxes(n, height, width)
    for column in range(4):
        scale = reference[:, column].std() * (2 / n) ** 0.5
        assert abs(boxes[:, column].mean() - reference[:, column].mean()) < 4.5 * scale
        assert (
            np.abs(np.quantile(boxes[:, column], [0.1, 0.9]) - np.quantile(reference[:, column], [0.1, 0.9])).max() <= 3
        )


def test_colours_have_the_probabilities_and_ranges_of_their_spec() -> None:
    n = 20_000
    change = A.colours(A.uniforms((4,), n), SPEC)
    for share, probability in ((change.flip, 0.5), (change.jitter, 0.8), (change.grey, 0.2)):
        assert abs(share.mean() - probability) < 4.5 * (probability * (1 - probability) / n) ** 0.5
    low, high = change.factors.min(0), change.factors.max(0)
    assert np.allclose(low, [0.2, 0.2, 0.2, -0.2], atol=0.01) and np.allclose(high, [1.8, 1.8, 1.8, 0.2], atol=0.01)
    _, counts = np.unique(change.order, axis=0, return_counts=True)
    assert len(counts) == 24 and counts.min() > n / 24 * 0.8


def test_equal_keys_give_equal_numbers_and_different_keys_do_not() -> None:
    assert np.array_equal(A.uniforms((1, 2, 3), 5), A.uniforms((1, 2, 3), 5))
    assert not np.array_equal(A.uniforms((1, 2, 3), 5), A.uniforms((1, 2, 4), 5))


def test_evaluation_transform_equals_torchvision() -> None:
    squares = _squares(3)
    made = A.evaluation_squares(torch.from_numpy(squares), 32, 24)
    planes = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
    expected = F.normalize(F.center_crop(F.resize(planes, [32, 32], antialias=True), [24, 24]), A.MEAN, A.STD)
    assert torch.allclose(made, expected, atol=5e-5)
    image = Image.fromarray(np.tile(squares[0], (1, 2, 1))[:, :63])
    expected_crop = np.asarray(F.center_crop(F.resize(image, 32), [24, 24]))
    assert np.array_equal(A.evaluation_image(image, 32, 24), expected_crop)
