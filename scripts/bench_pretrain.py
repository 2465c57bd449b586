"""Images per second of pretraining: the bare model step, our loop, and a plain ImageFolder-DataLoader loop.

    python scripts/bench_pretrain.py --rounds 5 --steps 20

The three take turns, round by round, so that a busy machine slows them alike; medians are compared.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmark.images.augment import MEAN, STD
from benchmark.pretrain.engines import Learner, find_engine
from benchmark.pretrain.feed import VIEWS, Feed
from benchmark.pretrain.images import SquareImages
from benchmark.pretrain.numerics import autocast, fixed
from benchmark.pretrain.ranks import Ranks
from benchmark.pretrain.schedule import AUGMENT, course
from benchmark.pretrain.train import optimiser
from benchmark.specs import AdamW, Augmentation, Backbone, Cosine, Recipe, SimCLR, Steps

CPU = torch.device("cpu")
IMAGES = 512


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet18", help="a torchvision network")
    parser.add_argument("--size", type=int, default=48, help="side of a crop, pixels")
    parser.add_argument("--stored", type=int, default=64, help="side of a cached square, pixels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="of the plain loop's DataLoader")
    parser.add_argument("--steps", type=int, default=20, help="per round")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def recipe(options: argparse.Namespace) -> Recipe:
    return Recipe(
        engine="lightly",
        method=SimCLR(temperature=0.2),
        backbone=Backbone(name=options.backbone, library="torchvision"),
        augmentation=Augmentation(size=options.size, stored=options.stored),
        optimiser=AdamW(lr=1e-3),
        schedule=Cosine(per="step"),
        length=Steps(steps=10**6),
        batch=options.batch,
        precision=options.precision,
        threads=options.threads,
    )


def stepper(spec: Recipe) -> Callable[[torch.Tensor], None]:
    """One forward, backward and optimiser step on crops [2 * batch, 3, S, S] of a model of its own."""
    learner: Learner = find_engine(spec.engine).build(spec, 0).to(memory_format=torch.channels_last).train()
    update = optimiser(spec.optimiser, learner.trainable())

    def step(crops: torch.Tensor) -> None:
        with autocast(CPU, spec.precision):
            projections = learner(crops.contiguous(memory_format=torch.channels_last))
        loss = learner.contrast(*projections.float().chunk(VIEWS))
        update.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        update.step()

    return step


def fixed_batch(spec: Recipe) -> Iterator[torch.Tensor]:
    crops = torch.randn(VIEWS * spec.batch, 3, spec.augmentation.size, spec.augmentation.size)
    while True:
        yield crops


def our_feed(spec: Recipe, squares: np.ndarray) -> Iterator[torch.Tensor]:
    run = course(spec, len(squares), seed=0)
    images = SquareImages.of((squares, None))
    feed = Feed(images, spec.augmentation, run.rows, (0, AUGMENT), Ranks(0, 1, 1).stretch, CPU)
    return feed.crops(0, run.steps)


def plain_feed(spec: Recipe, folder: Path, workers: int) -> Iterator[torch.Tensor]:
    chosen = spec.augmentation
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(chosen.size, chosen.scale, chosen.ratio),
            transforms.RandomHorizontalFlip(chosen.flip),
            transforms.RandomApply([transforms.ColorJitter(*chosen.jitter)], chosen.jitter_probability),
            transforms.RandomGrayscale(chosen.grey_probability),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    images = datasets.ImageFolder(str(folder), lambda image: torch.stack([view(image), view(image)]))
    loader = DataLoader(
        images, spec.batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    while True:
        for views, _ in loader:
            yield views.transpose(0, 1).flatten(0, 1)


def pictures(folder: Path, squares: np.ndarray) -> None:
    """The squares as JPEG files of one class."""
    (folder / "class").mkdir()
    for index, square in enumerate(squares):
        Image.fromarray(square).save(folder / "class" / f"{index}.jpg", quality=90)


def rate(step: Callable[[torch.Tensor], None], feed: Iterator[torch.Tensor], steps: int, batch: int) -> float:
    """Images per second over `steps` steps."""
    began = time.perf_counter()
    for _ in range(steps):
        step(next(feed))
    return steps * batch / (time.perf_counter() - began)


def main() -> None:
    options = arguments()
    spec = recipe(options)
    squares = np.random.default_rng(0).integers(0, 256, (IMAGES, options.stored, options.stored, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name, fixed(options.threads):
        folder = Path(name)
        pictures(folder, squares)
        np.save(folder / "squares.npy", squares)
        cache = np.load(folder / "squares.npy", mmap_mode="r")
        plain = plain_feed(spec, folder, options.workers)
        feeds = {"bare model": fixed_batch(spec), "our loop": our_feed(spec, cache), "plain DataLoader": plain}
        step = stepper(spec)
        with closing(plain):  # type: ignore[type-var]
            for feed in feeds.values():
                rate(step, feed, 2, spec.batch)
            rounds = [
                {what: rate(step, feed, options.steps, spec.batch) for what, feed in feeds.items()}
                for _ in range(options.rounds)
            ]
    report(rounds)


def report(rounds: list[dict[str, float]]) -> None:
    """Medians, and the medians of each round's ratio to the bare model."""
    print(f"{'':18}{'images/s':>10}{'of bare':>10}")
    for what in rounds[0]:
        ratio = statistics.median(one[what] / one["bare model"] for one in rounds)
        print(f"{what:18}{statistics.median(one[what] for one in rounds):10.1f}{ratio:10.1%}")


if __name__ == "__main__":
    main()
