"""Images per second of pretraining: the bare model step, our trainer, and a plain ImageFolder-DataLoader loop.

    python -m scripts.bench_pretrain --rounds 5 --steps 20
    python -m scripts.bench_pretrain --backbone resnet18

The recipe is the mini profile's; the three take turns, round by round, so that a busy machine slows them alike, and
medians are compared. The trainer is the real one, timed from its first step to its last.
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
from benchmark.pretrain.feed import VIEWS
from benchmark.pretrain.images import SquareImages
from benchmark.pretrain.numerics import autocast, fixed
from benchmark.pretrain.train import optimiser, train
from benchmark.profiles import MINI
from benchmark.specs import Backbone, Recipe, SeedAxes, Steps

CPU = torch.device("cpu")
IMAGES = 512


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default=MINI.recipe.backbone.name, help="a network of timm")
    parser.add_argument("--workers", type=int, default=2, help="of the plain loop's DataLoader")
    parser.add_argument("--steps", type=int, default=20, help="per round")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def recipe(backbone: str) -> Recipe:
    changes = {"backbone": Backbone(name=backbone, library="timm"), "length": Steps(steps=10**6)}
    return MINI.recipe.model_copy(update=changes)


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


def trainer_rate(spec: Recipe, images: SquareImages, folder: Path, start: int, steps: int) -> float:
    """Images per second of the real trainer over `steps` steps, which goes on from its checkpoint at step `start`."""
    marks: list[float] = []
    train(
        spec,
        images,
        SeedAxes(init=0, data=0),
        checkpoint_dir=folder,
        stop_after=start + steps + 1,
        progress=lambda *_: marks.append(time.perf_counter()),
    )
    return (len(marks) - 1) * spec.batch / (marks[-1] - marks[0])


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
    (folder / "class").mkdir(parents=True)
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
    spec = recipe(options.backbone)
    side = spec.augmentation.stored
    assert isinstance(side, int)
    squares = np.random.default_rng(0).integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as name, fixed(spec.threads):
        folder = Path(name)
        pictures(folder / "pictures", squares)
        np.save(folder / "squares.npy", squares)
        cache = SquareImages.of((np.load(folder / "squares.npy", mmap_mode="r"), None))
        step, plain = stepper(spec), plain_feed(spec, folder / "pictures", options.workers)
        with closing(plain):  # type: ignore[type-var]
            rounds = []
            for turn in range(options.rounds + 1):
                done = turn * (options.steps + 1)
                rounds.append(
                    {
                        "bare model": rate(step, fixed_batch(spec), options.steps, spec.batch),
                        "our trainer": trainer_rate(spec, cache, folder / "run", done, options.steps),
                        "plain DataLoader": rate(step, plain, options.steps, spec.batch),
                    }
                )
    report(rounds[1:])  # the first warms up


def report(rounds: list[dict[str, float]]) -> None:
    """Medians, and the medians of each round's ratio to the bare model."""
    print(f"{'':18}{'images/s':>10}{'of bare':>10}")
    for what in rounds[0]:
        ratio = statistics.median(one[what] / one["bare model"] for one in rounds)
        print(f"{what:18}{statistics.median(one[what] for one in rounds):10.1f}{ratio:10.1%}")


if __name__ == "__main__":
    main()
