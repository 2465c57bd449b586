"""The open-sets of the paper: one module each, its `entry` an `OpenSet`."""

from benchmark.registry import Registry
from benchmark.specs.datasets import OpenSet

OPENSETS: Registry[OpenSet] = Registry("open-set", "benchmark.datasets.opensets", OpenSet, group="benchmark.opensets")
