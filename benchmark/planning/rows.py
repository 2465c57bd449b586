"""The rows of a table that is to be measured."""

from dataclasses import dataclass

from benchmark.methods import METHODS
from benchmark.published.tables import Row
from benchmark.specs.variants import Variant


@dataclass(frozen=True)
class TableRow:
    """A row that is to be measured: the published row (None for a control), what it trains on, which method on which
    network (None: the method's own). `obstacle` says why it cannot be measured."""

    id: str
    title: str
    variant: Variant
    openset: str
    published: Row | None
    method: str
    backbone: str | None
    online: bool = False
    obstacle: str = ""


def obstacle(row: Row) -> str:
    """Why the suite cannot measure a published row; empty where it can."""
    if row.task not in ("linear_eval", "online_eval"):
        return f"evaluation {row.task} is not measured by this suite yet"
    if row.method not in METHODS:
        return f"method {row.method} has no recipe in this suite"
    if row.task == "online_eval" and METHODS.get(row.method).published.online is None:
        return f"method {row.method} has a recipe for SimCore's tables here, none for this one"
    return "" if row.initial_weights == "random" else f"starts from {row.initial_weights} weights"
