"""One question to the suite: which cells, at which profile and protocol, on which data and store."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.specs.recipes import Precision


@dataclass(frozen=True)
class Query:
    """What was asked for, as given. Empty tuples and None mean the table's or the profile's own choice."""

    table: str
    profile: str
    protocol: str | None = None
    targets: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    openset: str | None = None
    seeds: tuple[int, ...] = (0,)
    controls: bool = False
    steps: int | None = None
    method: str | None = None
    backbone: str | None = None
    engine: str | None = None
    precision: Precision | None = None
    data_root: Path | None = None
    store: Path = Path("runs")
    evaluation: str | None = None
    without_leaks: bool = False
