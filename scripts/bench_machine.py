"""What the machine can do at most, and what a process uses: the rulers of the benchmarks."""

from __future__ import annotations

import gc
import os
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

GB = 1e9
PACKAGES = ("numpy", "scikit-learn", "faiss-cpu", "torch")


def best_time(work: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def peaks(threads: int, folder: Path) -> dict[str, float]:
    """Memory read and copy, page-cache and disk read in GB/s, float32 product in GFLOP/s, on `threads` threads."""
    numbers = np.ones(2**27, dtype=np.float32)  # 512 MiB: no cache holds it
    other = np.ones_like(numbers)
    halves = list(zip(np.split(numbers, threads), np.split(other, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        read = best_time(lambda: list(pool.map(lambda pair: pair[0].max(), halves)))
        copy = best_time(lambda: list(pool.map(lambda pair: np.copyto(*pair), halves)))
    square = np.ones((3072, 3072), dtype=np.float32)
    product = best_time(lambda: square @ square)
    file = folder / "peak"
    numbers.tofile(file)
    cached, disk = _file_read(file)
    file.unlink()
    rates = {"memory read": numbers.nbytes / read, "memory copy": 2 * numbers.nbytes / copy}
    rates |= {"page-cache read": numbers.nbytes / cached, "disk read": numbers.nbytes / disk}
    return {what: rate / GB for what, rate in (rates | {"sgemm": 2 * 3072**3 / product}).items()}


def _file_read(file: Path) -> tuple[float, float]:
    """Seconds to read a file into a small buffer when the page cache has it, and when it was asked to forget it."""
    buffer = bytearray(2**22)

    def read() -> None:
        with file.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass

    cached = best_time(read, 3)
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return cached, best_time(read, 1)


class AnonymousMemory:
    """The peak of the memory that a process has of its own, which mapped files are not, while the block runs.

    Sampled every two milliseconds from Linux's /proc; `peak` is in bytes above what was held at the beginning.
    """

    def __enter__(self) -> AnonymousMemory:
        gc.collect()  # garbage of before, collected while the block runs, would hide as much of what the block holds
        self._before = self._held = _anonymous()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        self.peak = self._held - self._before

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self._held = max(self._held, _anonymous())


def _anonymous() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no RssAnon: this benchmark needs Linux 4.5 or later")


def machine(threads: int) -> str:
    """One line: processor, cores, memory, system, versions."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo")) / 2**20
    libraries = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{model}, {os.cpu_count()} cores of which {threads} used, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, {libraries}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
