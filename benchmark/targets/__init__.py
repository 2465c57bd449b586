"""The fine-grained targets of the paper: one module each, its `entry` a `Target`."""

from benchmark.registry import Registry
from benchmark.specs import Target

TARGETS = Registry("target", "benchmark.targets", Target)
