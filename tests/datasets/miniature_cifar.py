"""Miniatures of CIFAR-10 and CIFAR-100 in their official layout."""

import pickle
from pathlib import Path

import numpy as np

from tests.datasets.miniatures import write_tar


def _pixels(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def _batch(pixels: np.ndarray, **more: object) -> bytes:
    """A CIFAR batch: rows of 3,072 bytes, red plane first."""
    return pickle.dumps({"data": pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1), **more}, protocol=2)


def cifar10(folder: Path) -> dict[str, np.ndarray]:
    """torchvision, datasets/cifar.py. Here the expected values are pixels."""
    base, expected, files = "cifar-10-batches-py", {}, {}
    names = ["airplane", "automobile"]
    for number in range(1, 6):
        pixels = _pixels(number, 2)
        files[f"{base}/data_batch_{number}"] = _batch(pixels, labels=[0, 1], batch_label=f"batch {number} of 5")
        for row in (0, 1):
            place = 2 * (number - 1) + row
            expected[f"train/{names[row]}/{place:05d}.png"] = pixels[row]
    pixels = _pixels(9, 2)
    files[f"{base}/test_batch"] = _batch(pixels, labels=[1, 0])
    expected |= {"test/automobile/00000.png": pixels[0], "test/airplane/00001.png": pixels[1]}
    files[f"{base}/batches.meta"] = pickle.dumps({"label_names": names}, protocol=2)
    write_tar(folder / "cifar-10-python.tar.gz", files)
    return expected


def cifar100(folder: Path) -> dict[str, np.ndarray]:
    """torchvision, datasets/cifar.py: fine labels among coarse ones."""
    base, train, test = "cifar-100-python", _pixels(1, 3), _pixels(2, 2)
    meta = {"fine_label_names": ["apple", "aquarium_fish"], "coarse_label_names": ["aquatic_mammals"]}
    files = {
        f"{base}/train": _batch(train, fine_labels=[1, 0, 1], coarse_labels=[0, 0, 0]),
        f"{base}/test": _batch(test, fine_labels=[0, 1], coarse_labels=[0, 0]),
        f"{base}/meta": pickle.dumps(meta, protocol=2),
    }
    write_tar(folder / "cifar-100-python.tar.gz", files)
    return {
        "train/aquarium_fish/00000.png": train[0],
        "train/apple/00001.png": train[1],
        "train/aquarium_fish/00002.png": train[2],
        "test/apple/00000.png": test[0],
        "test/aquarium_fish/00001.png": test[1],
    }
