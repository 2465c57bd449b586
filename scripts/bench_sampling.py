"""Time and memory of SimCore sampling beside the bare loop that it cannot do without.

    python -m scripts.bench_sampling --rows 1281167 --dim 128 --budget 1%

The bare loop multiplies every block of the pool with the centroids in float32 and keeps nothing. Each line is
measured in a fresh process on the same random features (a cone around a common direction, so that centroids
want the same rows, as real ones do); k-means is outside the clock. Memory is the peak that the work adds to
the pool itself.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.core.ranking import BLOCK_ROWS, FeatureRanking
from baselines.core.rounds import greedy_rounds
from baselines.core.scoring import unit_rows
from baselines.core.selection import parse_budget, row_blocks

PART_ROWS = 1024
MIB = 2**20


def make_pool(rows: int, dim: int, dtype: str) -> NDArray[Any]:
    """Random features [rows, dim], made in parts so that making them does not hide what the work needs."""
    rng = np.random.default_rng(0)
    pool = np.empty((rows, dim), dtype=dtype)
    for first in range(0, rows, PART_ROWS):
        part = pool[first : first + PART_ROWS]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32) + 1
    return pool


def make_centroids(k: int, dim: int) -> NDArray[np.float64]:
    return unit_rows(0.1 * np.random.default_rng(1).standard_normal((k, dim)) + 1)


def bare_loop(pool: NDArray[Any], centroids: NDArray[np.float64], _: int) -> dict[str, Any]:
    weights = centroids.astype(np.float32).T
    for _, block in row_blocks(pool, len(pool), BLOCK_ROWS):
        block.astype(np.float32, copy=False) @ weights
    return {}


def sampling(pool: NDArray[Any], centroids: NDArray[np.float64], limit: int) -> dict[str, Any]:
    picks = greedy_rounds(FeatureRanking(pool, centroids), limit=limit)
    keys = ("rounds", "passes", "m", "duplicates", "near_ties")
    return {"picks": len(picks), **{key: picks.info[key] for key in keys}}


WORK: dict[str, Callable[..., dict[str, Any]]] = {"bare loop": bare_loop, "simcore": sampling}


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Best time of `args.repeat` runs, and the memory they added, in this process."""
    pool, centroids = make_pool(args.rows, args.dim, args.dtype), make_centroids(args.k, args.dim)
    limit = parse_budget(int(args.budget) if args.budget.isdecimal() else args.budget, args.rows)
    before, seconds = peak_bytes(), []
    for _ in range(args.repeat):
        start = time.perf_counter()
        told = WORK[name](pool, centroids, limit)
        seconds.append(time.perf_counter() - start)
    return {"seconds": round(min(seconds), 3), "added_mib": round((peak_bytes() - before) / MIB), **told}


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time and memory of SimCore sampling beside the bare loop.")
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the pool (default 200000)")
    parser.add_argument("--dim", type=int, default=128, help="columns (default 128)")
    parser.add_argument("--k", type=int, default=100, help="centroids (default 100)")
    parser.add_argument("--budget", default="1%", help='images or a share such as "1%%" (default)')
    parser.add_argument("--dtype", choices=("float16", "float32", "float64"), default="float32")
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the fastest counts (default 3)")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    context, results = multiprocessing.get_context("spawn"), {}
    for name in WORK:
        with context.Pool(1) as worker:
            results[name] = worker.apply(measure, (name, args))
        print(f"{name:10}", json.dumps(results[name]), flush=True)
    ratio = results["simcore"]["seconds"] / results["bare loop"]["seconds"]
    print(f"simcore takes {ratio:.2f} times the bare loop; the pool itself is", end=" ")
    print(f"{args.rows * args.dim * np.dtype(args.dtype).itemsize / MIB:.0f} MiB")


if __name__ == "__main__":
    main()
