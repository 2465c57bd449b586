"""The rows of a table that is to be measured."""

from dataclasses import dataclass

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
