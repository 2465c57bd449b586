"""Errors that a user can cause: one clear line that names the thing and the way out, exit code 2."""

from typing import TypeVar

T = TypeVar("T", bound=str)


MANY = 24
"""Names that an error still lists."""


class UserError(Exception):
    """Shown as one line, without a traceback; the command ends with exit code 2 and has written nothing."""


class UnknownName(UserError):
    """A name that is in no registry, with the nearest ones that are. `kind` is the word for what it should be."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        self.kind = kind
        # Imported here: difflib costs start-up time and only an error needs it.
        from difflib import get_close_matches

        begun = [one for one in known if name and one.startswith(name)]
        near = list(dict.fromkeys([*begun, *get_close_matches(name, known)]))[:3]
        more = f" and {len(known) - MANY} more" if len(known) > MANY else ""
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:MANY])}{more}"
        super().__init__(f"unknown {kind} '{name}'; {hint}")


def one_of(kind: str, name: str, known: tuple[T, ...]) -> T:
    """The one of `known` that `name` is. Raises UnknownName."""
    for one in known:
        if name == one:
            return one
    raise UnknownName(kind, name, list(known))
