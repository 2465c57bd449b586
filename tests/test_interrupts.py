"""SIGINT and SIGTERM: who is interrupted by them, who is asked to stop, who leaves them to others."""

import signal
import subprocess
import sys
import threading

import pytest

from benchmark.interrupts import SIGNALS, StopRequest, Terminated, handled, held_back, raise_signal

ENDS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}
WORKER = """
import os, signal, subprocess, sys, time
from benchmark.interrupts import leave_to_run
leave_to_run()
for number in (signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), number)
ends = set()
for _ in range(100):
    # At once: the signal reaches many of the forked before their first line.
    forked = os.fork()
    if not forked:
        time.sleep(60)
        os._exit(0)
    os.kill(forked, signal.SIGTERM)
    ends.add(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]))
spawned = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
spawned.terminate()
print(*ends, spawned.wait())
"""


@pytest.fixture(autouse=True)
def _as_in_a_terminal():
    """Both signals as Python sets them at first, whatever the shell that started the tests ignores."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    """To this thread: the kernel may give a signal of the process to another thread, which handles it later."""
    signal.raise_signal(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_raises_and_all_is_as_before_afterwards(number):
    before = signal.getsignal(number)
    with pytest.raises(ENDS[number]), handled(raise_signal):
        send(number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_the_first_signal_is_a_request_and_the_second_an_end(first, second):
    stop = StopRequest()
    with stop.awaited():
        assert stop.number is None
        send(first)
        assert stop.number == first
    with pytest.raises(ENDS[second]), stop.awaited():
        send(second)


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = StopRequest()
    with stop.awaited():
        send(signal.SIGINT)
        assert stop.number is None
        send(signal.SIGTERM)
        assert stop.number == signal.SIGTERM


@pytest.mark.parametrize("number", SIGNALS)
def test_the_handler_of_a_program_that_calls_the_suite_stays(number):
    heard = []
    signal.signal(number, lambda *_: heard.append("the program's own"))
    stop = StopRequest()
    with stop.awaited():
        send(number)
    assert heard == ["the program's own"] and stop.number is None


def test_the_command_lines_handler_gives_way_to_a_run():
    stop = StopRequest()
    with handled(raise_signal), stop.awaited():
        send(signal.SIGTERM)
    assert stop.number == signal.SIGTERM


def test_outside_of_the_main_thread_nothing_changes():
    seen = []

    def look():
        with StopRequest().awaited():
            seen.extend(signal.getsignal(number) for number in SIGNALS)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler, signal.SIG_DFL]


def test_signals_that_are_held_back_come_afterwards():
    reached = []
    with pytest.raises(Terminated), handled(raise_signal):
        with held_back():
            send(signal.SIGTERM)
            reached.append("end of the block")
        reached.append("never")
    assert reached == ["end of the block"]


def test_a_worker_ignores_both_and_what_it_starts_does_not():
    process = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True)
    assert process.stdout.split() == [str(-signal.SIGTERM)] * 2, process.stderr


def test_a_process_that_is_spawned_while_they_are_held_back_hears_none_until_it_leaves_them_to_the_run():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); from benchmark.interrupts import leave_to_run; "
    with held_back():
        process = subprocess.Popen(
            [sys.executable, "-c", code + "leave_to_run(); print('lives')"], stdout=subprocess.PIPE
        )
    assert process.communicate()[0].split() == [b"lives"]
