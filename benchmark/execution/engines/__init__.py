"""Execution engines run the stages of a plan. Each is one file with an `entry`, an `ExecutionEngine`.

An engine gets everything in a `Job` and returns a function `run(stages)`, or a bound method of that form. It need not
know what a stage does. It runs a stage, in any process, by `worker.attempt(task)`. That claims the stage's key in the
store, writes the result as a whole or not at all, and reports. So an engine may end its processes at any time, and two
runs may share a store. The stages come in order: inputs stand before the stages that use them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from benchmark.execution.display import RunDisplay
from benchmark.execution.store import Store
from benchmark.execution.worker import Context
from benchmark.registry import Registry
from benchmark.specs.stages import Stage

State = Literal["done", "failed", "skipped"]
"""How a stage ended: "skipped" where one of its inputs failed or was skipped."""


@dataclass(frozen=True)
class Job:
    """What an engine runs stages with.

    `context` has the images, the device and the threads of a worker, `workers` how many stages may run at a time.
    `screen` shows what happens.
    """

    store: Store
    context: Context
    workers: int
    screen: RunDisplay


Run = Callable[[Iterable[Stage]], dict[str, State]]
"""Runs stages and returns the state of each by its key; a stage that the store has (`Store.has`) is "done" at once.

Raises UserError for what a worker reports as "refused", and passes on KeyboardInterrupt and Terminated. Whatever it
raises, no process of its own is left behind.
"""


@dataclass(frozen=True)
class ExecutionEngine:
    """An engine by the name that `--run-on` uses. `title` is what `list execution-engines` says of it."""

    name: str
    title: str
    start: Callable[[Job], Run]


EXECUTION_ENGINES: Registry[ExecutionEngine] = Registry(
    "execution engine", "benchmark.execution.engines", ExecutionEngine, group="benchmark.engines"
)
