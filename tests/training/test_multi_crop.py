import hashlib
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import PIL
import pytest
import scipy.ndimage
import torch
import torchvision.transforms.functional as F
from PIL import Image

from benchmark.specs.recipes import Augmentation, LocalCrops
from benchmark.training import augment as A
from benchmark.training.image_views import FileImages, SquareImages
from benchmark.training.loader import Feed, StepCrops, Stretch

SPEC = Augmentation(size=24)
MULTI = Augmentation(size=24, blur=(1.0, 0.1), solarise=(0.0, 0.2), local=LocalCrops(count=3, size=12))
ROWS = np.array([4, 1, 7, 0, 4])


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


class _Reader:
    def __init__(self) -> None:
        self._pixels, self.opened = _noise(9, 50, 44), Counter[int]()

    def __len__(self) -> int:
        return len(self._pixels)

    def open(self, index: int) -> Image.Image:
        self.opened[index] += 1
        return Image.fromarray(self._pixels[index])


def _squares() -> SquareImages:
    return SquareImages.of((_noise(9, 40, 40), None))


def _files() -> FileImages:
    return FileImages.of((_Reader(), None))


SOURCES = {"squares": _squares, "files": _files}


def _all(crops: int) -> slice:
    return slice(0, crops)


def _feed(source: str, spec: Augmentation, stretch: Stretch = _all) -> Feed:
    return Feed(SOURCES[source](), spec, lambda step: ROWS + step, (3, 1), stretch, torch.device("cpu"))


def _crops(source: str, spec: Augmentation, stretch: Stretch = _all) -> StepCrops:
    return next(iter(_feed(source, spec, stretch).crops(0, 1)))


# Defaults ------------------------------------------------------------------------------------------------------------

# Of the code as it was when every feed had two views, or one for the released probe, and nothing but them.
BEFORE = {
    ("squares", 1): "a84a24a252ece956b899bb7e78ee050651974641db6ef3eca807a1100a255e28",
    ("squares", 2): "4688f2a63026ad893f7f7fdd79c7ea22b4847ee913b17e3177fb9b1f7a819a17",
    ("files", 1): "d3434784b2174ea346421085a8cef83204425bfdfadda93c9ffbbaaac9c8d925",
    ("files", 2): "a621fdc8905ca0b53ebbfaab8136195a0bdcb37ec233405d330d886a0ff5c97a",
}


def _digest(source: str, views: int) -> str:
    torch.set_num_threads(1)
    seen = hashlib.sha256()
    for crops in _feed(source, SPEC.model_copy(update={"views": views})).crops(0, 2):
        assert crops.local is None and crops.first == 5 and len(crops.views) == 5 * views
        seen.update(crops.views.contiguous().numpy().tobytes())
    return seen.hexdigest()


@pytest.mark.parametrize("source", SOURCES)
def test_without_the_new_fields_every_crop_is_bitwise_what_it_was(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "files" and PIL.__version__.split(".")[0] != "13":
        pytest.skip("the golden cuts were rounded by Pillow 13")
    # A process of its own, in which torch and MKL take the kernels that give the same bits on every x86 processor.
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        for views in (1, 2):
            assert process.submit(_digest, source, views).result() == BEFORE[source, views]


def test_new_fields_do_not_change_the_numbers_of_the_others() -> None:
    plain, multi = (_feed("squares", spec).requests(2)[0] for spec in (SPEC, MULTI))
    assert np.array_equal(plain.numbers, multi.numbers) and np.array_equal(plain.rows, multi.rows)
    assert plain.effects is None and multi.effects is not None


# Bicubic -------------------------------------------------------------------------------------------------------------

BOXES = np.array([[0, 0, 64, 64], [3, 10, 40, 50], [20, 5, 9, 13], [1, 50, 63, 14], [30, 30, 24, 24]])
FLIP = np.array([False, True, False, True, False])


def _smooth() -> np.ndarray:
    coarse = torch.from_numpy(_noise(len(BOXES), 8, 8)).permute(0, 3, 1, 2).float()
    return F.resize(coarse, [64, 64]).permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


def _black_and_white() -> np.ndarray:
    return np.where(_noise(len(BOXES), 64, 64) < 128, 0, 255).astype(np.uint8)


def _furthest(squares: np.ndarray, *sizes: tuple[int | None, int | None]) -> int:
    """Grey levels between our bicubic crops of 24 pixels and PIL's, resized to `sizes` in turn (None: as it is)."""
    made = A.crop_squares(torch.from_numpy(squares), BOXES, FLIP, 24, "bicubic")
    assert made.is_contiguous() and made.min() >= 0 and made.max() <= 1
    furthest = 0
    for square, (top, left, h, w), mirrored, crop in zip(squares, BOXES, FLIP, made, strict=True):
        image = Image.fromarray(square).crop((left, top, left + w, top + h))
        for width, height in sizes:
            image = image.resize((width or image.width, height or image.height), Image.Resampling.BICUBIC)
        expected = np.asarray(image).astype(int)[:, :: -1 if mirrored else 1]
        pixels = (crop.permute(1, 2, 0) * 255).round().int().numpy()
        furthest = max(furthest, int(np.abs(pixels - expected).max()))
    return furthest


def test_bicubic_crops_of_squares_are_pils_within_one_grey_level() -> None:
    assert _furthest(_smooth(), (24, 24)) <= 1
    # Where pixels overshoot, PIL's order of passes counts, which in Pillow 13 depends on the shape: here it is told.
    assert _furthest(_black_and_white(), (24, None), (None, 24)) <= 1


def test_bicubic_crops_of_files_are_pils() -> None:
    u, spec = A.uniforms((5,), 1), Augmentation(size=24, interpolation="bicubic")
    image = Image.fromarray(_noise(70, 90))
    top, left, h, w = A.boxes(u, np.array([70]), np.array([90]), spec)[0].tolist()
    expected = image.crop((left, top, left + w, top + h)).resize((24, 24), Image.Resampling.BICUBIC)
    assert np.array_equal(A.crop_image(image, u[0], spec), np.asarray(expected))
    assert not np.array_equal(A.crop_image(image, u[0], SPEC), np.asarray(expected))


@pytest.mark.parametrize("source", SOURCES)
def test_both_feeds_use_the_interpolation_of_their_spec(source: str) -> None:
    cubic = SPEC.model_copy(update={"interpolation": "bicubic"})
    assert not torch.allclose(_crops(source, cubic).views, _crops(source, SPEC).views, atol=0.05)


# Effects -------------------------------------------------------------------------------------------------------------


def test_blur_is_scipys_gaussian_away_from_the_edges_and_keeps_a_plain_image() -> None:
    sigma = np.array([0.1, 0.7, 2.0])
    crops = torch.from_numpy(_noise(3, 48, 48)).permute(0, 3, 1, 2) / 255
    blurred = A.blur(crops, torch.from_numpy(sigma).float())
    for i in range(3):
        expected = scipy.ndimage.gaussian_filter(crops[i].double().numpy(), (0, sigma[i], sigma[i]), truncate=6)
        assert np.abs(blurred[i].numpy() - expected)[:, 12:-12, 12:-12].max() < 1e-5
    assert torch.allclose(A.blur(torch.full((1, 3, 9, 9), 0.3), torch.tensor([2.0])), torch.tensor(0.3))


def test_solarise_inverts_what_is_at_least_a_half() -> None:
    assert torch.equal(A.solarise(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])), torch.tensor([0.0, 0.25, 0.5, 0.25, 0.0]))


def test_effects_have_the_probabilities_of_their_view() -> None:
    n = 20_000
    spec, view = Augmentation(size=24, blur=(1.0, 0.1), solarise=(0.0, 0.2)), np.repeat([0, 1], n)
    made = A.effects(A.uniforms((4,), 2 * n, A.EFFECT_VARIATES), view, spec)
    assert made.sigma[:n].all() and not made.solarise[:n].any()
    for share, probability in (((made.sigma > 0)[n:], 0.1), (made.solarise[n:], 0.2)):
        assert abs(share.mean() - probability) < 4.5 * (probability * (1 - probability) / n) ** 0.5
    quantiles = np.quantile(made.sigma[:n], [0.0, 0.25, 0.5, 0.75, 1.0])
    assert np.allclose(quantiles, [0.1, 0.575, 1.05, 1.525, 2.0], atol=0.03)


@pytest.mark.parametrize("source", SOURCES)
def test_a_crop_is_blurred_then_solarised_after_its_colours(source: str) -> None:
    spec = SPEC.model_copy(update={"blur": (1.0, 0.0), "solarise": (0.5, 1.0)})
    made = _feed(source, spec).requests(0)[0].effects
    assert made is not None and made.solarise[:5].any() and not made.solarise[:5].all()
    mean, std = (torch.tensor(value)[:, None, None] for value in (A.MEAN, A.STD))
    expected = _crops(source, SPEC).views * std + mean
    expected[:5] = A.blur(expected[:5], torch.from_numpy(made.sigma[:5]).float())
    expected = torch.where(torch.from_numpy(made.solarise)[:, None, None, None], A.solarise(expected), expected)
    # Solarisation is continuous at a half, so rounding to its other side does no harm.
    assert torch.allclose(_crops(source, spec).views, A.normalise(expected), atol=1e-4)


# Local crops ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_local_crops_have_their_size_and_are_ordered_crop_by_crop(source: str) -> None:
    crops, (_, local) = _crops(source, MULTI), _feed(source, MULTI).requests(0)
    assert crops.views.shape == (10, 3, 24, 24) and crops.first == 5
    assert crops.local is not None and crops.local.shape == (15, 3, 12, 12)
    assert local.rows.tolist() == ROWS.tolist() * 3
    for crop, row, u in zip(crops.local, local.rows, local.numbers, strict=True):
        assert torch.allclose(crop, _one_crop(source, row, u, local.augmentation), atol=1e-5)


def _one_crop(source: str, row: int, u: np.ndarray, spec: Augmentation) -> torch.Tensor:
    if source == "squares":
        return A.augment(torch.from_numpy(_squares().take(np.array([row]))), u[None], spec)[0]
    return A.augment_crops(torch.from_numpy(A.crop_image(_files().open(row), u, spec).copy())[None], u[None], spec)[0]


def test_local_crops_have_the_areas_of_their_spec_and_numbers_of_their_own() -> None:
    spec = Augmentation(size=96, local=LocalCrops(count=8, size=48))
    views, local = _feed("squares", spec).requests(0)
    side = np.full(len(local.rows), 1000)
    box = A.boxes(local.numbers, side, side, local.augmentation)
    area = box[:, 2] * box[:, 3] / 1e6
    assert area.min() > 0.049 and area.max() < 0.201 and area.max() - area.min() > 0.1
    assert len(np.unique(np.concatenate([views.numbers, local.numbers])[:, 0])) == 50
    assert local.augmentation.model_copy(update={"size": 96, "scale": spec.scale, "local": spec.local}) == spec


@pytest.mark.parametrize("source", SOURCES)
def test_local_crops_are_never_blurred_or_solarised(source: str) -> None:
    strong = MULTI.model_copy(update={"blur": (1.0, 1.0), "solarise": (1.0, 1.0)})
    bare = MULTI.model_copy(update={"blur": (0.0, 0.0), "solarise": (0.0, 0.0)})
    with_effects, without = _crops(source, strong), _crops(source, bare)
    assert with_effects.local is not None and without.local is not None
    assert torch.equal(with_effects.local, without.local)
    assert not torch.allclose(with_effects.views, without.views, atol=0.1)


# Ranks and files -----------------------------------------------------------------------------------------------------


def _part(rank: int, ranks: int) -> Stretch:
    def stretch(crops: int) -> slice:
        step = -(-crops // ranks)
        return slice(min(crops, rank * step), min(crops, (rank + 1) * step))

    return stretch


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("ranks", [2, 3, 10])
def test_ranks_make_the_crops_of_one_device(source: str, ranks: int) -> None:
    whole = _crops(source, MULTI)
    parts = [_crops(source, MULTI, _part(rank, ranks)) for rank in range(ranks)]
    assert torch.allclose(torch.cat([part.views for part in parts]), whole.views, atol=1e-5)
    local = torch.cat([part.local for part in parts if part.local is not None])
    assert whole.local is not None and torch.allclose(local, whole.local, atol=1e-5)
    assert [part.first for part in parts] == {2: [5, 0], 3: [4, 1, 0], 10: [1] * 5 + [0] * 5}[ranks]


@pytest.mark.parametrize("source", SOURCES)
def test_a_rank_may_have_views_and_no_local_crops(source: str) -> None:
    one = MULTI.model_copy(update={"local": LocalCrops(count=1, size=12)})
    crops = _crops(source, one, _part(8, 10))
    assert len(crops.views) == 1 and crops.local is not None and crops.local.shape == (0, 3, 12, 12)


@pytest.mark.parametrize("views", [1, 2])
def test_a_file_is_decoded_once_for_all_crops_of_an_image(views: int) -> None:
    reader = _Reader()
    feed = _feed("files", MULTI.model_copy(update={"views": views}))
    made = list(replace(feed, images=FileImages.of((reader, None))).crops(0, 1))
    assert reader.opened == {0: 1, 1: 1, 4: 1, 7: 1}
    assert [(len(crops.views), crops.first) for crops in made] == [(5 * views, 5)]


def test_crops_do_not_depend_on_the_workers() -> None:
    here = _crops("files", MULTI)
    in_worker = next(iter(replace(_feed("files", MULTI), workers=1).crops(0, 1)))
    assert here.local is not None and in_worker.local is not None
    assert torch.equal(here.views, in_worker.views) and torch.equal(here.local, in_worker.local)
