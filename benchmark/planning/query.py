"""One question to the suite: which cells, at which profile and protocol, on which data and store."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.specs.recipes import Precision


@dataclass(frozen=True)
class Query:
    """What was asked for, as given. Empty tuples and None mean the table's or the profile's own choice.

    `rows` are row ids or variants, any that `benchmark.planning.names` reads. `references` are those among them that
    others with a coreset of the same budget are compared with. Without `train` coresets are picked and nothing is
    trained on them; `coreset_metrics` measures them. `steps` are lengths of training, in optimiser steps: with several,
    every row is measured at each. `initial_weights` names the encoder that those rows start from whose published
    trainings did not start from random weights. `encoder` names one that takes the place of a published row's training.
    """

    table: str
    profile: str
    protocol: str | None = None
    targets: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    openset: str | None = None
    seeds: tuple[int, ...] = (0,)
    controls: bool = False
    steps: tuple[int, ...] = ()
    method: str | None = None
    backbone: str | None = None
    engine: str | None = None
    precision: Precision | None = None
    data_root: Path | None = None
    store: Path = Path("runs")
    evaluations: tuple[str, ...] = ()
    train: bool = True
    coreset_metrics: bool = False
    references: tuple[str, ...] = ()
    without_leaks: bool = False
    initial_weights: str | None = None
    encoder: str | None = None
