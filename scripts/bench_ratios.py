"""SimCore beside the bare products of the same blocks: one process, everything in turns, every round kept.

The bare ways: both orders of NumPy's product, torch's, and the faster order of NumPy's on blocks shared among threads.
float16 rows are converted to float32 block by block, the same way for all.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from baselines.core.products import WAYS, float32_rows
from baselines.core.ranking import FeatureRanking, cached_rows
from baselines.core.rounds import greedy_rounds, suggested_m
from baselines.core.selection import Features, row_blocks
from baselines.core.threads import in_order, one_blas_thread

CANDIDATES, SELECT = "candidates", "select 1%"

Case = dict[str, Any]


def measure_all(files: list[Path], centres: Path, thread_counts: list[int], rounds: int) -> list[Case]:
    """`measure` of every file in memory and mapped, on every number of threads."""
    places = [(file, mapped, threads) for file in files for mapped in (False, True) for threads in thread_counts]
    return [case for file, mapped, threads in places for case in measure(file, centres, mapped, threads, rounds)]


def measure(file: Path, centres: Path, mapped: bool, threads: int, rounds: int) -> list[Case]:
    """Wall and CPU seconds of every round of every way, on `threads` threads: a flat list of cases."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    weights = np.load(centres)
    cases: dict[str, Case] = {}
    with threadpool_limits(threads):
        for _ in range(rounds):
            pool = np.load(file, mmap_mode="r" if mapped else None)
            for name, work in _ways(pool, weights, threads).items():
                began, used = time.perf_counter(), time.process_time()
                work()
                case = cases.setdefault(name, {"way": name, "seconds": [], "cpu": []})
                case["seconds"].append(round(time.perf_counter() - began, 5))
                case["cpu"].append(round(time.process_time() - used, 5))
    fields = {"rows": len(pool), "d": pool.shape[1], "k": len(weights), "dtype": str(pool.dtype)}
    fields |= {"mapped": mapped, "threads": threads, "load": os.getloadavg()[0]}
    return [fields | case for case in cases.values()]


def _ways(pool: Features, weights: Any, threads: int) -> dict[str, Callable[[], Any]]:
    ways: dict[str, Callable[[], Any]] = {name: partial(_bare, pool, weights, name) for name in WAYS}
    if threads > 1:
        ways |= {f"{name}, shared": partial(_shared, pool, weights, name) for name in WAYS if name != "torch"}
    m = suggested_m(len(pool) // 100, len(weights), FeatureRanking.margin)
    taken = np.zeros(len(pool), dtype=np.bool_)
    ways[CANDIDATES] = lambda: FeatureRanking(pool, weights)._pass(m, taken)
    ways[SELECT] = lambda: greedy_rounds(FeatureRanking(pool, weights), limit=len(pool) // 100)
    return ways


def _bare(pool: Features, weights: Any, way: str, threads: int = 1) -> None:
    times = WAYS[way](weights.astype(np.float32))
    blocks = row_blocks(pool, len(pool), cached_rows(sum(weights.shape)))
    for _ in in_order(lambda item: times(float32_rows(item[1])).shape, blocks, threads):
        pass


def _shared(pool: Features, weights: Any, way: str) -> None:
    with one_blas_thread() as threads:
        _bare(pool, weights, way, threads)


def ratio_table(cases: list[Case]) -> Iterator[str]:
    """Lines of Markdown: medians, as multiples of the best bare product of the same line."""
    yield "| d | type | mapped | threads | rows | best bare way | s | candidates | select 1% | in CPU time | |"
    yield "|---:|---|---|---:|---:|---|---:|---:|---:|---:|---:|"
    lines: dict[tuple[Any, ...], list[Case]] = {}
    for case in cases:
        lines.setdefault(tuple(case[name] for name in ("d", "dtype", "mapped", "threads", "rows")), []).append(case)
    for (dim, dtype, mapped, threads, rows), line in lines.items():
        wall, cpu = ({case["way"]: statistics.median(case[clock]) for case in line} for clock in ("seconds", "cpu"))
        best = min((way for way in wall if way not in (CANDIDATES, SELECT)), key=wall.__getitem__)
        least = min(cpu[way] for way in cpu if way not in (CANDIDATES, SELECT))
        ratios = [wall[way] / wall[best] for way in (CANDIDATES, SELECT)]
        ratios += [cpu[way] / least for way in (CANDIDATES, SELECT)]
        yield (
            f"| {dim} | {dtype} | {'yes' if mapped else 'no'} | {threads} | {rows:,} | {best} | {wall[best]:.3g} | "
            + " | ".join(f"{ratio:.2f}" for ratio in ratios)
            + " |"
        )
