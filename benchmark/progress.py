"""Progress of long work: bars on a terminal, plain lines elsewhere, nothing for work under two seconds."""

import sys
import time
from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) as often as the work likes; cheap."""


def silent(what: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


class PlainProgress:
    """A line at most every `every` seconds, the first after two."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._next = every, time.monotonic() + 2.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            print(f"  {what}: {done}/{total}", file=sys.stderr, flush=True)
