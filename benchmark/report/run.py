"""What is known of one cell at one seed: its records, and what its evaluations keep of every test image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.execution.record import Record
from benchmark.methods import read_recipe, title_of
from benchmark.report.item_results import ItemResults
from benchmark.report.measures import facts_of, values_of
from benchmark.report.table import SeedResult, State
from benchmark.specs.cells import EVALUATE, PRETRAIN, PURITY, SAMPLE, Layout


@dataclass(frozen=True)
class Run:
    """One cell at one seed. `state` is "measured" where there are `records`, by part; `item_results` are those of the
    evaluations that keep some, by part; `assumed` as in `Cell`."""

    row: str
    target: str
    seed: int
    assumed: tuple[str, ...]
    state: State
    reason: str = ""
    records: Mapping[str, Record] = field(default_factory=dict)
    item_results: Mapping[str, ItemResults] = field(default_factory=dict)

    @property
    def evaluate(self) -> Record | None:
        return self.records.get(EVALUATE)

    @property
    def pretrain(self) -> Record | None:
        return self.records.get(PRETRAIN)

    @property
    def sample(self) -> Record | None:
        return self.records.get(SAMPLE)

    @property
    def purity(self) -> Record | None:
        return self.records.get(PURITY)

    def result(self, layout: Layout) -> SeedResult:
        """The numbers that a table shows."""
        values, main = values_of(self.records, layout.measures_of(self.row)), layout.main_of(self.row)
        return SeedResult(
            seed=self.seed,
            value=values.get(main.name) if main else None,
            values=values,
            **_training(self.pretrain),
            **facts_of(self.records),
        )


def _training(pretrain: Record | None) -> dict[str, Any]:
    """What was trained on what."""
    if pretrain is None:
        return {}
    recipe = read_recipe(pretrain.identity["spec"]["recipe"])
    return {
        "method": title_of(recipe.method),
        "network": recipe.backbone.full_name,
        "steps": pretrain.metrics["steps"],
        "openset": _openset(pretrain),
    }


def _openset(pretrain: Record) -> str | None:
    """The open-set of a training: "" without one, None where an older record does not name it."""
    if "openset" not in pretrain.identity["inputs"]:
        return ""
    images = pretrain.info.get("images", {}).get("openset")
    return None if images is None else str(images["split"].split("/")[1])
