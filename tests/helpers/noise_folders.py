"""Images of noise in two colours, and what `sample` writes and prints, read back."""

import shlex

import numpy as np
from PIL import Image

POOL = 60
"""Images of the pool: every third is like the target's, blue noise; the others are red."""


def save_noise(path, seed, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 100, (40, 44, 3))
    shade = np.array([20, 40, 150]) if colour == "blue" else np.array([150, 40, 20])
    Image.fromarray((noise + shade).astype(np.uint8)).save(path, "PNG")


def picks(path):
    """The ids of a list."""
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def commands(err):
    """The commands that were printed, by what they are for."""
    lines = err.splitlines()
    return {line: shlex.split(lines[at + 1]) for at, line in enumerate(lines) if line.startswith("next, ")}
