"""Allowed names of items: each can be read back from a list of picks and is a path below a folder."""

import re
from collections.abc import Iterable

from benchmark.errors import UserError

_REASONS = (
    (r"[\n\r]", "holds a line break, and a list of picks has one name per line"),
    (r"\0", "holds a null character, which no file name may have"),
    (r"[\ud800-\udfff]", "is no UTF-8 text, and a list of picks is"),
    (r"\A#", "begins with #, as a comment in a list of picks does"),
    (r"\A\s*\Z", "is only white space, as an empty line in a list of picks is"),
    (r"(?:\A|/)\.{0,2}(?:/|\Z)", "has an empty part, . or .. in it, which would lead out of a folder of copies"),
)
_REFUSED = re.compile("|".join(pattern for pattern, _ in _REASONS))


def check_names(label: str, ids: Iterable[str]) -> None:
    """UserError that names the first of the items `ids` of the split `label` that no list of picks can hold."""
    for item in ids:
        if _REFUSED.search(item):
            reason = next(reason for pattern, reason in _REASONS if re.search(pattern, item))
            raise UserError(f"{label}: the name {item!r} {reason}; rename it")
