"""Features for the benchmarks: clusters in a cone, as of an encoder, of which the target knows a tenth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.kmeans import centroids

CLUSTERS = 1000
TARGET_CLUSTERS = 100
TARGET_ROWS = 5000
K = 100
BLOCK = 8192

Float32 = NDArray[np.float32]


def blocks(rows: int, dim: int, clusters: int, seed: int) -> Iterator[tuple[slice, Float32]]:
    """Rows [<= 8192, dim] about the first `clusters` centres, near ones and far ones.

    The noise of a row is the sum of two out of a few thousand vectors: several times faster to have than fresh normal
    numbers, and hardly two rows are the same.
    """
    fixed, rng = np.random.default_rng(0), np.random.default_rng([seed, rows])
    spread = np.float32(1 / np.sqrt(dim))
    centres = spread * (fixed.standard_normal((CLUSTERS, dim), dtype=np.float32) + 1)
    bank = spread * np.sqrt(np.float32(0.5)) * fixed.standard_normal((4096, dim), dtype=np.float32)
    for first in range(0, rows, BLOCK):
        size = min(BLOCK, rows - first)
        one, other = rng.integers(0, len(bank), (2, size))
        block = bank[one]
        block += bank[other]
        block *= rng.uniform(0.5, 2, (size, 1)).astype(np.float32)
        block += centres[rng.integers(0, clusters, size)]
        yield slice(first, first + size), block


def pool_file(folder: Path, rows: int, dim: int, dtype: str = "float16") -> Path:
    """A pool [rows, dim] on disk; made if it is not there."""
    file = folder / f"pool_{rows}x{dim}_{dtype}.npy"
    if not file.exists():
        pool = np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=(rows, dim))
        for where, block in blocks(rows, dim, CLUSTERS, seed=1):
            pool[where] = block
        pool.flush()
    return file


def target(dim: int, rows: int = TARGET_ROWS) -> Float32:
    """The target's features [rows, dim]."""
    return np.concatenate([block for _, block in blocks(rows, dim, TARGET_CLUSTERS, seed=2)])


def centroid_file(folder: Path, dim: int) -> Path:
    """The target's k-means centroids float64 [100, dim]."""
    file = folder / f"centroids_{dim}.npy"
    if not file.exists():
        np.save(file, centroids(target(dim), K))
    return file


def similarity_file(folder: Path, rows: int, dim: int) -> Path:
    """Cosines float32 [rows, 100] of a pool with the target's centroids."""
    file = folder / f"similarity_{rows}x{dim}.npy"
    if not file.exists():
        weights = np.load(centroid_file(folder, dim)).astype(np.float32).T
        similarities: Any = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(rows, K))
        for where, block in blocks(rows, dim, CLUSTERS, seed=1):
            similarities[where] = (block @ weights) / np.linalg.norm(block, axis=1, keepdims=True)
        similarities.flush()
    return file
