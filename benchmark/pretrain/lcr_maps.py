"""A picture of where LCR's branch looks: maps over images."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.pretrain.encoder import load_encoder
from benchmark.pretrain.lcr import RationaleEncoder
from benchmark.specs.recipes import MEAN, STD, Embedding, Recipe
from benchmark.training.features import evaluation_blocks
from benchmark.training.image_views import FileImages, SquareImages, TrainingImages

MAPS = "maps.png"
COLUMNS = 8
IMAGES = 3 * COLUMNS


def save_maps(recipe: Recipe, encoder: Path, images: TrainingImages, path: Path) -> None:
    """Draw `IMAGES` of `images`, evenly spaced, and below each the same under its map."""
    network = load_encoder(recipe, encoder)
    assert isinstance(network, RationaleEncoder)
    size, stored = recipe.augmentation.size, recipe.augmentation.stored
    spec = Embedding(resize=size * 8 // 7, crop=size, stored=stored)
    chosen = np.linspace(0, len(images) - 1, min(IMAGES, len(images))).astype(np.int64)
    few: TrainingImages
    if isinstance(images, SquareImages):
        few = SquareImages.of((images.take(chosen), None))
    else:
        few = FileImages.of((images, chosen))
    (block,) = evaluation_blocks(few, spec, torch.device("cpu"), workers=0)
    with torch.no_grad():
        _, maps = network.maps(block)
    large = torch.nn.functional.interpolate(maps[:, None], size=size, mode="bilinear")[:, 0]
    pixels = block * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    _draw(pixels.clamp(0, 1).permute(0, 2, 3, 1).numpy(), large.numpy(), path)


def _draw(pixels: NDArray[np.float32], maps: NDArray[np.float32], path: Path) -> None:
    # Imported here: matplotlib takes half a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(pixels) // COLUMNS)
    figure = Figure(figsize=(COLUMNS, 2 * rows), layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2 * rows, COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for number, (image, looked) in enumerate(zip(pixels, maps, strict=True)):
        above, below = (axes[2 * (number // COLUMNS) + row, number % COLUMNS] for row in (0, 1))
        above.imshow(image)
        below.imshow(image)
        below.imshow(looked, cmap="jet", alpha=0.5, vmin=0, vmax=float(maps.max()) or 1)
    figure.savefig(path)
