"""Time and memory of SimCore beside the released code's way, the bare matrix product, and faiss.

    python -m scripts.bench_samplers --work-dir DIR [--scale 0.05] [--cases a b c d e] [--threads 2] [--save FILE]

a  1.28 M x 100 similarities given, 1 %: a plain port of the released code, and ours. The picks of the two are compared.
b  1.28 M x 2048 float16 features in a memory map, 5 % and the stopping rule, beside `for block in pool: block @
   centroids.T`; and beside the same loop with our conversion of float16, which is what remains to be paid.
c  1 M, 3 M, 10 M x 256 float16 in a memory map, 5 %.
d  1 M x 256: k-means and candidates by faiss, exact and approximate; how many of the exact picks they find.
e  d = 64, 128, 512, 2048, float16 and float32, memory-mapped and not, one thread and all: SimCore's candidates and its
   whole selection of 1 % beside the best bare product of the same blocks (`bench_ratios`). Medians, not the fastest.

Every measurement is a fresh process; those of one case take turns, and of several rounds the fastest counts. Files are
in the page cache after the first round. Making the data, loading it, and k-means (but for its own line in d) are
outside the clock. Memory is what the work adds of its own to what the input takes, pages of mapped files left out.
CPU seconds well below the seconds times the threads mean that something else was running, or that the disk was waited
for.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from baselines.core.faiss_ranking import FaissRanking, faiss_index
from baselines.core.kmeans import centroids
from baselines.core.products import float32_rows
from baselines.core.ranking import BLOCK_ROWS, FeatureRanking
from baselines.core.selection import Selection, row_blocks
from baselines.simcore import SimCore
from scripts import bench_data as data
from scripts import bench_ratios as ratios
from scripts import bench_record
from scripts.bench_machine import GB, AnonymousMemory, machine, peaks
from scripts.released_rounds import released_rounds

IMAGENET = 1_281_167
NUMBERS = 2**27
"""Rows times columns of a pool of case e."""
MIB = 2**20

Told = dict[str, Any]
Work = Callable[[], Told]


@dataclass(frozen=True)
class Entrant:
    """One line of a table: `prepare` loads the input and returns the work, which is what is measured.

    reads: bytes of the input; flops: of the matrix product, for the rates.
    against: the line that its time and memory are compared with.
    """

    name: str
    prepare: Callable[[], Work]
    reads: float = 0
    flops: float = 0
    against: str = ""
    told: Told = field(default_factory=dict)


def fresh(work: Callable[..., Any], *args: Any) -> Any:
    """The result of a call in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as one:
        return one.apply(work, args)


def measure(prepare: Callable[[], Work]) -> Told:
    work = prepare()
    with AnonymousMemory() as memory:
        began, used = time.perf_counter(), time.process_time()
        told = work()
        seconds, used = time.perf_counter() - began, time.process_time() - used
    return {"seconds": seconds, "cpu": used, "bytes": memory.peak, **told}


KEPT: list[Told] = []
"""What `--save` writes: for every line of every case the seconds of all rounds."""


def run(case: str, entrants: list[Entrant], rounds: int) -> dict[str, Told]:
    """Best of `rounds`, the entrants taking turns."""
    found: dict[str, list[Told]] = {entrant.name: [] for entrant in entrants}
    for _ in range(rounds):
        for entrant in entrants:
            found[entrant.name].append(fresh(measure, entrant.prepare))
    for name, results in found.items():
        fields = {field: [result[field] for result in results] for field in ("seconds", "cpu", "bytes")}
        KEPT.append({"case": case, "way": name, **fields})
    return {name: min(results, key=lambda one: float(one["seconds"])) for name, results in found.items()}


def tell(picks: Selection) -> Told:
    kept = ("rounds", "passes", "m", "near_ties")
    told = {"picks": len(picks), "ended": picks.stopped_by, **{key: picks.info[key] for key in kept}}
    return {"indices": picks.indices, "trimmed": picks.info["trimmed"], "told": told}


def port(file: Path, limit: int, sort: Any) -> Work:
    similarity = np.ascontiguousarray(np.load(file).T)

    def work() -> Told:
        picked = released_rounds(similarity, limit, sort=sort)
        return {"rounds": picked, "told": {"picks": sum(map(len, picked)), "rounds": len(picked)}}

    return work


def given(file: Path, limit: int) -> Work:
    similarity = np.load(file)
    return lambda: tell(SimCore().select_from_similarity(similarity, budget=limit))


def bare(file: Path, centres: Path, widen: bool) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres).astype(np.float32).T

    def work() -> Told:
        for _, block in row_blocks(pool, len(pool), BLOCK_ROWS):
            _ = (float32_rows(block) if widen else block) @ weights
        return {}

    return work


def from_features(file: Path, centres: Path, budget: str | None) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres)

    def work() -> Told:
        ranking = FeatureRanking(pool, weights)
        return tell(SimCore().select_from(ranking, budget=budget, n_target=data.TARGET_ROWS))

    return work


def from_index(file: Path, centres: Path, factory: str, nprobe: int) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres)
    began = time.perf_counter()
    with AnonymousMemory() as memory:
        index = faiss_index(pool, factory)
    told = {"index built in s": round(time.perf_counter() - began, 1), "with MiB": memory.peak // MIB}
    if nprobe:
        index.nprobe = nprobe

    def work() -> Told:
        found = tell(SimCore().select_from(FaissRanking(index, weights), budget="5%"))
        return found | {"told": {**found["told"], **told}}

    return work


def clustering(dim: int, library: Any) -> Work:
    target = data.target(dim)
    unit = target / np.linalg.norm(target, axis=1, keepdims=True)

    def work() -> Told:
        centres = centroids(target, data.K, library=library)
        return {"told": {"mean cosine to the nearest centroid": round(float((unit @ centres.T).max(axis=1).mean()), 5)}}

    return work


def case_a(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    rows = round(IMAGENET * scale)
    file = fresh(data.similarity_file, folder, rows, 128)
    limit, reads = rows // 100, rows * data.K * 4
    stable, quick, ours = "port of the released code, stable sort", "port, numpy's fastest sort", "SimCore"
    entrants = [
        Entrant(stable, partial(port, file, limit, "stable"), reads),
        Entrant(quick, partial(port, file, limit, "quicksort"), reads),
        Entrant(ours, partial(given, file, limit), reads, against=stable),
    ]
    found = run("a", entrants, rounds)
    same_picks(found[stable]["rounds"], found[ours]["indices"].tolist())
    yield from table(f"a: {rows:,} x {data.K} similarities given, 1 %", entrants, found)
    yield f"Against numpy's fastest sort: {found[quick]['seconds'] / found[ours]['seconds']:.0f} times as fast."
    yield "The picks of SimCore and of the port (stable sort) are the same, but for the random trim of the last round."


def same_picks(rounds: list[list[int]], ours: list[int]) -> None:
    """Raise unless `ours` are the picks of the port: in order, but for the last round, which both trim at random."""
    before = [position for one in rounds[:-1] for position in one]
    if ours[: len(before)] != before or len(ours) != len(before) + len(rounds[-1]):
        raise AssertionError("the picks differ from those of the port")


def case_b(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    rows = round(IMAGENET * scale)
    entrants = loop_and_simcore(folder, rows, 2048, ("5%", None))
    yield from table(f"b: {rows:,} x 2048 float16, memory-mapped", entrants, run("b", entrants, rounds))


def case_c(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    for millions in (1, 3, 10):
        rows = round(millions * 1e6 * scale)
        entrants = loop_and_simcore(folder, rows, 256, ("5%",))
        found = run(f"c {millions} M", entrants, rounds)
        yield from table(f"c: {rows:,} x 256 float16, memory-mapped", entrants, found)
        yield f"SimCore: {found[entrants[-1].name]['seconds'] / rows * 1e6:.2f} s per million rows."


def loop_and_simcore(folder: Path, rows: int, dim: int, budgets: tuple[str | None, ...]) -> list[Entrant]:
    file, centres = fresh(data.pool_file, folder, rows, dim), fresh(data.centroid_file, folder, dim)
    work = {"reads": rows * dim * 2, "flops": 2 * rows * dim * data.K}
    loop = "bare loop"
    return [
        Entrant(loop, partial(bare, file, centres, False), **work),
        Entrant("bare loop, float16 converted as here", partial(bare, file, centres, True), against=loop, **work),
        *(
            Entrant(
                f"SimCore, {budget or 'stopping rule'}",
                partial(from_features, file, centres, budget),
                against=loop,
                **work,
            )
            for budget in budgets
        ),
    ]


def case_d(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    rows = round(1e6 * scale)
    file, centres = fresh(data.pool_file, folder, rows, 256), fresh(data.centroid_file, folder, 256)
    clusterings = [Entrant(f"k-means, {name}", partial(clustering, 256, name)) for name in ("scikit-learn", "faiss")]
    exact = "SimCore, 5%"
    cells = 2 ** round(np.log2(rows**0.5))
    entrants = [
        Entrant(exact, partial(from_features, file, centres, "5%")),
        Entrant("faiss, exact (Flat)", partial(from_index, file, centres, "Flat", 0), against=exact),
        *(
            Entrant(
                f"faiss, IVF{cells}, nprobe {nprobe}",
                partial(from_index, file, centres, f"IVF{cells},Flat", nprobe),
                against=exact,
            )
            for nprobe in sorted({16, 64, cells // 4})
        ),
    ]
    found = run("d", clusterings, rounds) | run("d", entrants, rounds)
    wanted = found[exact]["indices"]
    for entrant in entrants[1:]:
        recall = np.isin(wanted, found[entrant.name]["indices"]).mean()
        found[entrant.name]["told"] = {"recall of picks": round(float(recall), 4), **found[entrant.name]["told"]}
    yield from table(f"d: faiss, {rows:,} x 256", [*clusterings, *entrants], found)


def case_e(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    cases: list[Told] = []
    for dim in (64, 128, 512, 2048):
        rows, centres = round(NUMBERS * scale / dim), fresh(data.centroid_file, folder, dim)
        files = [fresh(data.pool_file, folder, rows, dim, dtype) for dtype in ("float32", "float16")]
        threads = sorted({1, int(os.environ["OMP_NUM_THREADS"])})
        cases += fresh(ratios.measure_all, files, centres, threads, rounds)
    KEPT.extend({"case": "e", **case} for case in cases)
    yield "\n### e: against the best bare product\n"
    yield from ratios.ratio_table(cases)


def table(title: str, entrants: list[Entrant], found: dict[str, Told]) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"\n### {title}\n"
    yield "| what | s | CPU s | time against | memory, MiB | GB/s | GFLOP/s | |"
    yield "|---|---|---|---|---|---|---|---|"
    for entrant in entrants:
        told, seconds = found[entrant.name], found[entrant.name]["seconds"]
        rates = [f"{amount / seconds / GB:.1f}" if amount else "" for amount in (entrant.reads, entrant.flops)]
        notes = ", ".join(f"{key} {value}" for key, value in told.get("told", {}).items())
        compared = ratio(told, found[entrant.against]) if entrant.against else ""
        yield " | ".join(
            (
                f"| {entrant.name}",
                f"{seconds:.3g}",
                f"{told['cpu']:.3g}",
                compared,
                f"{told['bytes'] / MIB:.0f}",
                *rates,
                f"{notes} |",
            )
        )
    yield ""


def ratio(told: Told, other: Told) -> str:
    times = told["seconds"] / other["seconds"]
    return f"{times:.2f} x" if times > 0.1 else f"1/{1 / times:.0f}"


CASES = {"a": case_a, "b": case_b, "c": case_c, "d": case_d, "e": case_e}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each line, of which the fastest counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of BLAS and faiss")
    parser.add_argument("--work-dir", type=Path, help="where the pools go: 13 GB at full size (default: the system's)")
    bench_record.add_options(parser)
    parser.add_argument("--keep", action="store_true", help="leave the pools there, for the next run")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # read by the processes that are started from here
    folder = (options.work_dir or Path(tempfile.gettempdir())) / "bench_samplers"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(machine(options.threads))
        print(
            "Peaks: " + ", ".join(f"{what} {rate:.1f}" for what, rate in fresh(peaks, options.threads, folder).items())
        )
        for name in options.cases:
            for line in CASES[name](folder, options.scale, options.rounds):
                print(line, flush=True)
        if options.save:
            bench_record.save(options.save, KEPT, options.load, threads=options.threads, scale=options.scale)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
