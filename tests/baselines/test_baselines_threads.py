from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from baselines.core import threads as module
from baselines.core.threads import AHEAD, in_order, one_blas_thread


def blas_threads() -> int:
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    gate = threading.Event()

    def work(item: int) -> int:
        if item == 0 and threads > 1:
            gate.wait(60)  # the first is done last
        if item == threads:
            gate.set()
        return item * item

    assert list(in_order(work, range(40), threads)) == [item * item for item in range(40)]


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_error_in_order_is_raised(threads: int) -> None:
    def work(item: int) -> int:
        if item >= 5:
            raise ValueError(f"item {item}")
        return item

    before = threading.active_count()
    results: list[int] = []
    with pytest.raises(ValueError, match=r"^item 5$"):
        results.extend(in_order(work, range(9), threads))
    assert threading.active_count() == before


def test_items_are_taken_on_the_calling_thread_and_few_ahead() -> None:
    taken: list[int] = []
    caller, before = threading.current_thread(), threading.active_count()

    def items() -> Iterator[int]:
        for item in range(100):
            assert threading.current_thread() is caller
            taken.append(item)
            yield item

    results = in_order(abs, items(), 2)
    next(results)
    assert len(taken) == 2 * (1 + AHEAD)
    results.close()
    assert threading.active_count() == before


def test_blas_and_torch_have_one_thread_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, user_api="blas"):
            with one_blas_thread() as threads:
                seen = list(in_order(lambda _: torch.get_num_threads(), range(4), threads))
                assert (threads, blas_threads(), seen) == (2, 1, [1, 1, 1, 1])
            assert (blas_threads(), torch.get_num_threads()) == (2, 2)
        with threadpool_limits(1, user_api="blas"), one_blas_thread() as threads:
            assert threads == 1
    finally:
        torch.set_num_threads(before)


def test_of_two_threads_one_limits_blas_and_the_limit_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 2)
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()
    numbers: list[int] = []

    def second() -> None:
        first_is_in.wait(60)
        with one_blas_thread() as threads:
            numbers.append(threads)
            second_is_in.set()
            first_is_out.wait(60)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, user_api="blas"):
            other = threading.Thread(target=second)
            other.start()
            with one_blas_thread() as threads:
                first_is_in.set()
                second_is_in.wait(60)
                numbers.append(threads)
            first_is_out.set()
            other.join()
            assert numbers == [1, 2]
            assert (blas_threads(), torch.get_num_threads()) == (2, 2)
            with one_blas_thread() as threads:
                assert threads == 2
    finally:
        torch.set_num_threads(before)


def test_an_error_gives_the_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with threadpool_limits(2, user_api="blas"):
            with pytest.raises(ValueError, match="stop"), one_blas_thread():
                raise ValueError("stop")
            assert (blas_threads(), torch.get_num_threads()) == (2, 2)
            with one_blas_thread() as threads:
                assert threads == 2
    finally:
        torch.set_num_threads(before)


def test_never_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 1)
    with threadpool_limits(2, user_api="blas"), one_blas_thread() as threads:
        assert threads == 1


def test_without_threadpoolctl_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    module._controller.cache_clear()
    try:
        with one_blas_thread() as threads:
            assert threads == 1
            assert np.ones((3, 3)).sum() == 9
    finally:
        module._controller.cache_clear()
