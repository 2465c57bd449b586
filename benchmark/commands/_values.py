"""Values that verbs take from their options, or from the environment where an option is not given."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.planning.values import PathLike, at_least, jobs_of, names, precision_of
from benchmark.planning.values import optional_path as path_of

if TYPE_CHECKING:
    from benchmark.execution.run import Machine

__all__ = ["PathLike", "at_least", "data_root_of", "machine_of", "names", "path_of", "precision_of"]

DATA_ROOT = "BENCHMARK_DATA"
"""The environment variable that stands for a data root that is not given."""


def data_root_of(value: PathLike | None) -> Path | None:
    """`value` as a path; without one the folder that BENCHMARK_DATA names."""
    return path_of(value or os.environ.get(DATA_ROOT) or None)


def machine_of(device: str, jobs: int | None, run_on: str) -> "Machine":
    """Where stages run. UserError for a number of workers below 1."""
    from benchmark.execution.run import Machine

    return Machine(device, jobs_of(jobs), run_on)
