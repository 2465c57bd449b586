"""The fine-grained targets of the published tables: one module each, its `entry` a `Target`."""

from benchmark.registry import Registry
from benchmark.specs.datasets import Target

TARGETS = Registry("target", "benchmark.datasets.targets", Target, group="benchmark.targets")


def registered_target(name: str) -> Target | None:
    """The target called `name`; None for a folder that is not registered."""
    return TARGETS.get(name) if name in TARGETS else None
