"""SimCLR's augmentation on batches of tensors, and the evaluation transform: two small matrix products per image.

Distribution-equal to torchvision's RandomResizedCrop, RandomHorizontalFlip, RandomApply(ColorJitter), RandomGrayscale
and Normalize in the order of the released code (`train_selfsup.py`, `get_dataset`), with a Gaussian blur and Solarize
before Normalize where a recipe has them. Every random number is drawn first (`uniforms`, a function of seed, step and
place in the batch alone), turned into parameters (`boxes`, `colours`, `effects`) and then applied, so that a run can be
resumed or spread over devices without saving or sharing any generator.

Pixels stay in floating point from the first resampling on, where torchvision on PIL images rounds to 8 bits after every
operation: up to one grey level of difference per operation.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmark.specs.recipes import MEAN, STD, Augmentation, LocalCrops

ATTEMPTS = 10
SIGMA = (0.1, 2.0)
Interpolation = Literal["bilinear", "bicubic"]
_LUMA = (0.2989, 0.587, 0.114)
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)

# Columns of `uniforms`.
_AREA = slice(0, ATTEMPTS)
_RATIO = slice(ATTEMPTS, 2 * ATTEMPTS)
_TOP, _LEFT, _FLIP, _APPLY, _GREY = range(2 * ATTEMPTS, 2 * ATTEMPTS + 5)
_FACTORS = slice(_GREY + 1, _GREY + 5)
_ORDER = slice(_GREY + 5, _GREY + 9)
VARIATES = _GREY + 9

# Columns of the numbers of `effects`, which are drawn apart: recipes without effects keep the numbers they always had.
_BLUR, _SIGMA, _SOLARISE = range(3)
EFFECT_VARIATES = 3


def stream(*key: int) -> np.random.Generator:
    """The generator named by `key` (non-negative integers): equal keys give equal numbers, in any process."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def uniforms(key: tuple[int, ...], crops: int, variates: int = VARIATES) -> NDArray[np.float64]:
    """All random numbers of `crops` crops, float64 [crops, variates] in [0, 1)."""
    return stream(*key).random((crops, variates))


def local_augmentation(spec: Augmentation, local: LocalCrops) -> Augmentation:
    """`spec` in the size and scale of `local` crops and without effects."""
    never = (0.0, 0.0)
    changes = {"size": local.size, "scale": local.scale, "blur": never, "solarise": never, "local": None}
    return spec.model_copy(update=changes)


def boxes(
    u: NDArray[np.float64], heights: NDArray[np.int64], widths: NDArray[np.int64], spec: Augmentation
) -> NDArray[np.int64]:
    """Crop boxes as RandomResizedCrop draws them: int64 [n, 4] of top, left, height, width, in pixels.

    `u` is `uniforms` [n, VARIATES], `heights` and `widths` are [n]. Ten attempts, then the largest centred crop with an
    allowed ratio.
    """
    area = (heights * widths)[:, None] * _between(u[:, _AREA], *spec.scale)
    ratio = np.exp(_between(u[:, _RATIO], float(np.log(spec.ratio[0])), float(np.log(spec.ratio[1]))))
    w = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    h = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (w > 0) & (w <= widths[:, None]) & (h > 0) & (h <= heights[:, None])
    first, rows = fits.argmax(1), np.arange(len(u))
    h, w = h[rows, first], w[rows, first]
    top = np.floor(u[:, _TOP] * (heights - h + 1)).astype(np.int64)
    left = np.floor(u[:, _LEFT] * (widths - w + 1)).astype(np.int64)
    drawn = np.stack([top, left, h, w], 1)
    return np.where(fits.any(axis=1, keepdims=True), drawn, _centred(heights, widths, spec.ratio))


def _between(u: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return low + u * (high - low)


def _centred(heights: NDArray[np.int64], widths: NDArray[np.int64], ratio: tuple[float, float]) -> NDArray[np.int64]:
    h = np.where(widths / heights < ratio[0], np.rint(widths / ratio[0]), heights).astype(np.int64)
    w = np.where(widths / heights > ratio[1], np.rint(heights * ratio[1]), widths).astype(np.int64)
    return np.stack([(heights - h) // 2, (widths - w) // 2, h, w], 1)


@dataclass(frozen=True)
class Colours:
    """What happens to the pixels of n crops.

    `flip`, `jitter`, `grey` are bool [n]; `factors` float64 [n, 4] of brightness, contrast, saturation (1 leaves the
    image alone) and hue (0 does, in turns); `order` int64 [n, 4], the operations in their order of application.
    """

    flip: NDArray[np.bool_]
    jitter: NDArray[np.bool_]
    factors: NDArray[np.float64]
    order: NDArray[np.int64]
    grey: NDArray[np.bool_]


def colours(u: NDArray[np.float64], spec: Augmentation) -> Colours:
    """The flips, jitters and greys that `u` [n, VARIATES] stands for, as ColorJitter draws them."""
    strength = np.array(spec.jitter)
    low = np.array([*np.maximum(0.0, 1.0 - strength[:3]), -strength[_HUE]])
    high = np.array([*(1.0 + strength[:3]), strength[_HUE]])
    return Colours(
        flip=u[:, _FLIP] < spec.flip,
        jitter=(u[:, _APPLY] < spec.jitter_probability) & (strength > 0).any(),
        factors=low + u[:, _FACTORS] * (high - low),
        order=np.argsort(u[:, _ORDER], axis=1),
        grey=u[:, _GREY] < spec.grey_probability,
    )


@dataclass(frozen=True)
class Effects:
    """What happens to n crops after their colours: `sigma` float64 [n], of the Gaussian that blurs them, in pixels of
    the crop (0: none does); `solarise` bool [n]."""

    sigma: NDArray[np.float64]
    solarise: NDArray[np.bool_]


def effects(u: NDArray[np.float64], view: NDArray[np.int64], spec: Augmentation) -> Effects:
    """The blurs and solarisations that `u` [n, EFFECT_VARIATES] stands for, of crops of views `view` [n], from 0."""
    blurred = u[:, _BLUR] < np.array(spec.blur)[view]
    sigma = np.where(blurred, _between(u[:, _SIGMA], *SIGMA), 0.0)
    return Effects(sigma, u[:, _SOLARISE] < np.array(spec.solarise)[view])


# Geometry ------------------------------------------------------------------------------------------------------------
def resampling(
    start: torch.Tensor, length: torch.Tensor, source: int, size: int, interpolation: Interpolation = "bilinear"
) -> torch.Tensor:
    """Weights [n, size, source] that resize the stretch [start, start + length) of a line of `source` pixels to `size`.

    The antialiased filters of PIL, which for "bilinear" is also torchvision's `resize(antialias=True)`; `start`,
    `length` are [n].
    """
    scale = (length / size)[:, None, None]
    width = scale.clamp(min=1.0)
    centre = (torch.arange(size, device=start.device) + 0.5)[None, :, None] * scale
    pixel = torch.arange(source, device=start.device)[None, None, :] - start[:, None, None]
    inside = (pixel >= 0) & (pixel < length[:, None, None])
    weight = _FILTERS[interpolation]((pixel + 0.5 - centre).abs_(), width).mul_(inside)
    return weight.div_(weight.sum(2, keepdim=True))


def _triangle(distance: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    return distance.div_(-width).add_(1.0).clamp_(min=0.0)


def _cubic(distance: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """Keys' kernel with a = -0.5."""
    x = distance.div_(width).clamp_(max=2.0)
    near = (x * 1.5).sub_(2.5).mul_(x).mul_(x).add_(1.0)
    far = (x * -0.5).add_(2.5).mul_(x).sub_(4.0).mul_(x).add_(2.0)
    return torch.where(x < 1.0, near, far)


_FILTERS = {"bilinear": _triangle, "bicubic": _cubic}
_PIL_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def crop_squares(
    squares: torch.Tensor,
    box: NDArray[np.int64],
    flip: NDArray[np.bool_],
    size: int,
    interpolation: Interpolation = "bilinear",
) -> torch.Tensor:
    """Cut `box` [n, 4] out of uint8 `squares` [n, R, R, 3], resize to `size` and mirror: float32 [n, 3, size, size]
    in 0..1."""
    corners = torch.from_numpy(box.astype(np.float32)).to(squares.device)
    side = squares.shape[1]
    rows = resampling(corners[:, 0], corners[:, 2], side, size, interpolation)
    columns = resampling(corners[:, 1], corners[:, 3], side, size, interpolation)
    mirrored = torch.from_numpy(flip).to(squares.device)[:, None, None]
    columns = torch.where(mirrored, columns.flip(1), columns)
    return _resample(squares, rows, columns) if interpolation == "bilinear" else _overshoot(squares, rows, columns)


def _resample(squares: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    n, side, size = len(squares), squares.shape[1], rows.shape[1]
    # Along the height first: pixels are read in the order they are stored in. 1/255 rides on the smaller matrix.
    low = torch.bmm(rows, squares.reshape(n, side, side * 3).to(torch.float32)).view(n, size, side, 3)
    planes = low.permute(0, 3, 1, 2).reshape(n, 3 * size, side)
    return torch.bmm(planes, columns.transpose(1, 2) / 255.0).view(n, 3, size, size)


def _overshoot(squares: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """`_resample` for weights that leave the range of the pixels: cut off after each pass, as PIL does.

    With cuts the order of the passes counts. The width comes first, as PIL long had it; Pillow 13 chooses by the
    crop's shape.
    """
    n, side, size = len(squares), squares.shape[1], rows.shape[1]
    lines = squares.permute(0, 3, 1, 2).reshape(n, 3 * side, side).to(torch.float32)
    narrow = torch.bmm(lines, columns.transpose(1, 2) / 255.0).clamp_(0.0, 1.0).view(n, 3, side, size)
    low = torch.bmm(rows, narrow.transpose(1, 2).reshape(n, side, 3 * size)).clamp_(0.0, 1.0)
    return low.view(n, size, 3, size).transpose(1, 2).contiguous()


def crop_image(image: Image.Image, u: NDArray[np.float64], spec: Augmentation) -> NDArray[np.uint8]:
    """RandomResizedCrop of one RGB image of any size by the numbers `u` [VARIATES]: uint8 [size, size, 3], not flipped.

    Raises nothing of its own; PIL's decoding errors pass through.
    """
    top, left, h, w = boxes(u[None], np.array([image.height]), np.array([image.width]), spec)[0].tolist()
    cut = image.crop((left, top, left + w, top + h))
    return np.asarray(cut.resize((spec.size, spec.size), _PIL_FILTERS[spec.interpolation]))


# Colour --------------------------------------------------------------------------------------------------------------
def recolour(crops: torch.Tensor, change: Colours, spec: Augmentation, after: Effects | None = None) -> torch.Tensor:
    """Jitter, grey, blur, solarise and normalise float32 `crops` [n, 3, S, S] of 0..1 in place; flips are not done
    here."""
    _jitter(crops, change, spec)
    grey = np.flatnonzero(change.grey)
    if len(grey):
        rows = torch.from_numpy(grey).to(crops.device)
        crops.index_copy_(0, rows, _luma(crops.index_select(0, rows)).expand(-1, 3, -1, -1))
    if after is not None:
        _affect(crops, after)
    return normalise(crops)


def _affect(crops: torch.Tensor, after: Effects) -> None:
    blurred = np.flatnonzero(after.sigma)
    if len(blurred):
        rows = torch.from_numpy(blurred).to(crops.device)
        sigma = torch.from_numpy(after.sigma[blurred].astype(np.float32)).to(crops.device)
        crops.index_copy_(0, rows, blur(crops.index_select(0, rows), sigma))
    solarised = np.flatnonzero(after.solarise)
    if len(solarised):
        rows = torch.from_numpy(solarised).to(crops.device)
        crops.index_copy_(0, rows, solarise(crops.index_select(0, rows)))


def blur(crops: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Float32 `crops` [n, 3, S, S] under Gaussians of `sigma` [n] pixels, above 0; at the edges a Gaussian is the share
    of it that lies inside."""
    n, _, size, _ = crops.shape
    pixel = torch.arange(size, device=crops.device, dtype=crops.dtype)
    weight = ((pixel[:, None] - pixel) / sigma[:, None, None]).square_().mul_(-0.5).exp_()
    across = weight.div_(weight.sum(2, keepdim=True)).transpose(1, 2)
    # Each turn blurs along the last axis and swaps it with the other one: after two, both are back in their places.
    for _ in range(2):
        crops = torch.bmm(crops.reshape(n, 3 * size, size), across).view(n, 3, size, size).transpose(2, 3)
    return crops


def solarise(crops: torch.Tensor) -> torch.Tensor:
    """`crops` of 0..1 with what is at or above 0.5 inverted."""
    return torch.where(crops >= 0.5, 1.0 - crops, crops)


def normalise(crops: torch.Tensor) -> torch.Tensor:
    """(x - mean) / std of ImageNet, in place, on float32 [n, 3, S, S] of 0..1."""
    mean, std = (torch.tensor(value, device=crops.device)[:, None, None] for value in (MEAN, STD))
    return crops.sub_(mean).div_(std)


def _jitter(crops: torch.Tensor, change: Colours, spec: Augmentation) -> None:
    for turn in range(4):
        for operation, strength in enumerate(spec.jitter):
            rows = np.flatnonzero(change.jitter & (change.order[:, turn] == operation))
            if strength == 0 or not len(rows):
                continue
            factor = torch.from_numpy(change.factors[rows, operation].astype(np.float32)).to(crops.device)
            index = torch.from_numpy(rows).to(crops.device)
            changed = _OPERATIONS[operation](crops.index_select(0, index), factor[:, None, None, None])
            crops.index_copy_(0, index, changed)


def _luma(x: torch.Tensor) -> torch.Tensor:
    red, green, blue = x.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def _brightness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return x.mul_(factor).clamp_(0.0, 1.0)


def _contrast(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    mean = _luma(x).mean((1, 2, 3), keepdim=True)
    return x.mul_(factor).add_((1.0 - factor) * mean).clamp_(0.0, 1.0)


def _saturation(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    grey = _luma(x)
    return x.mul_(factor).add_(grey.mul_(1.0 - factor)).clamp_(0.0, 1.0)


def _hue(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Turn the hue of RGB [n, 3, S, S] by `factor` turns, as torchvision's adjust_hue does through HSV.

    A channel of an HSV colour is value - chroma * clamp(2 - 6 * distance, 0, 1), `distance` in turns around the circle
    between the hue and the channel's opposite (cyan, magenta, yellow).
    """
    red, green, blue = x.unbind(1)
    value = x.amax(1)
    chroma = value - x.amin(1)
    sixth = chroma.clamp(min=1e-12).reciprocal_().div_(6.0)
    turn = torch.where(value == green, (blue - red).mul_(sixth).add_(1 / 3), (red - green).mul_(sixth).add_(2 / 3))
    turn = torch.where(value == red, (green - blue).mul_(sixth), turn).add_(factor[:, 0])
    out = torch.empty_like(x)
    for channel, opposite in enumerate((1 / 2, 5 / 6, 1 / 6)):
        distance = turn - opposite
        distance.sub_(distance.round()).abs_()
        torch.addcmul(value, chroma, distance.mul_(-6.0).add_(2.0).clamp_(0.0, 1.0), value=-1.0, out=out[:, channel])
    return out


_OPERATIONS = (_brightness, _contrast, _saturation, _hue)


def augment(
    squares: torch.Tensor, u: NDArray[np.float64], spec: Augmentation, after: Effects | None = None
) -> torch.Tensor:
    """Augmented crops of uint8 `squares` [n, R, R, 3] by the numbers `u` [n, VARIATES] and with the effects `after`:
    normalised float32 [n, 3, size, size] on the squares' device."""
    side = np.full(len(u), squares.shape[1])
    change = colours(u, spec)
    crops = crop_squares(squares, boxes(u, side, side, spec), change.flip, spec.size, spec.interpolation)
    return recolour(crops, change, spec, after)


def augment_crops(
    crops: torch.Tensor, u: NDArray[np.float64], spec: Augmentation, after: Effects | None = None
) -> torch.Tensor:
    """The rest of the augmentation for crops that `crop_image` made: uint8 [n, S, S, 3] to normalised float32
    [n, 3, S, S]."""
    change = colours(u, spec)
    planes = crops.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255.0)
    mirrored = torch.from_numpy(change.flip).to(crops.device)[:, None, None, None]
    return recolour(torch.where(mirrored, planes.flip(3), planes), change, spec, after)


# Evaluation ----------------------------------------------------------------------------------------------------------
def evaluation_squares(squares: torch.Tensor, resize: int, crop: int) -> torch.Tensor:
    """Resize(resize) and CenterCrop(crop) of uint8 squares [n, R, R, 3], normalised: float32 [n, 3, crop, crop]."""
    side = squares.shape[1]
    zero, full = torch.zeros(1, device=squares.device), torch.full((1,), float(side), device=squares.device)
    offset = round((resize - crop) / 2)
    weights = resampling(zero, full, side, resize)[:, offset : offset + crop].expand(len(squares), -1, -1)
    return normalise(_resample(squares, weights, weights))


def evaluation_image(image: Image.Image, resize: int, crop: int) -> NDArray[np.uint8]:
    """Resize(resize) of the shorter side and CenterCrop(crop) of an RGB image of any size: uint8 [crop, crop, 3]."""
    short = min(image.size)
    width, height = (int(resize * side / short) for side in image.size)
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))
