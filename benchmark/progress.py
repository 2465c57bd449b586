"""Progress of long work: bars on a terminal, plain lines elsewhere, nothing for work under two seconds."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total) as often as the work likes; cheap."""


def silent(what: str, done: int, total: int) -> None:
    """A `Progress` that shows nothing."""


def unheard(text: str) -> None:
    """What takes a line for whoever watches, where nobody does."""


def never() -> bool:
    """What says whether to stop, where nobody asks to."""
    return False
