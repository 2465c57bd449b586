"""Draw docs/pictures/pipeline.png, the idea of SimCore: `python -m scripts.draw_pipeline [--store runs]`.

The images are rendered stand-ins: one target and the open-set of the smoke profile. The features are those of the
profile's retrieval encoder, trained on the target for STEPS steps. SimCore with few centroids picks from them. What the
store does not hold is run first.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

from baselines import SimCore
from baselines.core.kmeans import centroids
from benchmark import reproduce
from benchmark.images.data import Data
from benchmark.images.sources import Source
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.progress import silent
from benchmark.specs.artefacts import FEATURES

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "pipeline.png"
TARGET, ROW, STEPS = "cub", "X+simcore(5%)", 400
CENTROIDS, PICKS, SEED = 8, 48, 0
X_COLOUR, POOL_COLOUR, PICK_COLOUR = "#d55e00", "#bbbbbb", "#0072b2"
"""Okabe and Ito's orange and blue, and grey."""


class Drawn(NamedTuple):
    """What is drawn: features of target [n, d] and pool [N, d], positions of the picks [m], and both sets of images."""

    target: NDArray[np.float32]
    pool: NDArray[np.float32]
    picks: NDArray[np.int64]
    target_images: Source
    pool_images: Source


def measured(store: Path) -> Drawn:
    """Features and images from the store, and SimCore's picks."""
    reproduce("2", "smoke", targets=TARGET, rows=ROW, store=store, steps=STEPS, train=False, coreset_metrics=True)
    query = Query("2", profile="smoke", targets=(TARGET,), rows=(ROW,), store=store, steps=(STEPS,))
    planned = PlannedTable(query)
    planned.read_data(silent)
    (cell,) = planned.cells.values()
    assert cell.sample is not None
    embeds = [cell.sample.input(name) for name in ("target", "pool")]
    target, pool = (np.load(planned.store.file(embed, FEATURES)) for embed in embeds)
    picks = SimCore(k=CENTROIDS).select(target, pool, budget=PICKS, seed=SEED).indices
    return Drawn(target, pool, picks, *(_source(planned.data, embed) for embed in embeds))


def _source(data: Data, embed: Any) -> Source:
    return data.verified_source(embed.input("images"))


def draw(drawn: Drawn) -> Figure:
    """Target and pool, their features with the centroids, the coreset, and what is done with it."""
    figure = Figure(figsize=(11, 3.3), facecolor="white")
    FigureCanvasAgg(figure)
    rng = np.random.default_rng(0)
    of_x = rng.choice(len(drawn.target_images), 6, replace=False)
    of_pool = rng.choice(len(drawn.pool_images), 12, replace=False)
    _sheet(figure, (0.01, 0.58, 0.17, 0.32), drawn.target_images, of_x, 3, X_COLOUR)
    _sheet(figure, (0.01, 0.02, 0.17, 0.42), drawn.pool_images, of_pool, 4, POOL_COLOUR)
    _scatter(figure, drawn)
    _sheet(figure, (0.58, 0.06, 0.20, 0.82), drawn.pool_images, drawn.picks[:12], 3, PICK_COLOUR)
    for x, y, text in (
        (0.01, 0.93, "target X"),
        (0.01, 0.46, "open-set, unlabelled"),
        (0.23, 0.93, "features: centroids of X pick their nearest images"),
        (0.60, 0.93, "coreset"),
    ):
        figure.text(x, y, text, fontsize=9, weight="bold")
    for y, text in ((0.68, "pretrain on\nX + coreset,\nwithout labels"), (0.26, "linear probe\non X")):
        box = {"boxstyle": "round,pad=0.7", "facecolor": "white", "edgecolor": "#333333"}
        figure.text(0.91, y, text, fontsize=9, ha="center", va="center", bbox=box)
    for start, end in (
        ((0.185, 0.74), (0.228, 0.64)),
        ((0.185, 0.23), (0.228, 0.33)),
        ((0.552, 0.47), (0.592, 0.47)),
        ((0.772, 0.55), (0.845, 0.65)),
        ((0.91, 0.50), (0.91, 0.37)),
    ):
        _arrow(figure, start, end)
    return figure


def _sheet(
    figure: Figure,
    place: tuple[float, float, float, float],
    images: Source,
    positions: NDArray[np.int64],
    columns: int,
    colour: str,
) -> None:
    """Images in a frame of their colour, `columns` in a line."""
    side, gap = 64, 6
    lines = -(-len(positions) // columns)
    sheet = Image.new("RGB", (columns * (side + gap) + gap, lines * (side + gap) + gap), colour)
    for number, position in enumerate(positions.tolist()):
        corner = (gap + number % columns * (side + gap), gap + number // columns * (side + gap))
        sheet.paste(images.open(position).convert("RGB").resize((side, side)), corner)
    axes = figure.add_axes(place)
    axes.imshow(np.asarray(sheet))
    axes.axis("off")


def _scatter(figure: Figure, drawn: Drawn) -> None:
    """Features and centroids on the two directions in which X and the pool together differ most."""
    centres = centroids(drawn.target, CENTROIDS, seed=SEED)
    plane = PCA(2, random_state=0).fit(np.concatenate([_unit(drawn.target), _unit(drawn.pool)]))
    axes = figure.add_axes((0.23, 0.06, 0.32, 0.82))
    for features, look in (
        (drawn.pool, {"s": 4, "color": POOL_COLOUR, "label": "pool"}),
        (drawn.pool[drawn.picks], {"s": 14, "color": PICK_COLOUR, "label": "picks"}),
        (drawn.target, {"s": 8, "color": X_COLOUR, "label": "X"}),
        (centres, {"s": 60, "color": "black", "marker": "x", "label": "centroids"}),
    ):
        axes.scatter(*plane.transform(_unit(features)).T, **look)
    axes.set(xticks=[], yticks=[])
    axes.legend(fontsize=7, loc="best")


def _unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit


def _arrow(figure: Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 14, "color": "#333333"}
    arrow = FancyArrowPatch(start, end, transform=figure.transFigure, **look)
    figure.add_artist(arrow)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("runs"))
    draw(measured(parser.parse_args().store)).savefig(PICTURE, dpi=110)
    print(PICTURE.name)


if __name__ == "__main__":
    main()
