"""SIGINT (Ctrl-C) and SIGTERM: a run is asked to stop by the first and ended by the second.

The processes that a run starts ignore both: they are told by the run, which also kills them.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """What SIGTERM raises, as SIGINT raises KeyboardInterrupt."""


def raise_signal(number: int, frame: FrameType | None = None) -> None:
    """A handler: KeyboardInterrupt for SIGINT, Terminated for SIGTERM."""
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated


REPLACED = (signal.SIG_DFL, signal.default_int_handler, raise_signal)
"""Handlers that a run takes the place of: those that Python sets by itself, and the command line's."""


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call `handler` for both signals during the block.

    A signal that the process ignores, as what a shell starts in the background ignores Ctrl-C, stays ignored. A handler
    of the program that calls this package, a server's or a notebook's, stays too. Only the main thread may handle
    signals: in another one nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in SIGNALS if main}
    changed = {number: old for number, old in before.items() if old in REPLACED}
    for number in changed:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in changed.items():
            signal.signal(number, old)


class StopRequest:
    """The first signal is remembered in `number`, for the block to see; a second one raises as `raise_signal` does."""

    def __init__(self) -> None:
        self.number: int | None = None

    def awaited(self) -> contextlib.AbstractContextManager[None]:
        """A block that is asked to stop and not interrupted by the first signal."""
        return handled(self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            raise_signal(number)
        self.number = number


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Both signals wait until the block has ended, and in a process that is spawned in it until `leave_to_run`.

    The mask is this thread's and is inherited by what it starts. A signal that reaches another thread of the process
    is remembered, and raised again after the block.
    """
    received: list[int] = []
    with handled(lambda number, frame: received.append(number)):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for number in received:
        signal.raise_signal(number)


def leave_to_run(*_: object) -> None:
    """Have this process ignore both signals. What it forks heeds them: a pool of a sampler's own must end."""
    for number in SIGNALS:
        # A handler, for what is ignored stays so in a program that this process starts.
        signal.signal(number, lambda number, frame: None)
    # Python forgets the signals that reach a child before its first line: they wait until it has no handlers.
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_heed)
    _unblock()


def _block() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _heed() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _unblock()
