"""What tests of several rooms share: engines, where they are installed; smoke runs in this process, without workers."""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage
from benchmark.planning.planned_table import PlannedTable
from benchmark.planning.query import Query
from benchmark.specs.cells import ordered

# No test fails because the machine is busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SMALL = {"targets": ("dtd",), "rows": ("X", "X+OS_rand_5", "X+OS_simcore_5", "X+OS_simcore_stop"), "steps": (6,)}


@pytest.fixture(autouse=True)
def _own_import_path():
    """`sys.path` as it was: a sampler of a file adds its folder, in which the next test may find a wrong module."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session")
def usable() -> Callable[[str], Any]:
    """`usable(name)`: the engine called `name`. Where it cannot be used, a skip with a warning that nobody overlooks; a
    failure where SOLO_LEARN says that a checkout was handed over to be tested."""

    def engine(name: str) -> Any:
        # Imported here: most tests need no torch.
        from benchmark.errors import UserError
        from benchmark.pretrain.engines import ENGINES

        engine_ = ENGINES.get(name)
        try:
            engine_.require()
        except UserError as error:
            if os.environ.get("SOLO_LEARN"):
                pytest.fail(str(error))
            warnings.warn(f"NOT TESTED: {error}", stacklevel=1)
            pytest.skip(str(error))
        return engine_

    return engine


def smoke_session(root, **fields):
    """A question to Table 2 in the smoke profile, with the store at `root`."""
    return PlannedTable(Query(**{"table": "2", "profile": "smoke", "store": root, **fields}))


def run_in_process(session, ends=None):
    """Run what is not finished of `ends` (default: the whole plan) and of its inputs; the store."""
    store = open_store(session.query.store)
    for stage in session.plan.stages if ends is None else ordered(ends):
        if not store.has(stage):
            run_stage(Task(stage, store, session.data, "cpu", local=session.local))
    return store


@pytest.fixture(scope="session")
def new_session():
    return smoke_session


@pytest.fixture(scope="session")
def run_here():
    return run_in_process


@pytest.fixture(scope="session")
def small_run():
    """Make the small job's session and finished store at a place: `small_run(root, **fields)`."""

    def run(root, **fields):
        session = smoke_session(root, **{**SMALL, **fields})
        return session, run_in_process(session)

    return run


@pytest.fixture(scope="session")
def finished_small_run(small_run, tmp_path_factory):
    """Session and store of the small job. Read it, never change it."""
    return small_run(tmp_path_factory.mktemp("small") / "runs")
