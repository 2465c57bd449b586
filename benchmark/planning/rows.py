"""The rows of a table that is to be measured."""

from dataclasses import dataclass

from benchmark.methods import METHODS
from benchmark.published.tables import Row
from benchmark.specs.variants import Variant

EVALUATIONS_OF_TASKS = {"linear_eval": None, "online_eval": None, "e2e_finetune_100pct": "fine-tuning"}
"""The evaluation that measures a published task; None for the protocol's probe and for the online classifier."""


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

    @property
    def evaluation(self) -> str | None:
        """The evaluation of the row's task, where that is no linear probe."""
        return None if self.published is None else EVALUATIONS_OF_TASKS.get(self.published.task)


def obstacle(row: Row) -> str:
    """Why the suite cannot measure a published row; empty where it can."""
    if row.task not in EVALUATIONS_OF_TASKS:
        return f"evaluation {row.task} is not measured by this suite yet"
    if row.method not in METHODS:
        return f"method {row.method} has no recipe in this suite"
    if row.task == "online_eval" and METHODS.get(row.method).published.online is None:
        return f"method {row.method} has a recipe for SimCore's tables here, none for this one"
    return "" if row.initial_weights == "random" else f"starts from {row.initial_weights} weights"
