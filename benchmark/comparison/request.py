"""What a user asks of the `compare` verb."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.specs.recipes import Precision


@dataclass(frozen=True)
class Request:
    """What was asked for, as given. The first of `against` is what all others are held against."""

    samplers: tuple[str, ...]
    against: tuple[str, ...]
    targets: tuple[str, ...]
    openset: str
    budgets: tuple[str, ...] = ("1%", "5%")
    seeds: tuple[int, ...] = (0,)
    train: bool = False
    encoder: str | None = None
    profile: str = "smoke"
    steps: int | None = None
    data_root: Path | None = None
    store: Path = Path("runs")
    out: Path | None = None
    precision: Precision | None = None
    without_leaks: bool = False
