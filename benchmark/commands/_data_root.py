"""What a data root has, for `list`, `show` and `plan`: targets and open-sets with their counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.images.data import Data, registered
from benchmark.specs.datasets import Role


def data_of(root: Path | None, store: Path) -> Data:
    """The images below a data root. Nothing is read before it is asked for."""
    return Data(root, standins=False, cache=store)


def counts(data: Data, role: Role, name: str) -> dict[str, Any]:
    """How many images the splits of a data set have, and its classes; `problem` where they cannot be listed. Lists
    files and reads none."""
    try:
        train = data.find(role, name)
        if role == "opensets":
            return {"images": len(train.ids)}
        test = data.find(role, name, "test")
        return {"classes": len(train.classes), "train": len(train.ids), "test": len(test.ids)}
    except UserError as error:
        return {"problem": str(error)}


def counts_text(data: Data, role: Role, name: str) -> str:
    """The counts in words."""
    found_counts = counts(data, role, name)
    words = (text if name == "problem" else f"{text:,} {name}" for name, text in found_counts.items())
    return ", ".join(words)


def own_names(data: Data, role: Role) -> Iterator[str]:
    """The data sets of a data root that are not registered."""
    return (name for name in data.names(role) if registered(role, name) is None)
