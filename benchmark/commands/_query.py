"""Questions with the machine that answers them, and functions of the Python API that take a question's options."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from attrs import evolve, field, frozen

from benchmark.commands._values import data_root_of, machine_of
from benchmark.planning.query import Query, SharedOptions, described
from benchmark.planning.values import jobs_of

if TYPE_CHECKING:
    from benchmark.execution.run import Machine

ENCODER_FORMS = (
    "released[=FOLDER], timm:NAME[=FILE], a checkpoint file, an export, a key or label of the store, or random; "
    "default: pretrain on the target"
)

P = ParamSpec("P")
Options = TypeVar("Options", bound=SharedOptions)
T = TypeVar("T")


@frozen(kw_only=True, slots=False)
class MachineOptions:
    """Where stages run. Nothing of it is part of a key."""

    device: str = field(default="auto", metadata=described("auto, cpu, cuda or cuda:N"))
    jobs: int | None = field(
        default=None,
        converter=jobs_of,
        metadata=described("worker processes; default: one per core, or one on a GPU"),
    )
    run_on: str = field(
        default="local", metadata=described("what runs the stages: local or another of `list execution-engines`")
    )

    @property
    def machine(self) -> "Machine":
        return machine_of(self.device, self.jobs, self.run_on)


@frozen(kw_only=True, slots=False)
class RunQuery(MachineOptions, Query):
    """A question to a table, and where its stages run."""


def takes(options: Callable[P, Options]) -> Callable[[Callable[[Options], T]], Callable[P, T]]:
    """`function(question)` as a function of the options that the class `options` has, by its names and defaults. The
    folder that BENCHMARK_DATA names stands for a data root that is not given."""

    def make(function: Callable[[Options], T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return function(question_of(options, *args, **kwargs))

        # Both the command line and `help()` read it.
        returned = inspect.signature(function).return_annotation
        call.__signature__ = inspect.signature(options).replace(return_annotation=returned)  # type: ignore[attr-defined]
        call.options = options  # type: ignore[attr-defined]
        return call

    return make


def question_of(options: Callable[P, Options], *args: P.args, **kwargs: P.kwargs) -> Options:
    """The options as a question. UserError for a value that is none."""
    question = options(*args, **kwargs)
    return evolve(question, data_root=data_root_of(question.data_root))
