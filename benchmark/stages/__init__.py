"""One file per kind of stage: its spec, its `KIND` and its code. Importing one loads no torch."""

from benchmark.registry import Registry
from benchmark.specs.stages import Kind

KINDS: Registry[Kind] = Registry("stage kind", "benchmark.stages", Kind, group="benchmark.stages", attribute="KIND")
