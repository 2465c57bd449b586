"""Values that verbs take from their options, or from the environment where an option is not given."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.planning.values import PathLike, jobs_of, optional_path

if TYPE_CHECKING:
    from benchmark.execution.run import Machine

DATA_ROOT = "BENCHMARK_DATA"
"""The environment variable that stands for a data root that is not given."""


def data_root_of(value: PathLike | None) -> Path | None:
    """`value` as a path; without one the folder that BENCHMARK_DATA names."""
    return optional_path(value or os.environ.get(DATA_ROOT) or None)


def machine_of(device: str, jobs: int | None, run_on: str) -> "Machine":
    """Where stages run. UserError for a number of workers below 1."""
    from benchmark.execution.run import Machine

    return Machine(device, jobs_of(jobs), run_on)
