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
from dataclasses import dataclass
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

Measurements = dict[str, Any]
Work = Callable[[], Measurements]


@dataclass(frozen=True)
class TimedWork:
    """One line of a table: `prepare` loads the input and returns the work, which is what is measured.

    reads: bytes of the input; flops: of the matrix product, for the rates.
    against: the line that its time and memory are compared with.
    """

    name: str
    prepare: Callable[[], Work]
    reads: float = 0
    flops: float = 0
    against: str = ""


def fresh(work: Callable[..., Any], *args: Any) -> Any:
    """The result of a call in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as one:
        return one.apply(work, args)


def measure(prepare: Callable[[], Work]) -> Measurements:
    work = prepare()
    with AnonymousMemory() as memory:
        began, used = time.perf_counter(), time.process_time()
        result = work()
        seconds, used = time.perf_counter() - began, time.process_time() - used
    return {"seconds": seconds, "cpu": used, "bytes": memory.peak, **result}


KEPT: list[Measurements] = []
"""What `--save` writes: for every line of every case the seconds of all rounds."""


def run(case: str, lines: list[TimedWork], rounds: int) -> dict[str, Measurements]:
    """Best of `rounds`, the lines taking turns."""
    results_by_name: dict[str, list[Measurements]] = {line.name: [] for line in lines}
    for _ in range(rounds):
        for line in lines:
            results_by_name[line.name].append(fresh(measure, line.prepare))
    for name, results in results_by_name.items():
        fields = {field: [result[field] for result in results] for field in ("seconds", "cpu", "bytes")}
        KEPT.append({"case": case, "way": name, **fields})
    return {name: min(results, key=lambda one: float(one["seconds"])) for name, results in results_by_name.items()}


def measurements_of(picks: Selection) -> Measurements:
    kept = ("rounds", "passes", "m", "near_ties")
    summary = {"picks": len(picks), "ended": picks.stopped_by, **{key: picks.info[key] for key in kept}}
    return {"indices": picks.indices, "trimmed": picks.info["trimmed"], "notes": summary}


def port(file: Path, limit: int, sort: Any) -> Work:
    similarity = np.ascontiguousarray(np.load(file).T)

    def work() -> Measurements:
        picked = released_rounds(similarity, limit, sort=sort)
        return {"rounds": picked, "notes": {"picks": sum(map(len, picked)), "rounds": len(picked)}}

    return work


def given(file: Path, limit: int) -> Work:
    similarity = np.load(file)
    return lambda: measurements_of(SimCore().select_from_similarity(similarity, budget=limit))


def bare(file: Path, centres: Path, widen: bool) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres).astype(np.float32).T

    def work() -> Measurements:
        for _, block in row_blocks(pool, len(pool), BLOCK_ROWS):
            _ = (float32_rows(block) if widen else block) @ weights
        return {}

    return work


def from_features(file: Path, centres: Path, budget: str | None) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres)

    def work() -> Measurements:
        ranking = FeatureRanking(pool, weights)
        return measurements_of(SimCore().select_from(ranking, budget=budget, n_target=data.TARGET_ROWS))

    return work


def from_index(file: Path, centres: Path, factory: str, nprobe: int) -> Work:
    pool, weights = np.load(file, mmap_mode="r"), np.load(centres)
    began = time.perf_counter()
    with AnonymousMemory() as memory:
        index = faiss_index(pool, factory)
    index_facts = {"index built in s": round(time.perf_counter() - began, 1), "with MiB": memory.peak // MIB}
    if nprobe:
        index.nprobe = nprobe

    def work() -> Measurements:
        result = measurements_of(SimCore().select_from(FaissRanking(index, weights), budget="5%"))
        return result | {"notes": {**result["notes"], **index_facts}}

    return work


def clustering(dim: int, library: Any) -> Work:
    target = data.target(dim)
    unit = target / np.linalg.norm(target, axis=1, keepdims=True)

    def work() -> Measurements:
        centres = centroids(target, data.K, library=library)
        return {
            "notes": {"mean cosine to the nearest centroid": round(float((unit @ centres.T).max(axis=1).mean()), 5)}
        }

    return work


def case_a(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    rows = round(IMAGENET * scale)
    file = fresh(data.similarity_file, folder, rows, 128)
    limit, reads = rows // 100, rows * data.K * 4
    stable, quick, simcore = "port of the released code, stable sort", "port, numpy's fastest sort", "SimCore"
    lines = [
        TimedWork(stable, partial(port, file, limit, "stable"), reads),
        TimedWork(quick, partial(port, file, limit, "quicksort"), reads),
        TimedWork(simcore, partial(given, file, limit), reads, against=stable),
    ]
    results = run("a", lines, rounds)
    same_picks(results[stable]["rounds"], results[simcore]["indices"].tolist())
    yield from table(f"a: {rows:,} x {data.K} similarities given, 1 %", lines, results)
    yield f"Against numpy's fastest sort: {results[quick]['seconds'] / results[simcore]['seconds']:.0f} times as fast."
    yield "The picks of SimCore and of the port (stable sort) are the same, but for the random trim of the last round."


def same_picks(rounds: list[list[int]], picks: list[int]) -> None:
    """Raise unless `picks` are the picks of the port: in order, but for the last round, which both trim at random."""
    before = [position for one in rounds[:-1] for position in one]
    if picks[: len(before)] != before or len(picks) != len(before) + len(rounds[-1]):
        raise AssertionError("the picks differ from those of the port")


def case_b(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    rows = round(IMAGENET * scale)
    lines = loop_and_simcore(folder, rows, 2048, ("5%", None))
    yield from table(f"b: {rows:,} x 2048 float16, memory-mapped", lines, run("b", lines, rounds))


def case_c(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    for millions in (1, 3, 10):
        rows = round(millions * 1e6 * scale)
        lines = loop_and_simcore(folder, rows, 256, ("5%",))
        results = run(f"c {millions} M", lines, rounds)
        yield from table(f"c: {rows:,} x 256 float16, memory-mapped", lines, results)
        yield f"SimCore: {results[lines[-1].name]['seconds'] / rows * 1e6:.2f} s per million rows."


def loop_and_simcore(folder: Path, rows: int, dim: int, budgets: tuple[str | None, ...]) -> list[TimedWork]:
    file, centres = fresh(data.pool_file, folder, rows, dim), fresh(data.centroid_file, folder, dim)
    work = {"reads": rows * dim * 2, "flops": 2 * rows * dim * data.K}
    loop = "bare loop"
    return [
        TimedWork(loop, partial(bare, file, centres, False), **work),
        TimedWork("bare loop, float16 converted as here", partial(bare, file, centres, True), against=loop, **work),
        *(
            TimedWork(
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
    clusterings = [TimedWork(f"k-means, {name}", partial(clustering, 256, name)) for name in ("scikit-learn", "faiss")]
    exact = "SimCore, 5%"
    cells = 2 ** round(np.log2(rows**0.5))
    lines = [
        TimedWork(exact, partial(from_features, file, centres, "5%")),
        TimedWork("faiss, exact (Flat)", partial(from_index, file, centres, "Flat", 0), against=exact),
        *(
            TimedWork(
                f"faiss, IVF{cells}, nprobe {nprobe}",
                partial(from_index, file, centres, f"IVF{cells},Flat", nprobe),
                against=exact,
            )
            for nprobe in sorted({16, 64, cells // 4})
        ),
    ]
    results = run("d", clusterings, rounds) | run("d", lines, rounds)
    exact_picks = results[exact]["indices"]
    for line in lines[1:]:
        recall = np.isin(exact_picks, results[line.name]["indices"]).mean()
        results[line.name]["notes"] = {"recall of picks": round(float(recall), 4), **results[line.name]["notes"]}
    yield from table(f"d: faiss, {rows:,} x 256", [*clusterings, *lines], results)


def case_e(folder: Path, scale: float, rounds: int) -> Iterator[str]:
    cases: list[Measurements] = []
    for dim in (64, 128, 512, 2048):
        rows, centres = round(NUMBERS * scale / dim), fresh(data.centroid_file, folder, dim)
        files = [fresh(data.pool_file, folder, rows, dim, dtype) for dtype in ("float32", "float16")]
        threads = sorted({1, int(os.environ["OMP_NUM_THREADS"])})
        cases += fresh(ratios.measure_all, files, centres, threads, rounds)
    KEPT.extend({"case": "e", **case} for case in cases)
    yield "\n### e: against the best bare product\n"
    yield from ratios.ratio_table(cases)


def table(title: str, lines: list[TimedWork], results_by_name: dict[str, Measurements]) -> Iterator[str]:
    """Lines of Markdown."""
    yield f"\n### {title}\n"
    yield "| what | s | CPU s | time against | memory, MiB | GB/s | GFLOP/s | |"
    yield "|---|---|---|---|---|---|---|---|"
    for line in lines:
        result, seconds = results_by_name[line.name], results_by_name[line.name]["seconds"]
        rates = [f"{amount / seconds / GB:.1f}" if amount else "" for amount in (line.reads, line.flops)]
        notes = ", ".join(f"{key} {value}" for key, value in result.get("notes", {}).items())
        compared = ratio(result, results_by_name[line.against]) if line.against else ""
        yield " | ".join(
            (
                f"| {line.name}",
                f"{seconds:.3g}",
                f"{result['cpu']:.3g}",
                compared,
                f"{result['bytes'] / MIB:.0f}",
                *rates,
                f"{notes} |",
            )
        )
    yield ""


def ratio(result: Measurements, other: Measurements) -> str:
    times = result["seconds"] / other["seconds"]
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
