"""The targets of the SimCore paper."""

from benchmark.datasets.targets import TARGETS
from benchmark.specs.datasets import Target


def paper_targets() -> tuple[Target, ...]:
    """The eleven targets of the SimCore paper."""
    return tuple(target for target in TARGETS if target.work == "SimCore")
