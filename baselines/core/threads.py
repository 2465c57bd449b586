"""Blocks of work on several threads, each with one BLAS thread, and their results in order.

A product of a block with few columns is too small to be cut into parts by a BLAS: its threads wait for each other at
every call, and where another program holds a core they wait long. Whole blocks on threads of Python's own share the
conversion and the search for hits as well, and meet only where the results are put in order.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH_SHARING = 2**28
"""Multiplications below which nothing is looked up or started: some milliseconds of one core."""
AHEAD = 2
"""Blocks that wait for every thread: as many are held in memory besides those worked on."""


_limiting = threading.Lock()
"""Held by the one thread that has limited BLAS: two that set and restore in turn would leave the limit behind."""


@contextmanager
def one_blas_thread() -> Iterator[int]:
    """Inside, NumPy's BLAS (and torch, where it is loaded) stays on the calling thread.

    Yields the number of threads that BLAS was allowed, at most the cores of this process: as many may call it at once.
    Without threadpoolctl, which NumPy can do without, nothing is limited and the number is 1. It is also 1 while
    another thread of this process is inside.
    """
    controller = _controller()
    if controller is None or not _limiting.acquire(blocking=False):
        yield 1
        return
    with ExitStack() as stack:
        stack.callback(_limiting.release)
        blas = controller.select(user_api="blas")
        threads = max((library["num_threads"] for library in blas.info()), default=1)
        stack.enter_context(blas.limit(limits=1))
        stack.enter_context(_one_torch_thread())
        yield max(1, min(threads, _cores()))


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int, *, ahead: int = AHEAD
) -> Generator[Result]:
    """`work` of every item, in the order of the items, on `threads` threads; with one, on the calling thread.

    Items are taken on the calling thread, at most `threads` * (1 + `ahead`) before their results are asked for. The
    first error in the order of the items is raised, as without threads. Close what is returned to stop early: no thread
    is left running then.
    """
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as executor:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(executor.submit(work, item))
                if len(waiting) == threads * (1 + ahead):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _controller() -> Any:
    """What knows the BLAS libraries of this process, or None. Looking for them takes milliseconds: once is enough."""
    try:
        from threadpoolctl import ThreadpoolController  # late: `import baselines` needs NumPy alone
    except ImportError:
        return None
    return ThreadpoolController()


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Threads that are started inside inherit the limit: torch keeps it for the whole process."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
