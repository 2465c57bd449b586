"""A function of every item of a split, in several processes: new interpreters that import this package alone."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pipe, connection
from typing import Any

from benchmark.errors import UserError
from benchmark.images.items import Folder, Items
from benchmark.images.parquet import Rows
from benchmark.interrupts import held_back, leave_to_run
from benchmark.system import cores

CHUNK = 64
"""Items that are sent to a process at once."""
FEWEST_FOR_PROCESSES = 1024
"""With fewer items no process is started: one takes a second or two to begin."""
_CODE = "import sys; sys.path[:] = {path!r}; from benchmark.images.processes import main; main({pipe})"

ItemWork = Callable[[Items, str], bytes]
"""What is done for one item. A function of a module, so that another process finds it."""


@dataclass
class _Reader:
    process: "subprocess.Popen[bytes]"
    pipe: connection.Connection

    @classmethod
    def start(cls, work: ItemWork, items: Items) -> "_Reader":
        pipe, other = Pipe()
        code = _CODE.format(path=[str(place) for place in sys.path], pipe=other.fileno())
        with held_back():
            process = subprocess.Popen([sys.executable, "-c", code], pass_fds=(other.fileno(),))
        other.close()
        pipe.send((work, items))
        return cls(process, pipe)

    def receive(self) -> list[bytes]:
        """The results of the oldest chunk that was sent. Raises what the work raised."""
        try:
            answer = self.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            code = self.process.wait()
            raise UserError(f"a process that reads images ended (exit code {code}): give fewer --jobs") from error
        if isinstance(answer, BaseException):
            raise answer
        results: list[bytes] = answer
        return results

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


def each_item(work: ItemWork, items: Items, ids: Sequence[str], jobs: int | None = None) -> Iterator[bytes]:
    """`work(items, id)` of every id, in order, in `jobs` processes (default: one per core). UserError when one dies.

    Processes and not threads: hashing and comparing small images keeps Python's lock.
    """
    jobs = cores() if jobs is None else jobs
    if jobs == 1 or len(ids) < FEWEST_FOR_PROCESSES:
        yield from (work(items, item) for item in ids)
        return
    with contextlib.ExitStack() as stack:
        readers = [_Reader.start(work, _without_listing(items)) for _ in range(jobs)]
        for reader in readers:
            stack.callback(reader.end)
        yield from _in_turn(readers, [list(ids[start : start + CHUNK]) for start in range(0, len(ids), CHUNK)])


def _in_turn(readers: Sequence[_Reader], chunks: Sequence[list[str]]) -> Iterator[bytes]:
    """Chunk n goes to reader n modulo their number, two ahead, so that the results come back in order."""
    ahead = 2 * len(readers)
    for number in range(min(ahead, len(chunks))):
        readers[number % len(readers)].pipe.send(chunks[number])
    for number in range(len(chunks)):
        reader = readers[number % len(readers)]
        results = reader.receive()
        if number + ahead < len(chunks):
            reader.pipe.send(chunks[number + ahead])
        yield from results


def _without_listing(items: Items) -> Items:
    """The same items without what was listed of them: a process lists what it needs, and names come in chunks."""
    return replace(items, train=None) if isinstance(items, Folder | Rows) else items


def main(pipe: int) -> None:
    """A process that answers chunks of names until the other end is closed, as it is when the command has ended."""
    leave_to_run()
    channel = connection.Connection(pipe)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work, items = channel.recv()
        while True:
            channel.send(_answer(work, items, channel.recv()))
    # Without the clean-up of a library that may have threads.
    os._exit(0)


def _answer(work: ItemWork, items: Items, names: Sequence[str]) -> Any:
    try:
        return [work(items, name) for name in names]
    except Exception as error:
        return error
