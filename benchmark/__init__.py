"""Reproducibility benchmark suite for SimCore: coresets from an open-set for fine-grained self-supervised learning.

The Python API: `reproduce`, `table`, `plan`, `compare`, `evaluate`, `sample`, `pretrain_encoder` and
`load_table`, loaded when first used.
Each returns a value; an error that the caller can mend is a `UserError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.commands.compare import compare
    from benchmark.commands.evaluate import evaluate
    from benchmark.commands.plan import plan
    from benchmark.commands.pretrain import pretrain_encoder
    from benchmark.commands.reproduce import reproduce
    from benchmark.commands.sample import sample
    from benchmark.commands.table import table
    from benchmark.errors import UnknownName, UserError
    from benchmark.published.tables import load_table

__version__ = "0.1.0"
__all__ = [
    "UnknownName",
    "UserError",
    "compare",
    "evaluate",
    "load_table",
    "plan",
    "pretrain_encoder",
    "reproduce",
    "sample",
    "table",
]

_MODULES = {
    "UnknownName": "errors",
    "UserError": "errors",
    "compare": "commands.compare",
    "evaluate": "commands.evaluate",
    "load_table": "published.tables",
    "plan": "commands.plan",
    "pretrain_encoder": "commands.pretrain",
    "reproduce": "commands.reproduce",
    "sample": "commands.sample",
    "table": "commands.table",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"benchmark.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
