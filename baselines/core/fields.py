"""Checks on the fields of samplers: a bad one is refused by name when the sampler is made."""

from __future__ import annotations

from typing import Any


def check_int(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless `value` is an int, not a bool, of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}")


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")
