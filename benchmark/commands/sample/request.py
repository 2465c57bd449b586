"""What a user asks of the `sample` verb."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmark.images.data import SplitName
from benchmark.specs.datasets import Role
from benchmark.specs.recipes import Precision


@dataclass(frozen=True)
class Exports:
    """Where else the picked images go: links, copies, a `datasets` directory, a contact sheet."""

    link: Path | None = None
    copy: Path | None = None
    dataset: Path | None = None
    sheet: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """The folders that are to be made."""
        return [path for path in (self.link, self.copy, self.dataset) if path is not None]


@dataclass(frozen=True)
class Request:
    """What was asked for, as given. `encoder` of None: pretrain on the target first, by the profile's recipe. `out` of
    None: no list is written."""

    target: str
    pool: str
    out: Path | None = None
    sampler: str = "simcore"
    budget: str = "stop"
    encoder: str | None = None
    profile: str = "mini"
    steps: int | None = None
    seed: int = 0
    store: Path = Path("runs")
    exports: Exports = field(default_factory=Exports)
    precision: Precision | None = None
    without_leaks: bool = False

    @property
    def folders(self) -> dict[Role, str]:
        """The paths of target and pool by role."""
        return {"targets": self.target, "opensets": self.pool}

    @property
    def splits(self) -> list[SplitName]:
        """Target and pool as the data of a run."""
        return [(role, path, "train") for role, path in self.folders.items()]
