"""Numbers with their nouns, for messages."""

from collections.abc import Iterable, Sequence


def counted(number: int, what: str) -> str:
    """The number with its noun: "1 row", "2,000 rows"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def counted_range(numbers: Iterable[int | None], what: str) -> str:
    """ "400 to 800 steps", "1 step"; empty where no number is known."""
    known = [number for number in numbers if number is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return counted(low, what) if low == high else f"{low:,} to {counted(high, what)}"
