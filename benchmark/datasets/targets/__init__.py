"""The fine-grained targets of the paper: one module each, its `entry` a `Target`."""

from benchmark.registry import Registry
from benchmark.specs.datasets import Target

TARGETS = Registry("target", "benchmark.datasets.targets", Target)
OTHER_TARGETS = Registry("target", "benchmark.datasets.other_targets", Target)
"""What tables of other works are measured on."""


def registered_target(name: str) -> Target | None:
    """The target called `name`, of the paper or of another work; None for a folder of somebody's own."""
    return next((registry.get(name) for registry in (TARGETS, OTHER_TARGETS) if name in registry), None)
