"""Small image folders made on the spot, and the real ones where a machine has them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.images.scan import open_source
from benchmark.images.sources import DataRoot, Source
from benchmark.specs.datasets import Role


def save_picture(path: Path, seed: int, size: tuple[int, int] = (40, 30)) -> None:
    """A JPEG of random pixels, `size` = (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


@pytest.fixture
def picture() -> Callable[..., None]:
    return save_picture


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Target `leaves` with classes ash, elm, oak (oak not in test) and open-set `pool`, folders and a loose file."""
    root, seed = tmp_path / "data", 0
    for split, classes, count in (("train", ("ash", "elm", "oak"), 4), ("test", ("ash", "elm"), 2)):
        for name in classes:
            for number in range(count):
                seed += 1
                save_picture(root / "targets" / "leaves" / split / name / f"{number}.jpg", seed)
    for item in ("dir-a/1.jpg", "dir-a/deep/2.JPEG", "dir-b/3.png", "loose.jpg"):
        seed += 1
        save_picture(root / "opensets" / "pool" / "train" / item, seed)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def opened(data: Path, store: Path) -> Callable[..., Source]:
    """Open a split of the small data root, reading it if need be."""

    def open_(role: Role, name: str, split: str = "train") -> Source:
        return open_source(DataRoot(data), role, name, split, store)  # type: ignore[arg-type]

    return open_


@pytest.fixture(scope="session")
def real_root() -> Path:
    if "BENCHMARK_DATA" not in os.environ:
        pytest.skip("BENCHMARK_DATA is not set: real images are NOT tested")
    return Path(os.environ["BENCHMARK_DATA"])
